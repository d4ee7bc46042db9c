/** Migrations are given their time, whatever the pool's queries are given. */
import { Client, Pool } from 'pg';
import { migrate } from '../../src/store/postgres/migrate';
import { SCHEMA } from '../../src/store/postgres/pool';
import { createDatabase, type TestDatabase } from '../support/database';
import { until } from '../support/until';

/** What any other query of this pool may take. */
const QUERY_MS = 1_500;

describe('migrations', () => {
  let database: TestDatabase;
  let first: Client;
  let pool: Pool;

  beforeAll(async () => {
    database = await createDatabase();
    first = new Client({ connectionString: database.url });
    await first.connect();
    const options = `-c search_path=${SCHEMA}`;
    pool = new Pool({ connectionString: database.url, options, query_timeout: QUERY_MS });
  });

  afterAll(async () => {
    await pool.end();
    await first.end();
    await database.drop();
  });

  it('are waited for while another orchestrator is at a long one', async () => {
    await first.query(`SELECT pg_advisory_lock(7383845)`);
    const migrated = migrate(pool);
    const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    await until(async () => (await first.query(waiting)).rowCount === 1);
    await first.query(`SELECT pg_sleep(${(QUERY_MS + 500) / 1_000})`);
    await first.query('SELECT pg_advisory_unlock_all()');
    expect(await migrated).toContain('001_core.sql');
    expect(await migrate(pool)).toEqual([]);
  });
});
