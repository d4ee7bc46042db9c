/** The process as it is shipped: its entry, its registry, its environment, its limits. */
import { agentVariables, registry } from '../../src/registry';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { useProcesses } from '../support/processes';
import { allAsleep, capsuleIs, ended, outputOf, statuses, trigger } from './support/runs';
import { capsuleIdOf, World } from './support/world';

describe('the process', () => {
  const processes = useProcesses();
  let leaks: LeakCheck;
  let world: World;

  beforeAll(async () => {
    leaks = leakCheck();
    const { agents, workflows } = registry({});
    world = await World.start({ agents: agents.map(({ id }) => ({ id })), workflows });
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  test('runs its workflow with the agents its environment names, and ends on SIGTERM', async () => {
    const named = world.registry.agents.flatMap(({ id, baseUrl }) => {
      const variables = agentVariables(id);
      return [
        [variables.capsuleId, capsuleIdOf(id)],
        [variables.baseUrl, baseUrl],
      ];
    });
    const env = { ...world.env({ LOG_LEVEL: 'info' }), ...(Object.fromEntries(named) as object) };
    const child = await processes.startScript('src/index.ts', [], { env });
    const [, url = ''] = await child.waitFor(/"url":"([^"]+)","role":"all","msg":"reveille is up"/);
    const ready = await fetch(`${url}/ready`);
    expect(ready.status).toBe(200);
    const runId = await trigger({ url }, 'site-audit');
    // Without an agent's linger of half a minute; a web role leaves the run to the process.
    const reader = await world.orchestrate({ env: { ROLE: 'web' } });
    const run = await ended(reader, runId);
    expect(statuses(run)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(await outputOf(reader, runId, 'notify')).toMatchObject({ from: 'notify' });
    await capsuleIs(reader, 'report-notifier', 'awake');
    child.kill('SIGTERM');
    expect(await child.exited).toMatchObject({ code: 0 });
    expect(child.output()).toContain('"msg":"stopped"');
    await world.stop(reader);
    const successor = await world.orchestrate();
    await allAsleep(world, successor);
  });
});
