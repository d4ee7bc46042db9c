/** Fills a store with copies of runs it has: what thousands of days leave behind, in statements over whole sets. */
import { Client } from 'pg';
import { SCHEMA } from '../../src/store/postgres/pool';

/** Runs copied in one transaction. */
const BATCH = 50_000;

/**
 * Each statement copies one table. `copies` names the run that is copied (`old`), the new one's id (`id`) and
 * the number of the copy (`n`), by which times are spread and keys told apart.
 */
const COPY = [
  `INSERT INTO runs (id, workflow_id, status, created_at, finished_at, parent_id, error)
     SELECT c.id, workflow_id, status, created_at - n, finished_at - n, parent_id, error
       FROM copies c JOIN runs r ON r.id = c.old`,
  `INSERT INTO run_states (run_id, version, due_at, plan, state)
     SELECT c.id, version, due_at + n, plan, state || jsonb_build_object('id', c.id)
       FROM copies c JOIN run_states s ON s.run_id = c.old`,
  `INSERT INTO run_inputs (run_id, input) SELECT c.id, input FROM copies c JOIN run_inputs i ON i.run_id = c.old`,
  `INSERT INTO step_results (run_id, step_id, attempt, counted, received_at, result)
     SELECT c.id, step_id, attempt, counted, received_at - n, result || jsonb_build_object('runId', c.id)
       FROM copies c JOIN step_results r ON r.run_id = c.old`,
  `INSERT INTO waits (run_id, step_id, attempt, kind, name, key, since)
     SELECT c.id, step_id, attempt, kind, name, CASE kind WHEN 'event' THEN key || '-' || n ELSE key END, since - n
       FROM copies c JOIN waits w ON w.run_id = c.old`,
  // The hashes are those of the copied entries: as long, and read by nobody here.
  `INSERT INTO ledger (seq, entity, id, body, hash)
     SELECT h.seq + row_number() OVER (), entity, c.id::text, replace(body, c.old::text, c.id::text), l.hash
       FROM copies c JOIN ledger l ON l.entity = 'run' AND l.id = c.old::text CROSS JOIN ledger_head h`,
  `UPDATE ledger_head SET seq = (SELECT max(seq) FROM ledger)`,
];

/** Copies the first `samples` runs of the store until it has `total` more. @returns the size of the database in MB */
export async function fill(
  databaseUrl: string,
  { samples, total, log }: { samples: number; total: number; log: (message: string) => void },
): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, options: `-c search_path=${SCHEMA}` });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      'SELECT id FROM runs ORDER BY created_at, id LIMIT $1',
      [samples],
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length < samples) throw new Error(`the store has ${ids.length} runs to copy, not ${samples}`);
    // Nobody waits for these commits, and an index is built in a fraction of the time it takes to grow.
    await client.query(`SET synchronous_commit = off; SET maintenance_work_mem = '512MB'`);
    const indexes = await dropIndexes(client);
    for (let done = 0; done < total; done += BATCH) {
      await copy(client, ids, done, Math.min(BATCH, total - done));
      log(`${Math.min(done + BATCH, total)} runs stored`);
    }
    for (const definition of indexes) await client.query(definition);
    // As it would be after the days it stands for; otherwise the figure pays for it.
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
    const size = await client.query<{ bytes: string }>(
      'SELECT pg_database_size(current_database())::text AS bytes',
    );
    return Number(size.rows[0]?.bytes) / 1_000_000;
  } finally {
    await client.end();
  }
}

/** @returns what makes them again; those that keep rows unique stay */
async function dropIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
      WHERE schemaname = $1 AND indexdef NOT LIKE 'CREATE UNIQUE%'`,
    [SCHEMA],
  );
  for (const { name } of rows) await client.query(`DROP INDEX ${client.escapeIdentifier(name)}`);
  return rows.map(({ definition }) => definition);
}

async function copy(client: Client, ids: string[], offset: number, count: number): Promise<void> {
  await client.query('BEGIN');
  await client.query('SELECT FROM ledger_head FOR UPDATE');
  await client.query(
    'CREATE TEMP TABLE copies (old uuid, id uuid DEFAULT gen_random_uuid(), n int) ON COMMIT DROP',
  );
  await client.query(
    `INSERT INTO copies (old, n) SELECT ($1::uuid[])[1 + n % $2], n FROM generate_series($3::int, $4::int) n`,
    [ids, ids.length, offset, offset + count - 1],
  );
  await client.query('ANALYZE copies');
  for (const statement of COPY) await client.query(statement);
  await client.query('COMMIT');
}
