import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { acts, allAsleep, ended, trigger } from './support/runs';
import { VirtualWorld, type VirtualOptions } from './support/virtual-world';
import { capsuleIdOf, World } from './support/world';

const MINUTE = 60_000;
const NINE = Date.UTC(2026, 10, 20, 9, 0, 0);
const BOOT_MS = 5_000;

const scheduled = (id: string, cron: string, agent: string, more: object = {}) => ({
  id,
  name: id,
  schedule: { cron, ...('slackSeconds' in more ? { slackSeconds: Number(more.slackSeconds) } : {}) },
  prewarm: 'schedule' as const,
  steps: [{ id: 'job', agent, timeoutSeconds: 600 }],
});

/** From a minute before nine, with one boot learned. */
async function morning(options: Pick<VirtualOptions, 'workflows'> & { workMs?: number; linger?: object }) {
  const { workflows, workMs = 2_000, linger = {} } = options;
  const world = new VirtualWorld({
    startsAt: NINE - 10 * MINUTE,
    agents: [{ id: 'alpha', bootMs: BOOT_MS, workMs, ...linger }],
    workflows: [
      ...workflows,
      { id: 'once', name: 'once', steps: [{ id: 'job', agent: 'alpha', timeoutSeconds: 600 }] },
    ],
  });
  await world.staffed();
  await world.run('once', MINUTE);
  return world;
}

const startsOf = (world: VirtualWorld, workflowId: string) =>
  world.jobs.filter((j) => j.workflowId === workflowId).map((j) => j.at);

describe('work on a schedule, in virtual time', () => {
  it('starts on time on a capsule that takes seconds to boot, at little waste', async () => {
    const world = await morning({ workflows: [scheduled('hourly', '0 * * * *', 'alpha')] });
    await world.until(NINE + 10 * 60 * MINUTE + MINUTE);
    const lateMs = startsOf(world, 'hourly').map((at) => (at - NINE) % (60 * MINUTE));
    expect(lateMs).toHaveLength(11);
    expect(Math.max(...lateMs)).toBeLessThanOrEqual(100);
    const shifts = (await world.shifts('alpha')).slice(1);
    expect(shifts.map((s) => s.prewarm).filter((reason) => !reason)).toEqual([]);
    const billed = shifts.reduce((sum, s) => sum + (s.zeroAt ?? 0) - (s.acceptedAt ?? 0), 0);
    const ahead = shifts.reduce((sum, s) => sum + (s.split?.prewarmMs ?? 0), 0);
    expect(ahead).toBeGreaterThan(0);
    expect(ahead / billed).toBeLessThanOrEqual(0.1);
    const [first] = await world.told('capsule.prewarmed');
    expect(first?.reason).toMatch(/^hourly due 2026-11-20T09:00:00Z, p95 boot 5\.\d s$/);
  });

  it('is not woken for where the tick will be skipped', async () => {
    const world = await morning({ workflows: [scheduled('hourly', '0 * * * *', 'alpha')], workMs: 20_000 });
    await world.until(NINE - 15_000);
    await world.run('hourly', 30_000);
    expect(await world.told('capsule.prewarmed')).toEqual([]);
    expect((await world.store.ticks('hourly', 5)).map((t) => t.action)).toEqual(['skipped']);
  });

  it('is not woken for before a boot was learned, nor where the schedule is disabled', async () => {
    const off = scheduled('off', '0 * * * *', 'alpha');
    const never = { ...off, id: 'never', schedule: { ...off.schedule, enabled: false } };
    const world = await morning({ workflows: [never] });
    await world.until(NINE + MINUTE);
    expect(await world.told('capsule.prewarmed')).toEqual([]);
    const fresh = new VirtualWorld({
      startsAt: NINE - MINUTE,
      agents: [{ id: 'alpha', bootMs: BOOT_MS, workMs: 10 }],
      workflows: [off],
    });
    await fresh.staffed();
    await fresh.until(NINE + MINUTE);
    expect(await fresh.told('capsule.prewarmed')).toEqual([]);
    expect(startsOf(fresh, 'off')).toHaveLength(1);
  });

  it('finds its capsule awake although the orchestrator was replaced meanwhile', async () => {
    const world = await morning({ workflows: [scheduled('hourly', '0 * * * *', 'alpha')] });
    await world.until(NINE - 100);
    expect((await world.store.capsule('capsule-alpha'))?.state.status).toBe('awake');
    await world.staffed();
    await world.until(NINE + MINUTE);
    const [lateMs = Infinity] = startsOf(world, 'hourly').map((at) => at - NINE);
    expect(lateMs).toBeLessThanOrEqual(1_000);
    expect((await world.shifts('alpha')).filter((s) => s.prewarm)).toHaveLength(1);
  });

  it('sleeps again when nobody was there to begin the work', async () => {
    const world = await morning({ workflows: [scheduled('hourly', '0 * * * *', 'alpha')] });
    await world.until(NINE - 1_000);
    world.dismiss();
    await world.until(NINE + 30 * MINUTE);
    expect(world.running('alpha')).toBe(true);
    await world.staffed();
    await world.until(NINE + 31 * MINUTE);
    expect(world.running('alpha')).toBe(false);
  });

  it('shares one shift with what comes within its slack', async () => {
    const workflows = [
      scheduled('early', '0 9 * * *', 'alpha', { slackSeconds: 300 }),
      scheduled('late', '3 9 * * *', 'alpha'),
    ];
    const world = await morning({ workflows });
    await world.until(NINE + 10 * MINUTE);
    const [early = 0] = startsOf(world, 'early');
    const [late = 0] = startsOf(world, 'late');
    expect(early - NINE).toBeGreaterThanOrEqual(3 * MINUTE);
    expect(Math.abs(early - late)).toBeLessThanOrEqual(BOOT_MS);
    expect(await world.shifts('alpha')).toHaveLength(2);
    expect(await world.store.ticks('early', 5)).toMatchObject([{ action: 'fired', reason: 'on time' }]);
  });

  it('lingers for the next scheduled time when a cold start costs more', async () => {
    const schedule = { cron: '* * * * *', overlap: 'queue' as const };
    const workflows = [{ ...scheduled('often', '', 'alpha'), schedule, prewarm: 'off' as const }];
    const linger = { linger: 'break-even' as const, lingerSeconds: 600 };
    const quick = await morning({ workflows, linger, workMs: 57_000 });
    await quick.until(NINE);
    expect((await quick.shifts('alpha')).length).toBeLessThanOrEqual(2);
    const slow = await morning({ workflows, linger, workMs: 1_000 });
    await slow.until(NINE);
    expect((await slow.shifts('alpha')).length).toBeGreaterThanOrEqual(9);
  });
});

describe('steps that follow one another, in virtual time', () => {
  const ids = ['alpha', 'beta', 'gamma'];
  const world = async (prewarm: 'off' | 'pipeline') => {
    const made = new VirtualWorld({
      startsAt: NINE,
      agents: ids.map((id) => ({ id, bootMs: 2_000, workMs: 2_000 })),
      workflows: [
        {
          id: 'chain',
          name: 'chain',
          prewarm,
          steps: ids.map((id) => ({
            id,
            agent: id,
            ...(id === 'gamma' && { when: { path: 'input.branch', notEquals: 'left' } }),
          })),
        },
      ],
    });
    await made.staffed();
    await made.run('chain', MINUTE);
    return made;
  };
  const lengthOf = async (w: VirtualWorld, runId: string) => {
    const run = (await w.store.run(runId))?.state;
    return (run?.finishedAt ?? Infinity) - (run?.startedAt ?? 0);
  };

  it('find their capsules awake, and the run costs one boot', async () => {
    const ahead = await world('pipeline');
    const runId = await ahead.run('chain', MINUTE);
    expect(await lengthOf(ahead, runId)).toBeLessThanOrEqual(1.15 * 8_000);
    for (const id of ['beta', 'gamma'])
      expect((await ahead.shifts(id)).at(-1)?.prewarm).toContain(`step ${id} of run ${runId} expected`);
    const cold = await world('off');
    expect(await lengthOf(cold, await cold.run('chain', MINUTE))).toBeGreaterThan(12_000);
  });

  it('let the capsule go back to sleep when a branch skips its step', async () => {
    const ahead = await world('pipeline');
    const runId = await ahead.run('chain', MINUTE, { branch: 'left' });
    expect((await ahead.store.run(runId))?.state.steps.map((s) => s.status)).toEqual([
      'succeeded',
      'succeeded',
      'skipped',
    ]);
    const wasted = (await ahead.shifts('gamma')).at(-1);
    expect(wasted?.prewarm).toContain(runId);
    expect(wasted).toMatchObject({ split: { workMs: 0, lingerMs: 0 } });
    expect(wasted?.split?.prewarmMs).toBeLessThan(5_000);
  });

  it('let the capsule go back to sleep when the run ends before its turn', async () => {
    const ahead = await world('pipeline');
    const engine = await ahead.staffed();
    const runId = await ahead.run('chain', 2_500);
    expect(ahead.running('beta')).toBe(true);
    void engine.cancel(runId, 'no longer wanted', 'test');
    await ahead.until(ahead.clock.now() + 4_000);
    expect(ids.filter((id) => ahead.running(id))).toEqual([]);
    expect((await ahead.told('capsule.cooled')).map((e) => e.id)).toContain('capsule-beta');
    const wasted = (await ahead.shifts('beta')).at(-1);
    expect(wasted?.prewarm).toContain(runId);
    expect(wasted).toMatchObject({ split: { workMs: 0, lingerMs: 0 } });
  });
});

describe('prewarming real processes', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({
      agents: ['alpha', 'beta'].map((id) => ({ id, coldStartMs: 300 })),
      workflows: [
        {
          id: 'chain',
          name: 'chain',
          prewarm: 'pipeline',
          steps: ['alpha', 'beta'].map((agent) => ({ id: `do-${agent}`, agent, timeoutSeconds: 30 })),
        },
      ],
    });
    orchestrator = await world.orchestrate();
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  test('the second step is awaited, and its shift adds up', async () => {
    const input = acts({ 'do-alpha': 'slow:2500' });
    await ended(orchestrator, await trigger(orchestrator, 'chain', input));
    await allAsleep(world, orchestrator);
    const runId = await trigger(orchestrator, 'chain', input);
    const run = await ended(orchestrator, runId);
    await allAsleep(world, orchestrator);
    const [shift] = (await orchestrator.store.shifts({ capsuleId: capsuleIdOf('beta') }, 1)).items;
    expect(shift?.prewarm).toContain(`step do-beta of run ${runId} expected`);
    const asked = run.steps[1]?.history[0]?.requestedAt ?? 0;
    expect(shift?.requestedAt).toBeLessThan(asked);
    expect(shift?.firstWorkAt).toBeGreaterThanOrEqual(asked);
  });
});
