/** A superuser who switches the trigger off and changes the ledger on real Postgres is found out. */
import { Client } from 'pg';
import { verifyStretch } from '../../src/engine/audit/verify';
import { openPostgresStore } from '../../src/store/postgres';
import { SCHEMA } from '../../src/store/postgres/pool';
import type { Store } from '../../src/store/store';
import { committed } from '../contracts/store-fixtures';
import { freshDatabase, wipe } from '../store/postgres-database';
import type { TestDatabase } from '../support/database';
import { entryOf, ledgerOf } from './world';

const COUNT = 200;
let database: TestDatabase;
let store: Store;
let superuser: Client;
beforeAll(async () => {
  database = await freshDatabase();
  store = await openPostgresStore(database.url);
  superuser = new Client({ connectionString: database.url, options: `-c search_path=${SCHEMA}` });
  await superuser.connect();
});
beforeEach(async () => {
  const ledger = Array.from({ length: COUNT }, (_, i) => entryOf(i + 1));
  await committed(store, { at: 1, ledger });
});
afterEach(() => wipe(database.url));
afterAll(async () => {
  await store.close();
  await superuser.end();
  await database.drop();
});

const clock = { now: () => Date.now() };
const findings = async () => (await verifyStretch({ store, clock })).findings;
const places = async () => (await findings()).map(({ kind, seq, lastSeq }) => [kind, seq, lastSeq]);
const off = 'ALTER TABLE ledger DISABLE TRIGGER USER; ALTER TABLE ledger_head DISABLE TRIGGER USER;';
const tamper = (sql: string) => superuser.query(off + sql);

it('is whole as it was written, by the same rules as in memory', async () => {
  const { findings: none, complete, entries, to } = await verifyStretch({ store, clock });
  expect({ none, complete, entries }).toEqual({ none: [], complete: true, entries: COUNT });
  expect(to).toEqual({ seq: COUNT, hash: ledgerOf(COUNT).at(-1)?.hash });
});

it.each([
  ['UPDATE ledger SET body = body WHERE seq = 1', 'UPDATE'],
  ['DELETE FROM ledger WHERE seq = 1', 'DELETE'],
  ['DELETE FROM ledger WHERE false', 'DELETE'],
  ['TRUNCATE ledger', 'TRUNCATE'],
  ['DELETE FROM ledger_head', 'DELETE'],
  ['TRUNCATE ledger_head', 'TRUNCATE'],
  ['UPDATE ledger_head SET seq = seq - 1', 'UPDATE'],
  [`SET session_replication_role = replica; DELETE FROM ledger`, 'DELETE'],
])('refuses %s, even a superuser’s', async (sql, operation) => {
  await expect(superuser.query(sql)).rejects.toThrow(`the ledger only grows: ${operation} on ledger`);
  await superuser.query('RESET session_replication_role');
  expect(await findings()).toEqual([]);
});

it.each([
  [
    'an edit',
    `UPDATE ledger SET body = replace(body, '"engine"', '"nobody"') WHERE seq = 77`,
    [['edited', 77, 77]],
  ],
  ['a column', `UPDATE ledger SET id = 'other' WHERE seq = 77`, [['edited', 77, 77]]],
  ['a deletion', 'DELETE FROM ledger WHERE seq BETWEEN 50 AND 52', [['deleted', 50, 52]]],
  ['a cut', 'DELETE FROM ledger WHERE seq > 190', [['cut-off', 191, 200]]],
  ['a full cut', 'DELETE FROM ledger', [['cut-off', 1, 200]]],
  [
    'a swap',
    `UPDATE ledger SET seq = -1 WHERE seq = 60; UPDATE ledger SET seq = 60 WHERE seq = 61;
     UPDATE ledger SET seq = 61 WHERE seq = -1`,
    [['reordered', 60, 61]],
  ],
  [
    'an insertion',
    `UPDATE ledger SET seq = -seq - 1 WHERE seq >= 100; UPDATE ledger SET seq = -seq WHERE seq < 0;
     INSERT INTO ledger SELECT 100, entity, id, replace(body, '"engine"', '"nobody"'),
       encode(sha256(convert_to(hash || replace(body, '"engine"', '"nobody"'), 'UTF8')), 'hex')
       FROM ledger WHERE seq = 99;
     UPDATE ledger_head SET seq = seq + 1`,
    [['inserted', 100, 100]],
  ],
  [
    'an addition',
    `INSERT INTO ledger SELECT 201, entity, id, body, encode(sha256(convert_to(hash || body, 'UTF8')), 'hex')
       FROM ledger WHERE seq = 200`,
    [['inserted', 201, 201]],
  ],
])('finds %s, and where it is', async (_what, sql, expected) => {
  await tamper(sql);
  expect(await places()).toEqual(expected);
});

it('goes on from where it was, and notices when that is not there any more', async () => {
  const first = await verifyStretch({ store, clock }, { to: 120, hashesOf: [100] });
  expect(first).toMatchObject({ complete: true, entries: 120, to: { seq: 120 }, end: { seq: COUNT } });
  expect([...first.hashes.keys()]).toEqual([100]);
  const rest = { from: first.to };
  expect(await verifyStretch({ store, clock }, rest)).toMatchObject({ findings: [], entries: 80 });
  await tamper('DELETE FROM ledger WHERE seq = 120');
  expect((await verifyStretch({ store, clock }, rest)).findings).toMatchObject([
    { kind: 'deleted', seq: 120 },
  ]);
});

it('finds an entry only where it is, while commits go on', async () => {
  const more = async () => {
    for (let n = 0; n < 30; n += 1) await committed(store, { at: 1, ledger: [entryOf(n + 1)] });
  };
  const [, ...all] = await Promise.all([more(), ...Array.from({ length: 10 }, findings)]);
  expect(all.flat()).toEqual([]);
});
