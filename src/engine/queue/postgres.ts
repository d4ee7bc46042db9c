import { createPostgresBackend, Queue, runMigrations, Worker, type Telemetry } from 'bullmq';
import { Pool } from 'pg';
import type { QueueBackend } from '.';
import { CONCURRENCY } from './settings';

export async function onPostgres(databaseUrl: string, telemetry?: Telemetry): Promise<QueueBackend> {
  await migrate(databaseUrl);
  // BullMQ builds a pool for each from this, in a schema of its own beside ours, and closes it.
  const connection = {
    connectionString: databaseUrl,
    max: 3,
    application_name: 'reveille-queue',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  };
  const traced = telemetry ? { telemetry } : {};
  return {
    kind: 'postgres',
    queue: (name) => new Queue(name, { connection, ...traced }, createPostgresBackend) as unknown as Queue,
    worker: (name, handle) =>
      new Worker(
        name,
        handle,
        { connection, concurrency: CONCURRENCY, ...traced },
        createPostgresBackend,
      ) as unknown as Worker,
    close: async () => undefined,
  };
}

async function migrate(databaseUrl: string): Promise<void> {
  const pool = new Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 5_000 });
  try {
    const client = await pool.connect();
    await runMigrations(client).finally(() => client.release());
  } finally {
    await pool.end();
  }
}
