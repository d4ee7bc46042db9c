/** A connection that is cut while something is under way on it: that fails, and nothing else does. */
import { createPool } from '../../src/store/postgres/pool';
import type { TestDatabase } from '../support/database';
import { freshDatabase, query } from './postgres-database';

let database: TestDatabase;
beforeAll(async () => void (database = await freshDatabase()));
afterAll(() => database.drop());

it('rejects what was asked on it, ends no process, and is replaced by another', async () => {
  const pool = createPool(database.url, 1);
  try {
    const client = await pool.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const cut = new Promise((resolve) => client.once('end', resolve));
    await query(database.url, `SELECT pg_terminate_backend(${rows[0]?.pid})`);
    await cut;
    await expect(client.query('COMMIT')).rejects.toThrow();
    client.release();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  } finally {
    await pool.end();
  }
});
