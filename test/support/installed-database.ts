import { Client, DatabaseError } from 'pg';
import { onPostgres } from '../../src/engine/queue/postgres';
import { openPostgresStore } from '../../src/store/postgres';
import { asAdmin, createDatabase, newName, urlOf, type TestDatabase } from './database';

/** Someone else took it first, or it has gone. */
const GONE = '3D000';
/** Somebody is connected. */
const IN_USE = '55006';
/** How long a session that is told to end may take. */
const END_MS = 5_000;

/**
 * A database as an orchestrator's first start leaves it, with our tables and the queue's and no rows. Making
 * one takes several times as long as all else of a start, so they are used again: `drop()` empties it and
 * keeps it for the next who asks. For whom rows will do: a test that changes tables creates its own.
 */
export async function installedDatabase(): Promise<TestDatabase> {
  const name = await takeIdle();
  if (name === undefined) {
    const made = await createDatabase({ name: 'installed', prepare });
    return reusable(new URL(made.url).pathname.slice(1));
  }
  return reusable(name);
}

async function prepare(url: string): Promise<void> {
  const store = await openPostgresStore(url);
  await store.close();
  const queue = await onPostgres(url);
  await queue.close();
}

/** Its name is new each time: what a test forgot to end does not find its way into the next one's. */
const reusable = (name: string): TestDatabase => {
  let dropped: Promise<void> | undefined;
  return { url: urlOf(name), drop: () => (dropped ??= putBack(name)) };
};

function takeIdle(): Promise<string | undefined> {
  return asAdmin(async (admin) => {
    const { rows } = await admin.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datname LIKE 'idle\\_%'",
    );
    for (const { name } of rows) {
      const taken = newName();
      try {
        await admin.query(`ALTER DATABASE ${name} RENAME TO ${taken}`);
        return taken;
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== GONE) throw error;
      }
    }
    return undefined;
  });
}

async function putBack(name: string): Promise<void> {
  const id = newName();
  const isOurs = await asAdmin(async (admin) => {
    // Orchestrators in processes of their own may live on for a moment, and would connect again at once.
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    const ended = 'SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity WHERE datname = $1';
    await admin.query(ended, [name, END_MS]);
    try {
      await admin.query(`ALTER DATABASE ${name} RENAME TO used_${id}`);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== IN_USE) throw error;
      // Who was just about to be let in when the door closed.
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      return false;
    }
    await admin.query(`ALTER DATABASE used_${id} ALLOW_CONNECTIONS true`);
    return true;
  });
  if (!isOurs) return;
  await empty(urlOf(`used_${id}`));
  await asAdmin((admin) => admin.query(`ALTER DATABASE used_${id} RENAME TO idle_${id}`));
}

/** Removing rows takes a tenth of the time that new files for all tables take. */
async function empty(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(EMPTY);
  } finally {
    await client.end();
  }
}

/** As a superuser may: no trigger and no reference is in the way, and those that always hold are put back. */
const EMPTY = `
  DO $$ DECLARE it record; guards text[] := '{}'; guard text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR it IN SELECT tgrelid::regclass AS owner, tgname FROM pg_trigger WHERE tgenabled = 'A' LOOP
      EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', it.owner, it.tgname);
      guards := guards || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', it.owner, it.tgname);
    END LOOP;
    FOR it IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname IN ('reveille', 'bullmq')
          AND tablename NOT IN ('migrations', 'migration', 'ledger_head') LOOP
      EXECUTE format('DELETE FROM %I.%I', it.schemaname, it.tablename);
    END LOOP;
    UPDATE reveille.ledger_head SET seq = 0, hash = repeat('0', 64);
    FOR it IN SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL LOOP
      EXECUTE format('ALTER SEQUENCE %I.%I RESTART', it.schemaname, it.sequencename);
    END LOOP;
    FOREACH guard IN ARRAY guards LOOP
      EXECUTE guard;
    END LOOP;
  END $$`;
