import { loadRegistry, type Registry, type RegistryInput } from '../../src/registry';
import { POLICY_ENV, policyWorkflows } from './policies';

export const LONGEST_LINGER_MS = 10_000;

/** The workflow with a schedule, and when it is due unless a simulation says otherwise. */
export const SCHEDULED = 'scheduled';
export const OFTEN = '*/20 * * * *';

/** Where the last agent's work is done while it cannot be done where it belongs. */
export const ALTERNATIVE = 'capsule-other';

/**
 * Three agents, and workflows of every kind: enough for hand-overs, contention, retries, forks and waits.
 * @param released the first agent has a spare capsule for its releases, and the last an alternative
 */
export const simulatedRegistry = (cron = OFTEN, released = false): Registry =>
  registryOf(simulatedInput(cron, released));

export function registryOf(input: RegistryInput): Registry {
  const loaded = loadRegistry(input, POLICY_ENV);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}

export function simulatedInput(cron = OFTEN, released = false): RegistryInput {
  const ids = ['alpha', 'beta', 'gamma'];
  const retry = { attempts: 3, backoffSeconds: 2, maxBackoffSeconds: 20 };
  const steps = ids.map((id) => ({ id: `do-${id}`, agent: id, timeoutSeconds: 60, retry }));
  return {
    agents: ids.map((id, i) => ({
      id,
      name: id,
      capsuleId: `capsule-${id}`,
      baseUrl: `http://${id}.test`,
      lingerSeconds: [0, 5, LONGEST_LINGER_MS / 1_000][i] ?? 0,
      linger: id === 'gamma' ? ('break-even' as const) : ('fixed' as const),
      wakeTimeoutSeconds: 30,
      ...(released && i === 0 && { spares: [{ capsuleId: 'capsule-spare', baseUrl: 'http://spare.test' }] }),
      ...(released &&
        i === 2 && { alternatives: [{ capsuleId: ALTERNATIVE, baseUrl: 'http://other.test' }] }),
    })),
    workflows: [
      { id: 'three', name: 'Three steps', steps, prewarm: 'pipeline' },
      { id: 'one', name: 'One step', steps: steps.slice(0, 1) },
      {
        id: SCHEDULED,
        name: 'Scheduled',
        prewarm: 'schedule',
        steps: steps.slice(1),
        schedule: { cron, timezone: 'Europe/Berlin' },
      },
      ...graphs(retry),
      ...policyWorkflows(retry),
    ],
  };
}

/** What is asked of people and of other systems in the workflow `waits`. */
export const EVENT = 'paid';
/** A workflow of which only so many runs may be under way. */
export const LIMITED = { id: 'each', limit: 2 };
/** Longer than whoever answers takes, so that most waits end well. */
const WAIT_SECONDS = 1_800;

function graphs(retry: object): RegistryInput['workflows'] {
  const step = (id: string, agent: string, more: object = {}) => ({
    id,
    agent,
    timeoutSeconds: 60,
    retry,
    ...more,
  });
  return [
    {
      id: 'fork',
      name: 'Fork',
      steps: [
        step('left', 'alpha', { needs: [], optional: true }),
        step('right', 'beta', { needs: [] }),
        step('rare', 'gamma', { needs: ['left'], when: { path: 'input.rare', equals: true } }),
        step('join', 'gamma', { needs: ['left', 'right', 'rare'], join: { atLeast: 1 } }),
      ],
      onFailure: [step('mend', 'beta')],
      finally: [step('tidy', 'alpha')],
    },
    {
      id: LIMITED.id,
      name: 'Each',
      concurrency: [{ limit: LIMITED.limit }, { limit: 1, key: 'input.customer' }],
      rateLimit: { limit: 20, perSeconds: 600 },
      steps: [
        step('page', 'alpha', { forEach: { items: 'input.pages', concurrency: 2, tolerate: 1 } }),
        { id: 'whole', workflow: 'inner', timeoutSeconds: 3_600 },
      ],
    },
    { id: 'inner', name: 'Inner', steps: [step('first', 'beta'), step('second', 'gamma')] },
    {
      id: 'waits',
      name: 'Waits',
      steps: [
        { id: 'pause', sleep: { seconds: 20 } },
        { id: 'paid', waitForEvent: { name: EVENT, key: 'input.key' }, timeoutSeconds: WAIT_SECONDS },
        { id: 'word', approval: { title: 'Go on?' }, timeoutSeconds: WAIT_SECONDS },
        step('send', 'gamma'),
      ],
    },
  ];
}
