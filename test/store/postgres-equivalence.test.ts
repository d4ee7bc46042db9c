/** Whatever is done to them, the two stores answer the same and hold the same. */
import fc from 'fast-check';
import type { CapsuleChange, Change, RunChange, Store } from '../../src/store/store';
import type { LeaseChange } from '../../src/domain/decide-run';
import { isTerminal, RUN_STATUSES } from '../../src/domain/run';
import { CAPSULE_STATUSES } from '../../src/domain/capsule';
import { awake, entry, newRun, runId, setting, shiftOf, STEP, T0 } from '../contracts/store-fixtures';
import type { TestDatabase } from '../support/database';
import { commitToBoth, expectAlike, playBeside, type Outcome } from './beside-memory';
import { freshDatabase } from './postgres-database';

const RUNS = 4;
const CAPSULES = ['a', 'b'];
/** Nobody declares this one: a lease on it is an error. */
const UNDECLARED = 'ghost';

/** What happens next, in small numbers; `toChange` makes it a change of what the stores hold by then. */
interface Operation {
  run?: { n: number; stale: boolean; status: number; due?: number; results: Array<[number, boolean]> };
  capsule?: {
    n: number;
    stale: boolean;
    status: number;
    wake: boolean;
    unless: number;
    due?: number;
    shift: boolean;
  };
  leases?: { n: number; changes: Array<{ op: number; attempt: number; capsule: number; stale: boolean }> };
  tick?: number;
  key?: { key: number; fingerprint: number };
}

const small = (max: number) => fc.nat({ max: max - 1 });
const rarely = fc.nat({ max: 9 }).map((n) => n === 0);
const maybe = { requiredKeys: [] as [] };
const maybeDue = fc.option(small(60), { nil: undefined });

const operation: fc.Arbitrary<Operation> = fc.record(
  {
    run: fc.record({
      n: small(RUNS),
      stale: rarely,
      status: small(RUN_STATUSES.length),
      due: maybeDue,
      results: fc.array(fc.tuple(fc.integer({ min: 1, max: 2 }), fc.boolean()), { maxLength: 2 }),
    }),
    capsule: fc.record({
      n: small(CAPSULES.length),
      stale: rarely,
      // Awake more often than not, so that leases have a chance.
      status: fc.oneof(small(CAPSULE_STATUSES.length), fc.constant(2)),
      wake: rarely,
      unless: small(3),
      due: maybeDue,
      shift: fc.boolean(),
    }),
    leases: fc.record({
      n: small(RUNS),
      changes: fc.array(
        fc.record({
          op: small(3),
          attempt: fc.integer({ min: 1, max: 2 }),
          capsule: fc.nat({ max: 12 }),
          stale: rarely,
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    tick: small(4),
    key: fc.record({ key: small(3), fingerprint: small(2) }),
  },
  maybe,
) as fc.Arbitrary<Operation>;

/** Batches are committed at once; settings and retention come between them. */
interface Batch {
  operations: Operation[];
  slots: number;
  purge: boolean;
}
const batch: fc.Arbitrary<Batch> = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 6 }),
  slots: fc.integer({ min: 1, max: 3 }),
  purge: rarely,
});

async function runChange(store: Store, asked: NonNullable<Operation['run']>, at: number): Promise<RunChange> {
  const known = await store.run(runId(asked.n));
  const status = RUN_STATUSES[asked.status] ?? 'queued';
  const ended = isTerminal(status);
  const state = newRun(asked.n, { status, startedAt: at, ...(ended && { finishedAt: at }) });
  const body = { workflowId: 'audit', stepId: STEP, runId: state.id, status: 'success' as const };
  return {
    expect: (known?.version ?? 0) + (asked.stale ? 1 : 0),
    state,
    input: { at },
    ...(!ended && asked.due !== undefined && { dueAt: T0 + asked.due }),
    results: asked.results.map(([attempt, counted]) => ({
      stepId: STEP,
      attempt,
      counted,
      result: { ...body, output: { at, counted }, durationMs: at % 7 },
    })),
  };
}

async function capsuleChange(
  store: Store,
  asked: NonNullable<Operation['capsule']>,
  at: number,
): Promise<CapsuleChange> {
  const id = CAPSULES[asked.n] ?? UNDECLARED;
  const known = await store.capsule(id);
  const generation = (known?.state.generation ?? 0) + (asked.wake || !known?.state.generation ? 1 : 0);
  const { dueAt: _, ...state } = awake(id, generation, at);
  const unless = [undefined, 'held', 'held-or-waiting'][asked.unless] as CapsuleChange['unless'];
  return {
    expect: (known?.version ?? 0) + (asked.stale ? 1 : 0),
    state: {
      ...state,
      status: CAPSULE_STATUSES[asked.status] ?? 'awake',
      ...(asked.due !== undefined && { dueAt: T0 + asked.due }),
    },
    ...(unless && { unless }),
    // A shift's start never changes: pages are ordered by it.
    ...(asked.shift && { shift: shiftOf(id, generation, T0 + generation, { zeroAt: at }) }),
  };
}

async function leaseChange(
  store: Store,
  ask: NonNullable<Operation['leases']>['changes'][number],
): Promise<LeaseChange> {
  const op = (['request', 'grant', 'release'] as const)[ask.op] ?? 'release';
  const capsuleId = ask.capsule === 0 ? UNDECLARED : (CAPSULES[ask.capsule % CAPSULES.length] ?? UNDECLARED);
  const generation = (await store.capsule(capsuleId))?.state.generation ?? 0;
  return {
    op,
    capsuleId,
    stepId: STEP,
    attempt: ask.attempt,
    ...(op === 'grant' && { generation: generation + (ask.stale ? 1 : 0) }),
  };
}

async function toChange(
  store: Store,
  { run, capsule, leases, tick, key }: Operation,
  at: number,
): Promise<Change> {
  const state = run && (await runChange(store, run, at));
  return {
    at,
    ...(state && { run: state }),
    ...(capsule && { capsule: await capsuleChange(store, capsule, at) }),
    ...(leases && {
      leases: {
        runId: runId(leases.n),
        changes: await Promise.all(leases.changes.map((change) => leaseChange(store, change))),
      },
    }),
    ...(tick !== undefined && {
      tick: {
        workflowId: 'audit',
        scheduledFor: T0 + tick,
        action: 'fired' as const,
        reason: 'x',
        lateMs: 0,
        decidedAt: at,
      },
    }),
    // A key stands for the run that its change makes.
    ...(key &&
      state && { idempotencyKey: { scope: 's', key: `k${key.key}`, fingerprint: `f${key.fingerprint}` } }),
    ledger: [entry('run.due', runId(run?.n ?? 0), { at })],
  };
}

async function play(batches: Batch[], model: Store, real: Store): Promise<Outcome[]> {
  const seen: Outcome[] = [];
  for (const [index, { operations, slots, purge }] of batches.entries()) {
    const at = T0 + index * 10;
    const settings = CAPSULES.map((id) => setting(id, { slots, lingerMs: 50 }));
    for (const store of [model, real]) await store.declareCapsules(settings, at);
    const changes = await Promise.all(operations.map((o, i) => toChange(model, o, at + i)));
    seen.push(...(await commitToBoth(model, real, changes)));
    if (purge) expect(await real.purge(at, 2)).toBe(await model.purge(at, 2));
    await expectAlike(model, real, at + 20);
  }
  return seen;
}

let database: TestDatabase;
beforeAll(async () => void (database = await freshDatabase()));
afterAll(() => database.drop());

it('gives the same answers and the same reads in memory as in Postgres', async () => {
  const asked = fc.array(batch, { minLength: 1, maxLength: 8 });
  const seen = await playBeside(database.url, asked, 60, play);
  // The sequences met every way a commit can end.
  expect(seen).toEqual(['busy', 'capsule', 'idempotency', 'ok', 'run', 'thrown', 'tick']);
});
