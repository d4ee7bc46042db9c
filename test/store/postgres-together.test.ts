/** Ordinary changes of a batch are written together; what becomes of them is as if one came after the other. */
import fc from 'fast-check';
import type { Change, Store } from '../../src/store/store';
import {
  awake,
  declareAwake,
  entry,
  lease,
  newRun,
  onCapsule,
  over,
  result,
  runId,
  setting,
  T0,
} from '../contracts/store-fixtures';
import type { TestDatabase } from '../support/database';
import { commitToBoth, expectAlike, playBeside, type Outcome } from './beside-memory';
import { freshDatabase, query } from './postgres-database';

const CAPSULES = ['a', 'b', 'c'];
const RUNS = 12;

/** What a run does next: releases the lease it has, takes one of a capsule, or ends. */
interface Move {
  run: number;
  takes?: number;
  ends: boolean;
  /**
   * What is not ordinary of it: keeps the lease it has beside the new one, releases it twice, stands in line instead,
   * knows the run as it will be, or changes another run's leases.
   */
  odd?: 'keeps' | 'twice' | 'asks' | 'stale' | 'foreign';
}

interface Batch {
  moves: Move[];
  /** The capsule that is changed by a change of its own meanwhile. */
  touched?: number;
  slots: number;
}

const small = (max: number) => fc.nat({ max: max - 1 });
const move = fc.record(
  {
    run: small(RUNS),
    takes: small(CAPSULES.length),
    ends: fc.nat({ max: 4 }).map((n) => n === 0),
    odd: fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom('keeps', 'twice', 'asks', 'stale', 'foreign') },
    ),
  },
  { requiredKeys: ['run', 'ends'] },
) as fc.Arbitrary<Move>;

const batch: fc.Arbitrary<Batch> = fc.record(
  {
    moves: fc.array(move, { minLength: 3, maxLength: 9 }),
    touched: fc.option(small(CAPSULES.length), { nil: undefined, freq: 8 }),
    slots: fc.constantFrom(1, 3, 20),
  },
  { requiredKeys: ['moves', 'slots'] },
) as fc.Arbitrary<Batch>;

interface Held {
  capsuleId: string;
  attempt: number;
}

/** The leases that runs hold, as the answers tell of them. */
class HeldLeases {
  private readonly held = new Map<number, Held>();
  private attempts = 0;

  async change(store: Store, { run: n, takes, ends, odd }: Move, at: number): Promise<Change> {
    const known = await store.run(runId(n));
    const has = this.held.get(n);
    const state = newRun(n, { status: 'running', startedAt: at });
    const capsuleId = takes === undefined ? undefined : CAPSULES[takes];
    const changes = [
      ...(has && odd !== 'keeps' ? [lease('release', has.capsuleId, has.attempt)] : []),
      ...(has && odd === 'twice' ? [lease('release', has.capsuleId, has.attempt)] : []),
      ...(capsuleId !== undefined && !ends
        ? [lease(odd === 'asks' ? 'request' : 'grant', capsuleId, (this.attempts += 1))]
        : []),
    ];
    return {
      at,
      run: {
        expect: (known?.version ?? 0) + (odd === 'stale' ? 1 : 0),
        state: ends ? over(state, 'succeeded', at) : state,
        input: { n },
        dueAt: at + n,
        results: has ? [result(n, has.attempt)] : [],
      },
      ...(changes.length > 0 && {
        leases: { runId: runId(odd === 'foreign' ? (n + 1) % RUNS : n), changes },
      }),
      ledger: [entry('run.result', runId(n), { at })],
    };
  }

  note({ run, leases }: Change, outcome: Outcome): void {
    const n = Number(run?.state.id.slice(-12));
    if (outcome === 'thrown' || !outcome.ok || leases?.runId !== run?.state.id) return;
    for (const { op, capsuleId, attempt } of leases?.changes ?? []) {
      if (op === 'release') this.held.delete(n);
      else this.held.set(n, { capsuleId, attempt });
    }
  }
}

async function play(batches: Batch[], model: Store, real: Store): Promise<Outcome[]> {
  const seen: Outcome[] = [];
  const leases = new HeldLeases();
  for (const id of CAPSULES) for (const store of [model, real]) await declareAwake(store, id);
  for (const [index, { moves, touched, slots }] of batches.entries()) {
    const at = T0 + index * 20;
    const settings = CAPSULES.map((id) => setting(id, { slots }));
    for (const store of [model, real]) await store.declareCapsules(settings, at);
    const changes = await Promise.all(moves.map((m, i) => leases.change(model, m, at + i)));
    const capsule = touched === undefined ? undefined : awake(CAPSULES[touched] as string, 1, T0);
    if (capsule) changes.splice(1, 0, await onCapsule(model, capsule, {}, at));
    const outcomes = await commitToBoth(model, real, changes);
    changes.forEach((change, i) => leases.note(change, outcomes[i] ?? 'thrown'));
    seen.push(...outcomes);
    await expectAlike(model, real, at + 40);
  }
  return seen;
}

describe('a batch of changes', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    await query(
      database.url,
      `ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" SET track_functions = 'pl'`,
    );
  });
  afterAll(() => database.drop());

  const callsOf = async (name: string): Promise<number> => {
    const sql = `SELECT calls::int FROM pg_stat_user_functions WHERE funcname = '${name}'`;
    return (await query<{ calls: number }>(database.url, sql))[0]?.calls ?? 0;
  };

  it('ends in Postgres as in memory, whether changes are written together or one by one', async () => {
    const asked = fc.array(batch, { minLength: 1, maxLength: 6 });
    expect(await playBeside(database.url, asked, 40, play)).toEqual(['busy', 'ok', 'run']);
    expect(await callsOf('write_together')).toBeGreaterThan(50);
    expect(await callsOf('apply_change')).toBeGreaterThan(50);
  });
});
