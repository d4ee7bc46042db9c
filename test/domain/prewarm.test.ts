/** Which capsules to wake ahead of work. */
import { asleep, learnedBootMs, withBoot, type CapsuleState } from '../../src/domain/capsule';
import {
  agentsOf,
  firstAgents,
  isAwaited,
  learnSteps,
  pipelineWishes,
  wishFor,
} from '../../src/domain/prewarm';
import type { StepPlan } from '../../src/domain/plan';
import type { RunState } from '../../src/domain/run';
import { T, agentStep, step, working, done, runOf } from './prewarm-support';

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
    expect(capsuleState.releaseBoots?.map((boots) => boots.release)).toEqual(['v5', 'v4', 'v3']);
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
