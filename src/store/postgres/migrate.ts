/**
 * Numbered SQL files, applied in order and once, forward only. Each runs in a transaction of its
 * own under an advisory lock, so that any number of orchestrators may start together.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { SCHEMA } from './pool';

/** An arbitrary number that names our lock among all advisory locks of the database. */
const LOCK = 7_383_845;
/**
 * A migration may rewrite a large table, and others wait for it meanwhile: both may take as long, where the
 * pool's other queries are cut after half a minute.
 */
const MIGRATION_MS = 3_600_000;
const DIRECTORY = join(__dirname, '..', 'migrations');

/** Brings the schema up to date. Answers the names of the files it applied. */
export async function migrate(pool: Pool): Promise<string[]> {
  try {
    // A role that may not make tables can run the orchestrator on a schema that is up to date.
    return (await pendingIn(pool)).length === 0 ? [] : await migrateNow(pool);
  } catch (error) {
    if ((codeOf(error) ?? codeOf((error as Error).cause)) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Error(
      `DATABASE_URL: the database is not up to date, and this role may not change it (${(error as Error).message}): ` +
        'start once with MIGRATE_URL, which connects as who owns the tables; see docs/audit.md',
      { cause: error },
    );
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;

async function migrateNow(pool: Pool): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query(patient('SELECT pg_advisory_lock($1)', [LOCK]));
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const pending = await pendingIn(client);
    for (const name of pending) await apply(client, name);
    return pending;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
    client.release();
  }
}

/** The files that are not applied yet; all of them where there is no schema. */
async function pendingIn(database: Pick<Pool, 'query'>): Promise<string[]> {
  const files = readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const { rows: found } = await database.query<{ there: boolean }>(
    `SELECT to_regclass('${SCHEMA}.migrations') IS NOT NULL AS there`,
  );
  if (found[0]?.there !== true) return files;
  const { rows } = await database.query<{ name: string }>(`SELECT name FROM ${SCHEMA}.migrations`);
  const known = new Set(rows.map(({ name }) => name));
  return files.filter((name) => !known.has(name));
}

const patient = (text: string, values?: unknown[]) => ({
  text,
  ...(values && { values }),
  query_timeout: MIGRATION_MS,
});

async function apply(client: PoolClient, name: string): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(patient(readFileSync(join(DIRECTORY, name), 'utf8')));
    await client.query('INSERT INTO migrations (name) VALUES ($1)', [name]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new Error(`migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}
