import { asleep } from '../../src/domain/capsule';
import { usageBooking, type Booking, type StepLine } from '../../src/domain/cost/booking';
import { NO_FIGURES, type Figures } from '../../src/domain/cost/figures';
import { QUARTER_MS, quarterOf } from '../../src/domain/cost/spread';
import type { Store } from '../../src/store/store';
import {
  awake,
  committed,
  create,
  declareAwake,
  lease,
  leases,
  newRun,
  onCapsule,
  over,
  result,
  runId,
  shiftOf,
  STEP,
  T0,
  update,
} from './store-fixtures';

const QUARTER = quarterOf(T0);
const BIG = 2n ** 90n;
const figures = (more: Partial<Figures> = {}): Figures => ({ ...NO_FIGURES, workMs: 7, ...more });
const line = (n: number, more: Partial<Figures> = {}, model = ''): StepLine => ({
  runId: runId(n),
  stepId: STEP,
  model,
  figures: figures(more),
});
const total = (
  quarter: number,
  workflowId: string,
  agentId: string,
  more: Partial<Figures> = {},
  model = '',
) => ({
  quarter,
  workflowId,
  agentId,
  model,
  figures: figures(more),
});
const booking = (steps: Booking['steps'], totals: Booking['totals'] = []): Booking => ({ steps, totals });

export function costContract(open: () => Store): void {
  describe('costs', () => {
    unbooked(open);
    bookings(open);
    usage(open);
    totals(open);
    families(open);
    strays(open);
  });
}

/** A shift of capsule `a`, closed. */
async function close(store: Store, generation = 1): Promise<void> {
  const shift = shiftOf('a', generation, T0, { acceptedAt: T0, zeroAt: T0 + 100, endReason: 'idle' });
  await committed(store, await onCapsule(store, { ...asleep('a', 'agent-a'), generation }, { shift }));
}

function unbooked(open: () => Store): void {
  it('offers a shift once it is closed and nobody holds a lease of it, with its leases', async () => {
    const store = open();
    await committed(store, create(newRun(1, { workflowId: 'other' })));
    await declareAwake(store, 'a', { slots: 2 });
    await committed(store, await onCapsule(store, awake('a'), { shift: shiftOf('a', 1, T0) }));
    await committed(store, leases(1, [lease('request', 'a')], T0 + 1));
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 3));
    await committed(store, leases(2, [lease('grant', 'a')], T0 + 5));
    await committed(store, leases(1, [lease('release', 'a')], T0 + 9));
    expect(await store.unbookedShifts(10)).toEqual([]);
    await close(store);
    expect(await store.unbookedShifts(10)).toEqual([]);
    await committed(store, leases(2, [lease('release', 'a')], T0 + 11));
    const [worked] = await store.unbookedShifts(10);
    const one = { stepId: STEP, attempt: 1 };
    expect(worked?.shift).toMatchObject({ capsuleId: 'a', generation: 1, zeroAt: T0 + 100 });
    expect(worked?.leases).toEqual([
      {
        ...one,
        runId: runId(1),
        workflowId: 'other',
        requestedAt: T0 + 1,
        grantedAt: T0 + 3,
        releasedAt: T0 + 9,
      },
      {
        ...one,
        runId: runId(2),
        workflowId: '',
        requestedAt: T0 + 5,
        grantedAt: T0 + 5,
        releasedAt: T0 + 11,
      },
    ]);
  });

  it('keeps no lease that was never granted', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('request', 'a')], T0 + 1));
    await committed(store, leases(1, [lease('release', 'a')], T0 + 2));
    await close(store);
    expect((await store.unbookedShifts(10)).map((w) => w.leases)).toEqual([[]]);
  });
}

function bookings(open: () => Store): void {
  it('books a shift once, whoever tries how often', async () => {
    const store = open();
    await committed(store, create(newRun(1)));
    await declareAwake(store, 'a');
    await close(store);
    const once = booking([line(1, { capsuleCost: BIG })], [total(QUARTER, 'audit', 'agent-a')]);
    const shift = { capsuleId: 'a', generation: 1 };
    const answers = await Promise.all([1, 2, 3, 4].map(() => store.bookShift(shift, once)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.unbookedShifts(10)).toEqual([]);
    expect(await store.stepCosts([runId(1)])).toEqual([line(1, { capsuleCost: BIG })]);
    expect(await store.bookShift({ capsuleId: 'a', generation: 9 }, once)).toBe(false);
    // The row is written again without becoming new.
    await close(store);
    expect(await store.unbookedShifts(10)).toEqual([]);
  });

  it('adds what belongs to one step, without loss of a unit', async () => {
    const store = open();
    await committed(store, create(newRun(1)));
    await declareAwake(store, 'a');
    for (const generation of [1, 2]) {
      await close(store, generation);
      const more = { capsuleCost: BIG + 1n, drainMs: generation };
      await store.bookShift({ capsuleId: 'a', generation }, booking([line(1, more)]));
    }
    const sum = { workMs: 14, drainMs: 3, capsuleCost: 2n * BIG + 2n };
    expect(await store.stepCosts([runId(1)])).toEqual([line(1, sum)]);
  });

  it('forgets a step with its run, and never a total', async () => {
    const store = open();
    await committed(store, create(newRun(1)));
    await declareAwake(store, 'a');
    await close(store);
    const steps = [line(1), line(2)];
    await store.bookShift({ capsuleId: 'a', generation: 1 }, booking(steps, [total(QUARTER, 'audit', 'x')]));
    // Nobody knows the second run.
    expect(await store.stepCosts([runId(1), runId(2)])).toEqual([line(1)]);
    await committed(store, update(over(newRun(1), 'succeeded', T0 + 5), 1));
    await store.purge(T0 + 6, 10);
    await committed(store, create(newRun(1)));
    expect(await store.stepCosts([runId(1)])).toEqual([]);
    expect(await store.costTotals('workflow', [QUARTER, QUARTER + 1])).toEqual([
      { key: 'audit', agentId: 'x', figures: figures() },
    ]);
  });
}

function usage(open: () => Store): void {
  const used = [{ provider: 'p', model: 'm', inputTokens: 3, outputTokens: 2, costUsd: 0.25 }];
  const delivered = (n: number, more = {}) =>
    update(newRun(n), 1, { results: [result(n, 1, { usage: used, ...more })] }, T0 + n);

  it('offers what results report, oldest first, and books it once', async () => {
    const store = open();
    for (const n of [1, 2, 3]) await committed(store, create(newRun(n)));
    await committed(store, delivered(2));
    await committed(store, delivered(1));
    await committed(store, update(newRun(3), 1, { results: [result(3)] }));
    const reports = await store.unbookedUsage(10);
    const about = { workflowId: 'audit', agentId: 'crawler', stepId: STEP, attempt: 1, counted: true };
    expect(reports).toEqual(
      [1, 2].map((n) => ({ ...about, runId: runId(n), receivedAt: T0 + n, usage: used })),
    );
    const [first] = reports;
    if (!first) throw new Error('no report');
    const twice = [store.bookUsage(first, usageBooking(first)), store.bookUsage(first, usageBooking(first))];
    expect((await Promise.all(twice)).sort()).toEqual([false, true]);
    expect(await store.unbookedUsage(10)).toHaveLength(1);
    const [cost] = await store.stepCosts([runId(1)]);
    expect(cost).toMatchObject({ model: 'p/m', figures: { inputTokens: 3, outputTokens: 2 } });
  });

  it('does not count again what a rerun took over', async () => {
    const store = open();
    const step = { id: STEP, status: 'succeeded' as const, attempt: 0, history: [], reusedFrom: runId(9) };
    const run = newRun(1, { steps: [step] });
    const fresh = create(run);
    const results = [result(1, 1, { usage: used })];
    await committed(store, { ...fresh, run: { expect: 0, state: run, input: {}, results } });
    expect((await store.unbookedUsage(10)).map((r) => r.usage)).toEqual([[]]);
  });
}

function totals(open: () => Store): void {
  it('adds up by day, workflow, agent and model, from bound to bound', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await close(store);
    const at = (n: number) => QUARTER + n * QUARTER_MS;
    const lines = [
      total(at(-1), 'w1', 'x', { workMs: 1_000 }),
      total(at(0), 'w1', 'x', { workMs: 1 }),
      total(at(1), 'w2', 'x', { workMs: 2 }),
      total(at(2), 'w2', 'y', { workMs: 4 }, 'p/m'),
      total(at(2), '', 'y', { workMs: 8 }),
      total(at(3), 'w1', 'x', { workMs: 2_000 }),
    ];
    expect(await store.firstCost()).toBeUndefined();
    await store.bookShift({ capsuleId: 'a', generation: 1 }, booking([], lines));
    expect(await store.firstCost()).toBe(at(-1));
    const asked = async (by: 'day' | 'workflow' | 'agent' | 'model') =>
      (await store.costTotals(by, [at(0), at(2), at(3)])).map((t) => [t.key, t.agentId, t.figures.workMs]);
    expect(await asked('day')).toEqual([
      ['0', 'x', 3],
      ['1', 'y', 12],
    ]);
    expect(await asked('workflow')).toEqual([
      ['', 'y', 8],
      ['w1', 'x', 1],
      ['w2', 'x', 2],
      ['w2', 'y', 4],
    ]);
    expect(await asked('agent')).toEqual([
      ['x', 'x', 3],
      ['y', 'y', 12],
    ]);
    expect(await asked('model')).toEqual([
      ['', 'x', 3],
      ['', 'y', 8],
      ['p/m', 'y', 4],
    ]);
  });
}

function families(open: () => Store): void {
  it('counts what the runs of a step cost as that step’s, however deep', async () => {
    const store = open();
    const child = (n: number, of: number, stepId: string) =>
      newRun(n, { trigger: { kind: 'step', runId: runId(of), stepId, attempt: 1, index: 0 } });
    for (const run of [newRun(1), child(2, 1, 'each'), child(3, 2, 'deeper')])
      await committed(store, create(run));
    await declareAwake(store, 'a');
    await close(store);
    const lines = [line(1, { workMs: 1 }), line(2, { workMs: 2 }), line(3, { workMs: 4 })];
    await store.bookShift({ capsuleId: 'a', generation: 1 }, booking(lines));
    const asked = async (...ns: number[]) =>
      (await store.stepCosts(ns.map(runId))).map((l) => [l.runId, l.stepId, l.figures.workMs]);
    expect(await asked(1)).toEqual([
      [runId(1), STEP, 1],
      [runId(1), 'each', 6],
    ]);
    expect(await asked(2, 3)).toEqual([
      [runId(2), STEP, 2],
      [runId(2), 'deeper', 4],
      [runId(3), STEP, 4],
    ]);
    expect(await asked()).toEqual([]);
  });
}

function strays(open: () => Store): void {
  it('knows one open stray of a capsule, ends it once, and lists the newest first', async () => {
    const store = open();
    const stray = (capsuleId: string, n: number) => ({
      capsuleId,
      agentId: 'x',
      replicas: 2,
      since: T0,
      foundAt: T0 + n,
    });
    for (const [id, n] of [
      ['a', 1],
      ['a', 2],
      ['b', 3],
    ] as const)
      await store.noteStray(stray(id, n));
    expect(await store.openStrays(10)).toEqual([stray('b', 3), stray('a', 1)]);
    const bill = booking([], [total(QUARTER, '', 'x')]);
    const ends = [1, 2].map(() => store.bookStray(stray('a', 1), T0 + 9, bill));
    expect((await Promise.all(ends)).sort()).toEqual([false, true]);
    expect(await store.openStrays(10)).toEqual([stray('b', 3)]);
    await store.noteStray(stray('a', 10));
    const ended = { ...stray('a', 1), endedAt: T0 + 9 };
    expect(await store.strays(T0, T0 + 100, 10)).toEqual([stray('a', 10), stray('b', 3), ended]);
    expect(await store.strays(T0 + 1, T0 + 10, 1)).toEqual([stray('b', 3)]);
    expect(await store.costTotals('agent', [QUARTER, QUARTER + 1])).toHaveLength(1);
  });
}
