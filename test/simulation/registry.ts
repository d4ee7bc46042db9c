import { loadRegistry, type Registry } from '../../src/registry';

export const LONGEST_LINGER_MS = 10_000;

/** Three agents and two workflows: enough for hand-overs, contention and retries. */
export function simulatedRegistry(): Registry {
  const ids = ['alpha', 'beta', 'gamma'];
  const retry = { attempts: 3, backoffSeconds: 2, maxBackoffSeconds: 20 };
  const steps = ids.map((id) => ({ id: `do-${id}`, agent: id, timeoutSeconds: 60, retry }));
  const loaded = loadRegistry(
    {
      agents: ids.map((id, i) => ({
        id,
        name: id,
        capsuleId: `capsule-${id}`,
        baseUrl: `http://${id}.test`,
        lingerSeconds: [0, 5, LONGEST_LINGER_MS / 1_000][i] ?? 0,
        wakeTimeoutSeconds: 30,
      })),
      workflows: [
        { id: 'three', name: 'Three steps', steps },
        { id: 'one', name: 'One step', steps: steps.slice(0, 1) },
        {
          id: 'scheduled',
          name: 'Scheduled',
          steps: steps.slice(1),
          schedule: { cron: '*/20 * * * *', timezone: 'Europe/Berlin' },
        },
      ],
    },
    {},
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}
