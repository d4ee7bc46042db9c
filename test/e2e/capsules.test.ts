import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freePort } from '../support/ports';
import { until } from '../support/until';
import { acts, allAsleep, begun, capsuleIs, ended, stepIs, succeeded, trigger } from './support/runs';
import { capsuleIdOf, World, type Work } from './support/world';

const SECRET = 'a-secret-that-the-agent-and-we-share-0123456789';
const workflow = (id: string, agent: string) => ({
  id,
  name: id,
  steps: [{ id: 'job', agent, timeoutSeconds: 30 }],
});

describe('capsules', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    const port = await freePort();
    const startup = {
      AGENT_MODE: 'startup',
      AGENT_SECRET: SECRET,
      ORCHESTRATOR_WEBHOOK_URL: `http://127.0.0.1:${port}/webhook`,
    };
    world = await World.start({
      agents: [
        { id: 'single' },
        { id: 'triple', concurrency: 3 },
        { id: 'lingering', lingerSeconds: 2 },
        { id: 'claiming', env: startup, secret: SECRET },
        { id: 'impostor', env: { ...startup, AGENT_SECRET: 'guessed' }, secret: SECRET },
      ],
      workflows: [
        workflow('one-a', 'single'),
        workflow('one-b', 'single'),
        workflow('three-a', 'triple'),
        workflow('three-b', 'triple'),
        workflow('lingers', 'lingering'),
        workflow('claims', 'claiming'),
        workflow('impostor', 'impostor'),
      ],
    });
    orchestrator = await world.orchestrate({ env: { PORT: String(port) } });
  });

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  test.each([
    ['one', 1],
    ['three', 3],
  ])('two workflows share a capsule with slots: %s', async (name, slots) => {
    const agentId = slots === 1 ? 'single' : 'triple';
    const runIds = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        trigger(orchestrator, `${name}-${i % 2 ? 'a' : 'b'}`, acts({ job: 'slow:60' })),
      ),
    );
    for (const runId of runIds) {
      const { status, error } = await ended(orchestrator, runId);
      expect([status, error]).toEqual(['succeeded', undefined]);
      expect(begun(world, runId)).toEqual({ 'job#1': 1 });
    }
    const most = atOnce(world.work().filter((w) => w.agentId === agentId));
    expect(most).toBe(slots);
  });

  test('three jobs at once outlast looks at an agent whose status tells of one', async () => {
    const runIds = await Promise.all(
      [1, 2, 3].map(() => trigger(orchestrator, 'three-a', acts({ job: 'slow:700' }))),
    );
    for (const runId of runIds) {
      const run = await ended(orchestrator, runId);
      expect(run.steps[0]?.history.map((h) => [h.outcome, h.message])).toEqual([['success', undefined]]);
    }
  });

  test('a run within the linger works in the same shift, and the linger begins anew', async () => {
    const first = await trigger(orchestrator, 'lingers');
    await ended(orchestrator, first);
    await capsuleIs(orchestrator, 'lingering', 'awake');
    const second = await trigger(orchestrator, 'lingers');
    await ended(orchestrator, second);
    await allAsleep(world, orchestrator);
    const { items } = await orchestrator.store.shifts({ capsuleId: capsuleIdOf('lingering') }, 10);
    expect(items).toHaveLength(1);
    const [shift] = items;
    expect(shift?.split?.lingerMs).toBeGreaterThanOrEqual(2_000);
    expect((shift?.scaleDownAt ?? 0) - (shift?.healthyAt ?? 0)).toBeLessThan(6_000);
    expect(world.work().filter((w) => w.event === 'booted' && w.agentId === 'lingering')).toHaveLength(1);
  });

  test('an agent that was restarted while it lingered keeps the next job', async () => {
    await ended(orchestrator, await trigger(orchestrator, 'lingers'));
    const boots = () => world.work().filter((w) => w.event === 'booted' && w.agentId === 'lingering').length;
    const before = boots();
    const exited = new Promise((resolve) => world.platform.events.once('exited', resolve));
    const started = new Promise((resolve) => world.platform.events.once('started', resolve));
    // A job nobody knows of makes the agent crash; the platform starts it again.
    await fetch(`${world.platform.baseUrl(capsuleIdOf('lingering'))}/run`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify({ runId: 'none', stepId: 'x', input: acts({ x: 'crash' }), config: {} }),
    });
    await exited;
    await started;
    await until(() => boots() === before + 1, { what: 'the second boot' });
    const runId = await trigger(orchestrator, 'lingers', acts({ job: 'slow:1000' }));
    const run = await ended(orchestrator, runId);
    expect(run.steps[0]?.history.map((h) => h.outcome)).toEqual(['success']);
  });

  test('an agent in startup mode claims its job; the job is done once', async () => {
    const runId = await trigger(orchestrator, 'claims');
    const run = await ended(orchestrator, runId);
    expect(run.status).toBe('succeeded');
    expect(begun(world, runId)).toEqual({ 'job#1': 1 });
    expect(world.work()).toContainEqual(
      expect.objectContaining({ event: 'claimed', agentId: 'claiming', status: 200 }),
    );
  });

  test('an agent with a wrong secret gets no job by claiming, and works by being asked', async () => {
    const runId = await trigger(orchestrator, 'impostor');
    await succeeded(orchestrator, runId);
    await world.worked({ event: 'claimed', agentId: 'impostor', status: 401 });
  });

  test('a replica that runs although the capsule should be asleep is put to sleep', async () => {
    await world.driver.scale(capsuleIdOf('single'), 1);
    expect((await world.replicas()).single).toBe(1);
    await until(async () => (await world.replicas()).single === 0, { what: 'the stray asleep' });
  });

  test('a capsule put to sleep by somebody else is woken again for the next run', async () => {
    await ended(orchestrator, await trigger(orchestrator, 'lingers'));
    await world.driver.scale(capsuleIdOf('lingering'), 0);
    await until(async () => (await world.replicas()).lingering === 0);
    const runId = await trigger(orchestrator, 'lingers');
    await succeeded(orchestrator, runId);
  });

  test('asleep is written only when zero replicas are seen', async () => {
    world.platform.faults.set({ ignoreScaleToZeroMs: 600 }, capsuleIdOf('single'));
    const runId = await trigger(orchestrator, 'one-a');
    await ended(orchestrator, runId);
    await capsuleIs(orchestrator, 'single', 'draining');
    await capsuleIs(orchestrator, 'single', 'asleep');
    expect((await world.replicas()).single).toBe(0);
    const { items } = await orchestrator.store.shifts({ capsuleId: capsuleIdOf('single') }, 1);
    expect(items[0]?.split?.drainMs).toBeGreaterThanOrEqual(550);
    world.platform.faults.clear();
  });

  test('a scale-down whose request is lost is sent again', async () => {
    const runId = await trigger(orchestrator, 'one-a', acts({ job: 'hold' }));
    await stepIs(orchestrator, runId, 'job', 'running');
    // More losses than the driver's own retries make up for.
    world.platform.faults.set({ patchLost: 5 }, capsuleIdOf('single'));
    await world.release('single', runId, 'job');
    await ended(orchestrator, runId);
    await allAsleep(world, orchestrator);
    world.platform.faults.clear();
  });
});

test('a linger that begins anew ends in time, without the sweeper', async () => {
  const leaks = leakCheck();
  const world = await World.start({
    agents: [{ id: 'lingering', lingerSeconds: 1 }],
    workflows: [workflow('lingers', 'lingering')],
  });
  try {
    const orchestrator = await world.orchestrate({ limits: { sweepMs: 60_000 } });
    await ended(orchestrator, await trigger(orchestrator, 'lingers'));
    await ended(orchestrator, await trigger(orchestrator, 'lingers', acts({ job: 'slow:200' })));
    await allAsleep(world, orchestrator);
    const { items } = await orchestrator.store.shifts({}, 5);
    expect(items).toHaveLength(1);
    expect(items[0]?.split?.lingerMs).toBeGreaterThanOrEqual(1_000);
  } finally {
    await world.close();
  }
  await leaks.backToBaseline();
});

test('a capsule that somebody else put to sleep is woken before the sends are used up, without the sweeper', async () => {
  const world = await World.start({
    agents: [{ id: 'lingering', lingerSeconds: 60 }],
    workflows: [workflow('lingers', 'lingering')],
  });
  try {
    const orchestrator = await world.orchestrate({ limits: { sweepMs: 60_000 } });
    await ended(orchestrator, await trigger(orchestrator, 'lingers'));
    await world.driver.scale(capsuleIdOf('lingering'), 0);
    await until(async () => (await world.replicas()).lingering === 0);
    const run = await ended(orchestrator, await trigger(orchestrator, 'lingers'));
    expect(run.steps[0]?.history.map(({ outcome }) => outcome)).toEqual(['success']);
    expect((await orchestrator.store.shifts({}, 5)).items).toHaveLength(2);
  } finally {
    await world.close();
  }
});

/** The most jobs that were under way at the same time. */
function atOnce(work: Work[]): number {
  let now = 0;
  let most = 0;
  for (const { event } of work) {
    if (event === 'job') now += 1;
    if (event === 'done') now -= 1;
    most = Math.max(most, now);
  }
  return most;
}
