import { asleep, learnedBootMs, withBoot, type CapsuleState } from '../../src/domain/capsule';
import { decideCapsule, reasonsAwake } from '../../src/domain/decide-capsule';
import { placedTicks, placeKey, placements, type Placeable } from '../../src/domain/placement';
import {
  agentsOf,
  firstAgents,
  isAwaited,
  learnSteps,
  pipelineWishes,
  wishFor,
} from '../../src/domain/prewarm';
import type { AgentStep, StepPlan } from '../../src/domain/plan';
import type { RunState, StepState } from '../../src/domain/run';
import { Schedule } from '../../src/domain/schedule';
import { addWarm, warmId } from '../../src/domain/warm';
import { contextAt } from './capsule-world';

const T = Date.UTC(2026, 10, 21, 9, 0, 0);
const MINUTE = 60_000;
const idle = { held: 0, waiting: 0, workMs: 0 };

const agentStep = (id: string, more: Partial<AgentStep> = {}): AgentStep => ({
  id,
  kind: 'agent',
  agentId: id,
  timeoutMs: 60_000,
  attempts: 1,
  backoffMs: 1_000,
  maxBackoffMs: 1_000,
  ...more,
});
const step = (id: string, more: Partial<StepState> = {}): StepState => ({
  id,
  status: 'pending',
  attempt: 0,
  history: [],
  ...more,
});
const working = (id: string, grantedAt: number) => step(id, { status: 'running', attempt: 1, grantedAt });
const done = (id: string, grantedAt: number, endedAt: number) =>
  step(id, {
    status: 'succeeded',
    finishedAt: endedAt,
    history: [{ attempt: 1, outcome: 'success', requestedAt: grantedAt, grantedAt, endedAt }],
  });
const runOf = (plan: StepPlan[], steps: StepState[], more: Partial<RunState> = {}): RunState => ({
  id: 'run-1',
  workflowId: 'flow',
  definition: 'x',
  plan,
  trigger: { kind: 'api' },
  status: 'running',
  steps,
  createdAt: T,
  startedAt: T,
  ...more,
});

describe('wishFor', () => {
  const capsule = { ...asleep('c', 'a'), bootMs: [4_000, 4_800, 4_100] };

  it('wakes a p95 boot and the call before the work, and says why', () => {
    const wish = wishFor(capsule, { workflowId: 'nightly', scheduledFor: T }, T);
    expect(wish).toMatchObject({ capsuleId: 'c', wakeAt: T - 5_040, expectedAt: T, until: T + 5_000 });
    expect(wish?.reason).toBe('nightly due 2026-11-21T09:00:00Z, p95 boot 4.8 s');
  });

  it('waits for late work as long as a boot takes, within bounds', () => {
    const until = (ms: number) =>
      wishFor({ ...capsule, bootMs: [ms] }, { runId: 'r', stepId: 's' }, T)?.until;
    expect(until(100)).toBe(T + 5_000);
    expect(until(20_000)).toBe(T + 20_000);
    expect(until(600_000)).toBe(T + 60_000);
  });

  it('wishes nothing before a boot was learned', () => {
    expect(wishFor(asleep('c', 'a'), { workflowId: 'nightly', scheduledFor: T }, T)).toBeUndefined();
  });

  it('learns each release by itself, the newest boot telling which is next', () => {
    let capsuleState: CapsuleState = { ...asleep('c', 'a'), bootMs: [] };
    for (const [ms, release] of [
      [9_000, 'v1'],
      [1_000, 'v2'],
      [1_100, 'v2'],
    ] as const)
      capsuleState = { ...capsuleState, ...withBoot(capsuleState, ms, release) };
    expect(learnedBootMs(capsuleState, 0.95)).toBe(1_100);
    expect(capsuleState.bootMs).toEqual([1_100, 1_000, 9_000]);
    for (const release of ['v3', 'v4', 'v5'])
      capsuleState = { ...capsuleState, ...withBoot(capsuleState, 7, release) };
    expect(Object.keys(capsuleState.releaseBootMs ?? {})).toEqual(['v3', 'v4', 'v5']);
  });
});

describe('the agents of a plan', () => {
  const plan: StepPlan[] = [
    agentStep('a'),
    agentStep('b', { needs: [] }),
    agentStep('c', { needs: ['a'] }),
    agentStep('maybe', { needs: [], when: { path: 'input.x', exists: true } }),
    { ...agentStep('mend'), phase: 'on-failure' },
  ];

  it('first are those that need nothing and are sure to come', () => {
    expect(firstAgents(plan)).toEqual(['a', 'b']);
  });

  it('all are those of any phase', () => {
    expect(agentsOf(plan)).toEqual(['a', 'b', 'c', 'maybe', 'mend']);
  });
});

describe('pipelineWishes', () => {
  const plan = ['a', 'b', 'c'].map((id) => agentStep(id));
  const bootMs = [2_000];
  const capsuleOf = (id: string): CapsuleState => ({ ...asleep(`capsule-${id}`, id), bootMs });
  const times = { medianMs: new Map(['a', 'b', 'c'].map((id) => [id, 10_000])) };
  const wishes = (run: RunState, now = T, more: Partial<Parameters<typeof pipelineWishes>[1]> = {}) =>
    pipelineWishes(run, { times, capsuleOf, ...more }, now);
  const underWay = runOf(plan, [working('a', T), step('b'), step('c')]);

  it('foresees every step of the chain, each when those before it are expected to end', () => {
    expect(wishes(underWay).map((w) => [w.capsuleId, w.expectedAt - T, w.wakeAt - T])).toEqual([
      ['capsule-b', 10_000, 7_900],
      ['capsule-c', 20_000, 17_900],
    ]);
  });

  it('counts what is left of a boot under way', () => {
    const capsule = {
      ...capsuleOf('a'),
      status: 'waking' as const,
      shift: { capsuleId: 'capsule-a', agentId: 'a', generation: 1, requestedAt: T, acceptedAt: T + 50 },
    };
    const run = runOf(plan, [
      step('a', { status: 'waiting', requestedAt: T, attempt: 1 }),
      step('b'),
      step('c'),
    ]);
    const [first] = wishes(run, T + 500, { capsuleOf: (id) => (id === 'a' ? capsule : capsuleOf(id)) });
    expect(first?.expectedAt).toBe(T + 12_050);
  });

  it('expects a join at its last need, or where it asks for fewer, at that one', () => {
    const join = (atLeast?: number): StepPlan[] => [
      agentStep('a', { needs: [] }),
      agentStep('b', { needs: [] }),
      agentStep('c', { needs: ['a', 'b'], ...(atLeast !== undefined && { atLeast }) }),
    ];
    const steps = [working('a', T), working('b', T + 5_000), step('c')];
    expect(wishes(runOf(join(), steps))[0]?.expectedAt).toBe(T + 15_000);
    expect(wishes(runOf(join(1), steps))[0]?.expectedAt).toBe(T + 10_000);
  });

  it('sees past pauses of a known length, and not past what nobody can foresee', () => {
    const { agentId: _a, kind: _k, ...common } = agentStep('b');
    const pausing: StepPlan[] = [
      agentStep('a'),
      { ...common, kind: 'sleep', until: { afterMs: 1_000 } },
      agentStep('c'),
    ];
    expect(wishes(runOf(pausing, underWay.steps)).map((w) => w.expectedAt)).toEqual([T + 11_000]);
    const asking: StepPlan[] = [
      agentStep('a'),
      { ...common, kind: 'approval', title: 'Go?' },
      agentStep('c'),
    ];
    expect(wishes(runOf(asking, underWay.steps))).toEqual([]);
  });

  it('wishes nothing for work that is long overdue, nor after a failure or an end', () => {
    expect(wishes(underWay, T + 14_999)).toHaveLength(2);
    expect(wishes(underWay, T + 15_000).map((w) => w.capsuleId)).toEqual(['capsule-c']);
    expect(wishes({ ...underWay, ending: { status: 'failed' } })).toEqual([]);
    expect(wishes({ ...underWay, status: 'queued' })).toEqual([]);
    expect(wishes({ ...underWay, status: 'cancelled' })).toEqual([]);
  });

  it('learns medians from what succeeded, and leaves out steps that are mostly skipped', () => {
    const past = [1, 2, 3].map((n) =>
      runOf(plan, [
        done('a', T, T + n * 100),
        n === 1 ? done('b', T, T + 5) : step('b', { status: 'skipped' }),
      ]),
    );
    expect([...learnSteps(past).medianMs]).toEqual([['a', 200]]);
    expect(learnSteps([]).medianMs.size).toBe(0);
  });

  it('awaits a step only while it may still begin', () => {
    expect(isAwaited(underWay, 'b')).toBe(true);
    expect(isAwaited(underWay, 'a')).toBe(false);
    expect(isAwaited({ ...underWay, ending: { status: 'failed' } }, 'b')).toBe(false);
    expect(isAwaited({ ...underWay, status: 'cancelled' }, 'b')).toBe(false);
    expect(isAwaited(undefined, 'b')).toBe(false);
  });
});

describe('a capsule that is awake ahead of work', () => {
  const tick = { workflowId: 'nightly', scheduledFor: T };
  const start = { ...asleep('c', 'a'), bootMs: [4_800] };
  const woken = decideCapsule(
    start,
    { type: 'prewarmed', for: tick, until: T + 5_000, reason: 'due 09:00' },
    contextAt(T - 5_000, idle),
  );
  const healthy = (at: number) =>
    decideCapsule(
      woken.state,
      { type: 'healthy', generation: 1, at, release: 'v7' },
      contextAt(at, { ...idle, idleSince: at }),
    ).state;

  it('is woken under a new generation, with the reason in its shift', () => {
    expect(woken.commands).toEqual([{ type: 'scale-up', generation: 1 }]);
    expect(woken.state).toMatchObject({ status: 'waking', shift: { prewarm: 'due 09:00' } });
  });

  it('stays awake until the reason ends by itself, and then at once sleeps', () => {
    const awake = healthy(T - 200);
    expect(awake).toMatchObject({ release: 'v7', dueAt: T + 5_000 });
    const context = (now: number) => contextAt(now, { ...idle, idleSince: T - 200 });
    expect(reasonsAwake(awake, context(T))).toEqual([expect.stringMatching(/due 09:00.*5000 ms/)]);
    expect(decideCapsule(awake, { type: 'idle' }, context(T + 4_999)).changed).toBe(false);
    expect(decideCapsule(awake, { type: 'idle' }, context(T + 5_000)).state.status).toBe('draining');
  });

  it('counts the time before its first work as prewarm, all of it when none came', () => {
    const awake = healthy(T - 200);
    const close = (more: object, lastWorkAt?: number) => {
      const now = T + 1_000;
      const activity = { ...idle, ...more, ...(lastWorkAt !== undefined && { lastWorkAt }) };
      const draining = decideCapsule(
        { ...awake, warm: [] },
        { type: 'idle' },
        { ...contextAt(now, activity), lingerMs: 0 },
      ).state;
      return decideCapsule(
        draining,
        { type: 'observed', generation: 1, running: 0 },
        contextAt(now + 300, activity),
      ).shift?.split;
    };
    expect(close({ firstWorkAt: T + 50, workMs: 800, idleSince: T + 850 }, T + 850)).toEqual({
      bootMs: 0,
      prewarmMs: 250,
      workMs: 800,
      lingerMs: 150,
      drainMs: 300,
    });
    expect(close({ idleSince: T - 200 })).toMatchObject({ prewarmMs: 1_200, workMs: 0, lingerMs: 0 });
  });

  it('goes back to sleep when its work will not come, also out of its boot', () => {
    const cooled = { type: 'cooled' as const, for: tick, reason: 'skipped' };
    const booting = decideCapsule(
      woken.state,
      { type: 'scaled-up', generation: 1, at: T - 4_900 },
      contextAt(T - 4_900, idle),
    ).state;
    const decision = decideCapsule(booting, cooled, contextAt(T - 4_000, idle));
    expect(decision).toMatchObject({
      state: { status: 'draining', shift: { endReason: 'skipped' } },
      commands: [{ type: 'scale-down', generation: 1 }],
      unless: 'held-or-waiting',
    });
    const wanted = decideCapsule(booting, cooled, contextAt(T - 4_000, { ...idle, waiting: 1 }));
    expect(wanted).toMatchObject({ state: { status: 'waking' }, commands: [] });
    expect(wanted.state.warm).toBeUndefined();
  });

  it('is not woken while a failed wake rests, nor on its way to sleep', () => {
    const event = { type: 'prewarmed' as const, for: tick, until: T + 5_000, reason: 'due 09:00' };
    const resting = { ...start, retryWakeAt: T + 1, dueAt: T + 1 };
    expect(decideCapsule(resting, event, contextAt(T, idle))).toMatchObject({
      changed: false,
      state: resting,
    });
    const draining = { ...start, status: 'draining' as const, dueAt: T };
    expect(decideCapsule(draining, event, contextAt(T, idle)).changed).toBe(false);
  });

  it('holds a bounded number of reasons, each once', () => {
    let warm = addWarm({}, { for: tick, until: T + 1, reason: 'first' }, T);
    expect(addWarm({ warm: warm ?? [] }, { for: tick, until: T + 1, reason: 'again' }, T)).toBeUndefined();
    for (let i = 0; i < 100; i += 1)
      warm = addWarm(
        { warm: warm ?? [] },
        { for: { runId: 'r', stepId: `${i}` }, until: T + 10 + i, reason: '' },
        T,
      );
    expect(warm).toHaveLength(50);
    expect(warm?.map((w) => warmId(w.for))).not.toContain(warmId(tick));
  });
});

describe('placing scheduled runs within their slack', () => {
  const placeable = (
    workflowId: string,
    cron: string,
    slackSeconds: number,
    capsules = ['c'],
  ): Placeable => ({
    workflowId,
    schedule: Schedule.parse({ cron, slackSeconds }),
    capsules,
  });
  const at = (placed: Map<string, number>, id: string, tick: number) =>
    placed.get(placeKey(id, tick)) ?? tick;

  it('begins together what uses the same capsule and may wait', () => {
    const placed = placements([placeable('early', '0 9 * * *', 600), placeable('late', '5 9 * * *', 0)], T);
    expect(at(placed, 'early', T)).toBe(T + 5 * MINUTE);
    expect(placed.size).toBe(1);
  });

  it('makes nobody wait who has nothing to share', () => {
    const others = [placeable('other', '5 9 * * *', 0, ['d']), placeable('later', '11 9 * * *', 0)];
    expect(placements([placeable('early', '0 9 * * *', 600), ...others], T).size).toBe(0);
  });

  it('brings three together through the one whose capsules both use', () => {
    const placed = placements(
      [
        placeable('a', '0 9 * * *', 600, ['x']),
        placeable('b', '4 9 * * *', 600, ['x', 'y']),
        placeable('c', '8 9 * * *', 600, ['y']),
      ],
      T,
    );
    for (const [id, tick] of [
      ['a', 0],
      ['b', 4],
    ] as const)
      expect(at(placed, id, T + tick * MINUTE)).toBe(T + 8 * MINUTE);
  });

  it('keeps every run within its slack and before the next of its own', () => {
    const all = [
      placeable('often', '*/2 * * * *', 3_600),
      placeable('odd', '1-59/3 * * * *', 240),
      placeable('rare', '7 * * * *', 0),
    ];
    const placed = placements(all, T);
    expect(placed.size).toBeGreaterThan(0);
    for (const [key, beginsAt] of placed) {
      const [id = '', tick = ''] = key.split('@');
      const slack = (all.find((p) => p.workflowId === id)?.schedule.slackSeconds ?? 0) * 1_000;
      expect(beginsAt).toBeGreaterThan(Number(tick));
      expect(beginsAt - Number(tick)).toBeLessThanOrEqual(slack);
      if (id === 'often') expect(beginsAt - Number(tick)).toBeLessThan(2 * MINUTE);
    }
  });

  it('decides a tick at its place, on time however much slack it used', () => {
    const { schedule } = placeable('early', '0 9 * * *', 600);
    const placeOf = (tick: number) => tick + 5 * MINUTE;
    expect(placedTicks(schedule, T - 1, T + MINUTE, placeOf)).toEqual({ due: [], heldUntil: T + 5 * MINUTE });
    expect(placedTicks(schedule, T - 1, T + 5 * MINUTE + 7, placeOf)).toEqual({
      due: [{ scheduledFor: T, action: 'fire', reason: 'on-time', lateMs: 7 }],
    });
  });

  it('decides what was missed before a tick that waits', () => {
    const { schedule } = placeable('early', '0 9 * * *', 600);
    const decided = placedTicks(schedule, T - 86_400_000 - 1, T + MINUTE, (tick) => tick + 5 * MINUTE);
    expect(decided.due).toMatchObject([
      { scheduledFor: T - 86_400_000, action: 'skip', reason: 'superseded' },
    ]);
    expect(decided.heldUntil).toBe(T + 5 * MINUTE);
  });
});
