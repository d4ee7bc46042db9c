/** What only a store shared by several processes, on a server that may fail, can show. */
import { Client } from 'pg';
import { verifyChain } from '../../src/domain/ledger';
import { openPostgresStore } from '../../src/store/postgres';
import type { Change, Store } from '../../src/store/store';
import {
  activityOf,
  ALL,
  awake,
  committed,
  create,
  declareAwake,
  everything,
  lease,
  leases,
  newRun,
  onCapsule,
  runId,
  setting,
  T0,
  update,
  verdict,
} from '../contracts/store-fixtures';
import { createDatabase, type TestDatabase } from '../support/database';
import { ManualClock } from '../http/support/clock';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { toProblem } from '../../src/http/failures';
import { GroupCommit } from '../../src/store/postgres/commit';
import { createPool, SCHEMA } from '../../src/store/postgres/pool';
import { freshDatabase, query } from './postgres-database';

let leaks: LeakCheck;
let database: TestDatabase;
const opened: Store[] = [];

beforeAll(() => void (leaks = leakCheck()));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await database.drop();
});
afterAll(() => leaks.backToBaseline());

async function open(): Promise<Store> {
  const store = await openPostgresStore(database.url);
  opened.push(store);
  return store;
}

describe('several orchestrators on one database', () => {
  let stores: [Store, Store];
  beforeEach(async () => {
    database = await freshDatabase();
    stores = [await open(), await open()];
  });
  /** Every commit from both at once. */
  const fromBoth = <T>(work: (store: Store, side: number) => Array<Promise<T>>): Promise<T[]> =>
    Promise.all(stores.flatMap((store, side) => work(store, side)));

  it('keep one chain', async () => {
    await fromBoth((store, side) =>
      [...Array(200).keys()].map((n) => committed(store, create(newRun(side * 1_000 + n)))),
    );
    expect(verifyChain(await stores[0].ledger(0, ALL))).toEqual({ ok: true, entries: 400 });
    expect((await stores[1].runs({}, ALL)).items).toHaveLength(400);
  });

  it('give up a commit in time when somebody who hangs is in its way', async () => {
    const hanging = new Client({ connectionString: database.url });
    await hanging.connect();
    const pool = createPool(database.url);
    try {
      await hanging.query(`BEGIN; SELECT FROM ${SCHEMA}.ledger_head FOR UPDATE`);
      const failure = await new GroupCommit(pool, 100).commit(create(newRun(1))).catch((e: unknown) => e);
      const deps = { store: stores[0], clock: new ManualClock() };
      expect(await toProblem(failure, deps)).toMatchObject({ code: 'unavailable' });
    } finally {
      await hanging.end();
      await pool.end();
    }
    await committed(stores[1], create(newRun(2)));
  });

  it('has a second batch at hand once that is worth it', async () => {
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    const pool = createPool(database.url);
    const group = new GroupCommit(pool);
    const blocked = `SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    const waiting = async () => (await query(database.url, blocked)).length;
    try {
      await holder.query(`BEGIN; SELECT FROM ${SCHEMA}.ledger_head FOR UPDATE`);
      const commits = [group.commit(create(newRun(0)))];
      await until(async () => (await waiting()) === 1);
      for (let n = 1; n <= 15; n += 1) commits.push(group.commit(create(newRun(n))));
      await new Promise((turn) => setImmediate(turn));
      expect(pool.totalCount - pool.idleCount).toBe(1);
      commits.push(group.commit(create(newRun(16))));
      await until(async () => (await waiting()) === 2);
      for (let n = 17; n <= 40; n += 1) commits.push(group.commit(create(newRun(n))));
      await new Promise((turn) => setImmediate(turn));
      expect(pool.totalCount - pool.idleCount).toBe(2);
      await holder.query('COMMIT');
      expect((await Promise.all(commits)).filter((c) => c.ok)).toHaveLength(41);
    } finally {
      await holder.end();
      await pool.end();
    }
    expect(verifyChain(await stores[0].ledger(0, ALL))).toEqual({ ok: true, entries: 41 });
  });

  it('give out no more leases than there are slots', async () => {
    await declareAwake(stores[0], 'a', { slots: 5 });
    const verdicts = await fromBoth((store, side) =>
      [...Array(100).keys()].map((n) => verdict(store, leases(side * 1_000 + n, [lease('grant', 'a')]))),
    );
    expect(verdicts.filter((v) => v === 'ok')).toHaveLength(5);
    expect((await activityOf(stores[1], 'a')).held).toBe(5);
  });

  it('let each tick fire once, each version change once', async () => {
    const tick = (n: number) => ({
      workflowId: 'audit',
      scheduledFor: T0 + n,
      action: 'fired' as const,
      reason: 'on time',
      lateMs: 0,
      decidedAt: T0,
    });
    const ticks = await fromBoth((store, side) =>
      [...Array(50).keys()].map((n) => verdict(store, create(newRun(side * 1_000 + n), { tick: tick(n) }))),
    );
    expect(ticks.filter((v) => v === 'ok')).toHaveLength(50);
    const [run] = (await stores[0].runs({}, 1)).items;
    if (!run) throw new Error('no run');
    const updates = await fromBoth((store) =>
      [...Array(20).keys()].map(() => verdict(store, update(run, 1))),
    );
    expect(updates.filter((v) => v === 'ok')).toHaveLength(1);
  });

  it('put a capsule to sleep or give it work, never both', async () => {
    const ids = [...Array(30).keys()].map((n) => `c${n}`);
    for (const id of ids) await declareAwake(stores[0], id);
    const sleeps = await Promise.all(
      ids.map((id) =>
        onCapsule(stores[0], { ...awake(id), status: 'draining' }, { unless: 'held-or-waiting' }),
      ),
    );
    const verdicts = await fromBoth((store, side) =>
      ids.map((id, n) =>
        verdict(store, side === 0 ? (sleeps[n] as Change) : leases(n, [lease('grant', id)])),
      ),
    );
    expect(verdicts.filter((v) => v === 'ok')).toHaveLength(ids.length);
    for (const { state, activity } of await stores[0].capsules()) {
      expect(activity.held).toBe(state.status === 'awake' ? 1 : 0);
    }
  });

  it('may declare capsules while the other commits', async () => {
    await declareAwake(stores[0], 'a', { slots: 50 });
    const [first, second] = stores;
    const work = [...Array(50).keys()].map((n) => verdict(first, leases(n, [lease('grant', 'a')])));
    const declared = [...Array(10).keys()].map((n) =>
      second.declareCapsules([setting('a', { slots: 50 + n, agentId: `agent-${n}` })], T0),
    );
    await Promise.all(declared);
    expect(await Promise.all(work)).toEqual(work.map(() => 'ok'));
    const record = await first.capsule('a');
    expect(record?.activity.held).toBe(50);
    expect(record?.state).toMatchObject({ status: 'awake', generation: 1 });
  });
});

describe('starting', () => {
  it('applies each migration once, however many start at the same time', async () => {
    database = await createDatabase();
    const stores = await Promise.all([...Array(5).keys()].map(() => open()));
    await Promise.all(stores.map((store, n) => committed(store, create(newRun(n)))));
    const applied = await query<{ name: string }>(database.url, 'SELECT name FROM migrations ORDER BY name');
    expect(applied.map((r) => r.name)).toEqual(expect.arrayContaining(['001_core.sql', '002_commit.sql']));
    expect(new Set(applied.map((r) => r.name)).size).toBe(applied.length);
    expect(verifyChain(await (stores[0] as Store).ledger(0, ALL))).toEqual({ ok: true, entries: 5 });
  });

  it('fails with the reason when the server cannot be reached', async () => {
    database = await createDatabase();
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    await expect(openPostgresStore(url.href)).rejects.toThrow(/no_such_database/);
  });
});

describe('connections that are cut', () => {
  const cut = () =>
    query(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'reveille'`,
    );
  const blocked = async () => {
    const rows = await query(
      database.url,
      `SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'reveille' AND wait_event_type = 'Lock'`,
    );
    return rows.length;
  };
  /** Stops commits half-way, until the connection ends. */
  async function holdLock(): Promise<Client> {
    const client = new Client({ connectionString: database.url, options: `-c search_path=${SCHEMA}` });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM ledger_head FOR UPDATE');
    return client;
  }
  beforeEach(async () => void (database = await freshDatabase()));

  it('fail the commits under way at once, of which nothing is left; what comes after works', async () => {
    const store = await open();
    await declareAwake(store, 'a');
    const before = await everything(store);
    const held = await holdLock();
    const work = [1, 2, 3].map((n) => verdict(store, create(newRun(n))).catch(() => 'thrown'));
    await until(async () => (await blocked()) > 0, { what: 'a commit that waits for the lock' });
    await cut();
    expect(await Promise.all(work)).toEqual(['thrown', 'thrown', 'thrown']);
    await held.end();
    expect(await everything(store)).toEqual(before);
    expect(await verdict(store, create(newRun(1)))).toBe('ok');
  });

  it('leave every change whole: there or not there, never half', async () => {
    const store = await open();
    await declareAwake(store, 'a', { slots: 1_000 });
    const rounds = 5;
    const perRound = 80;
    const told = new Map<number, string>();
    for (let round = 0; round < rounds; round++) {
      const numbers = [...Array(perRound).keys()].map((n) => round * perRound + n);
      const work = numbers.map(async (n) => {
        const asked = { leases: { runId: runId(n), changes: [lease('grant', 'a')] } };
        told.set(n, await verdict(store, create(newRun(n), asked)).catch(() => 'thrown'));
      });
      await Promise.all([...work, cut()]);
    }
    const seen = await everything(store);
    const there = seen.runs.map((r) => r?.state.id).sort();
    // What was acknowledged is there; of what was not, each is there as a whole or not at all.
    for (const [n, outcome] of told) if (outcome === 'ok') expect(there).toContain(runId(n));
    expect(
      seen.holders
        .flat()
        .map((l) => l.runId)
        .sort(),
    ).toEqual(there);
    expect(seen.capsules[0]?.activity.held).toBe(there.length);
    expect(verifyChain(seen.ledger)).toEqual({ ok: true, entries: there.length });
    expect(await verdict(store, create(newRun(9_999)))).toBe('ok');
  });
});
