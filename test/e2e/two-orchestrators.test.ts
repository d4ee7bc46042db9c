import { canonicalJson } from '../../src/domain/canonical-json';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freePort } from '../support/ports';
import { useProcesses } from '../support/processes';
import { AGENTS, checked, three } from './support/registry';
import { acts, allAsleep, begun, ended, statuses, stepIs, succeeded, trigger } from './support/runs';
import { World } from './support/world';

const retry = { attempts: 2, backoffSeconds: 0.1, maxBackoffSeconds: 1 };
const hourly = {
  ...three,
  id: 'hourly',
  schedule: {
    cron: '0 * * * *',
    timezone: 'UTC',
    catchUp: { mode: 'latest' as const, windowSeconds: 86_400 },
  },
};
/** Its tick is due in a moment that no test waits for. */
const yearly = { ...three, id: 'yearly', schedule: { cron: '0 0 1 1 *', timezone: 'UTC' } };
const retried = {
  ...three,
  id: 'retried',
  steps: three.steps.map((step) => ({ ...step, retry })),
};

describe('several orchestrators', () => {
  const processes = useProcesses();
  let leaks: LeakCheck;
  let world: World;

  beforeAll(() => {
    leaks = leakCheck();
  });

  beforeEach(async () => {
    world = await World.start({
      agents: AGENTS.map((id) => ({ id })),
      workflows: [three, retried, hourly, yearly],
    });
  });

  afterEach(() => world.close());

  afterAll(() => leaks.backToBaseline());

  test('a tick that is due fires once, whoever looks', async () => {
    const first = await world.orchestrate();
    // As if both had been away for two hours: the time since which the schedule is known lies back.
    const { schedule } = checked(world.registry).workflow('hourly');
    await first.store.declareSchedule('hourly', 'unknown', 0);
    await first.store.declareSchedule('hourly', canonicalJson(schedule), Date.now() - 2 * 3_600_000);
    await world.stop(first);
    const both = await Promise.all([world.orchestrate(), world.orchestrate()]);
    await Promise.all(both.flatMap(({ engine }) => [engine.tick(), engine.tick(), engine.tick()]));
    const [{ store }] = both;
    const ticks = await store.ticks('hourly', 10);
    const fired = ticks.filter((t) => t.action === 'fired');
    expect(fired).toHaveLength(1);
    // Two hours hold two full hours, or three if now is one of them; the rest is skipped, with its reason.
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.filter((t) => t.action === 'skipped')).toHaveLength(ticks.length - 1);
    const { items } = await store.runs({ workflowId: 'hourly' }, 10);
    expect(items.map((r) => r.id)).toEqual(fired.map((t) => t.runId));
    const [run] = items;
    await succeeded({ store }, run?.id ?? '');
    expect(begun(world, run?.id ?? '')).toEqual({ 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 });
    expect(await store.ticks('yearly', 10)).toEqual([]);
    await allAsleep(world, { store });
  });

  test('each takes the webhooks of what the other sent', async () => {
    const ports = [await freePort(), await freePort()];
    const [a, b] = await Promise.all(
      ports.map((port, i) =>
        world.orchestrate({
          env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${ports[1 - i]}` },
          // Nobody asks the agents: only the webhooks can carry the runs on.
          limits: { checkMs: 20_000 },
        }),
      ),
    );
    if (!a || !b) throw new Error('two were started');
    const runIds = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        trigger(i % 2 ? a : b, 'retried', acts({ 'do-beta': ['error', 'succeed'] })),
      ),
    );
    for (const runId of runIds) {
      expect(statuses(await ended(a, runId))).toEqual(['succeeded', 'succeeded', 'succeeded']);
      expect(begun(world, runId)).toEqual({
        'do-alpha#1': 1,
        'do-beta#1': 1,
        'do-beta#2': 1,
        'do-gamma#1': 1,
      });
      const refused = world.work(runId).filter((w) => w.event === 'delivered' && w.status !== 200);
      expect(refused).toEqual([]);
    }
    await allAsleep(world, a);
  });

  test('what one has in hand when it is gone, the other takes over, although it knew the run', async () => {
    const ports = [await freePort(), await freePort()];
    const [mine = '', theirs = ''] = ports.map((port) => `http://127.0.0.1:${port}`);
    // Each is sent the other's results, so that both know the run; nobody asks the agents.
    const limits = { checkMs: 20_000 };
    const env = { PORT: String(ports[0]), PUBLIC_URL: theirs };
    const survivor = await world.orchestrate({ env, limits });
    const other = await world.spawn(processes, {
      env: { PORT: String(ports[1]), PUBLIC_URL: mine, DIE_AT: 'step:do-gamma:dispatching' },
      limits,
    });
    const runId = await trigger(other, 'three');
    // On a busy machine the survivor's sweeper may be first with the last step; then nothing is in hand.
    await Promise.race([other.process.exited, ended(survivor, runId)]);
    other.process.kill('SIGKILL');
    await other.process.exited;
    await world.orchestrate({ env: { PORT: String(ports[1]), ROLE: 'web' } });
    const run = await ended(survivor, runId);
    expect(run.status).toBe('succeeded');
    await allAsleep(world, survivor);
  }, 40_000);

  test('ROLE=web takes what comes in, ROLE=worker does it, each in a process of its own', async () => {
    const port = await freePort();
    const [web, worker] = await Promise.all([
      world.spawn(processes, { env: { ROLE: 'web', PORT: String(port) } }),
      world.spawn(processes, {
        env: { ROLE: 'worker', PUBLIC_URL: `http://127.0.0.1:${port}` },
        // The web process hands over by hints: the sweeper, which moves what is left, comes too late for this run.
        limits: { sweepMs: 60_000, checkMs: 60_000 },
      }),
    ]);
    const observer = await world.orchestrate({ env: { ROLE: 'web' } });
    const runId = await trigger(web, 'three', acts({ 'do-beta': 'hold' }));
    await stepIs(observer, runId, 'do-beta', 'running');
    await world.release('beta', runId, 'do-beta');
    expect(statuses(await ended(observer, runId))).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(begun(world, runId)).toEqual({ 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 });
    const cancelled = await trigger(web, 'three', acts({ 'do-alpha': 'hang' }));
    await stepIs(observer, cancelled, 'do-alpha', 'running');
    await fetch(`${web.url}/runs/${cancelled}/cancel`, { method: 'POST' });
    await world.worked({ event: 'cancelled', runId: cancelled });
    await allAsleep(world, observer);
    const exits = await Promise.all([web.process.stop(), worker.process.stop()]);
    expect(exits.map((e) => e.code)).toEqual([0, 0]);
  }, 40_000);
});
