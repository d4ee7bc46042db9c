/** An orchestrator whose role owns nothing: it works, and the database refuses what it may not do to the ledger. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { examineDatabase } from '../../src/doctor/database';
import { openQueue } from '../../src/engine/queue';
import { openPostgresStore } from '../../src/store/postgres';
import { SCHEMA } from '../../src/store/postgres/pool';
import type { Store } from '../../src/store/store';
import { auditContract } from '../contracts/store-audit';
import { committed } from '../contracts/store-fixtures';
import { keyContract } from '../contracts/store-keys';
import { recordContract } from '../contracts/store-record';
import { entryOf } from '../audit/world';
import { createDatabase, type TestDatabase } from '../support/database';
import { query, wipe } from './postgres-database';

const suffix = randomBytes(4).toString('hex');
const OWNER = `owner_${suffix}`;
const RUNNER = `runner_${suffix}`;
const PASSWORD = randomBytes(12).toString('hex');

let database: TestDatabase;
let ownerUrl: string;
let url: string;

const as = (role: string): string => {
  const made = new URL(database.url);
  [made.username, made.password] = [role, PASSWORD];
  return made.href;
};
const open = (ownerUrl?: string): Promise<Store> =>
  openPostgresStore(url, ownerUrl === undefined ? {} : { ownerUrl });

beforeAll(async () => {
  database = await createDatabase();
  const name = new URL(database.url).pathname.slice(1);
  for (const role of [OWNER, RUNNER])
    await query(database.url, `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  await query(database.url, `GRANT CREATE ON DATABASE ${name} TO ${OWNER}`);
  [ownerUrl, url] = [as(OWNER), as(RUNNER)];
  // Two orchestrators of a new version start at once.
  const stores = await Promise.all([open(ownerUrl), open(ownerUrl)]);
  await Promise.all(stores.map((store) => store.close()));
});
afterAll(async () => {
  await database.drop();
  const admin = new URL(database.url);
  admin.pathname = '/postgres';
  for (const role of [OWNER, RUNNER]) await query(admin.href, `DROP ROLE IF EXISTS ${role}`);
});

describe('its store', () => {
  let store: Store;
  beforeEach(async () => void (store = await open()));
  afterEach(async () => {
    await store.close();
    await wipe(database.url);
  });
  auditContract(() => store);
  recordContract(() => store);
  keyContract(() => store);
});

describe('the database', () => {
  let client: Client;
  beforeAll(async () => {
    const store = await open();
    await committed(store, { at: 1, ledger: [entryOf(1), entryOf(2)] });
    await store.close();
    client = new Client({ connectionString: url, options: `-c search_path=${SCHEMA}` });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await wipe(database.url);
  });

  it.each([
    'UPDATE ledger SET body = body',
    'DELETE FROM ledger',
    'TRUNCATE ledger',
    'DELETE FROM ledger_head',
    'TRUNCATE ledger_head',
    `INSERT INTO ledger_head (only_row, seq, hash) VALUES (false, 9, '')`,
    'UPDATE ledger_head SET seq = 0',
    'ALTER TABLE ledger DISABLE TRIGGER USER',
    'DROP TRIGGER ledger_only_grows ON ledger',
    'DROP TABLE ledger',
    'CREATE TRIGGER mine BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()',
    'SET session_replication_role = replica',
    `SET ROLE ${OWNER}`,
    `GRANT UPDATE ON ledger TO ${RUNNER}`,
    `INSERT INTO migrations (name) VALUES ('999_later.sql')`,
    'CREATE TABLE mine ()',
  ])('refuses %s', async (sql) => {
    const refused = client.query(sql);
    // What Postgres does not refuse outright (a GRANT of what one does not hold) must at least change nothing.
    await (sql.startsWith('GRANT')
      ? refused.catch(() => undefined)
      : expect(refused).rejects.toMatchObject({ code: '42501' }));
    await expect(client.query('UPDATE ledger SET body = body')).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('SELECT seq FROM ledger')).rowCount).toBe(2);
  });
});

it('says what to do when the schema is not up to date', async () => {
  const last = await query<{ name: string }>(
    database.url,
    'DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations) RETURNING name',
  );
  await expect(open()).rejects.toThrow(/not up to date.*MIGRATE_URL.*docs\/audit\.md/);
  await query(database.url, `INSERT INTO migrations (name) VALUES ('${last[0]?.name}')`);
  await (await open()).close();
});

it('says so when both are the same role', async () => {
  await expect(openPostgresStore(ownerUrl, { ownerUrl })).rejects.toThrow(/name the same role/);
});

it('has a queue in Postgres, too', async () => {
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  await (await openQueue({ databaseUrl: url, ownerUrl, log })).close();
  const queue = await openQueue({ databaseUrl: url, log });
  const come = new Promise((resolve) => {
    void queue.work({ hint: async (hint) => resolve(hint), tick: async () => undefined });
  });
  await queue.hint({ kind: 'run', id: 'one' }, 0);
  await expect(come).resolves.toMatchObject({ id: 'one' });
  await queue.close();
});

it('is told apart by the doctor', async () => {
  const said = async (...args: Parameters<typeof examineDatabase>) => {
    const found = (await examineDatabase(...args)).find(({ check }) => check === 'ledger-role');
    return `${found?.verdict}: ${found?.text}`;
  };
  await expect(said(url)).resolves.toMatch(/^ok: .* can append to the ledger, and not change it$/);
  await expect(said(url, true)).resolves.toMatch(/^warn: .* but MIGRATE_URL is in its environment$/);
  await expect(said(ownerUrl)).resolves.toMatch(/^warn: .* owns the ledger$/);
  await expect(said(database.url)).resolves.toMatch(/^warn: .* superuser/);
});
