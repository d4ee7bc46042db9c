import {
  assertSchemaCompatibility,
  createPostgresBackend,
  DEFAULT_SCHEMA,
  LATEST_SCHEMA_VERSION,
  Queue,
  runMigrations,
  SchemaMigrationRequiredError,
  Worker,
  type Telemetry,
} from 'bullmq';
import { Pool, type PoolClient } from 'pg';
import { grantUse } from '../../store/postgres/roles';
import type { QueueBackend } from '.';
import { settings, WORKER } from './settings';

/** @param ownerUrl connects as who owns BullMQ's tables, where that is not who runs the orchestrator */
export async function onPostgres(
  databaseUrl: string,
  telemetry?: Telemetry,
  ownerUrl?: string,
): Promise<QueueBackend> {
  await migrate(ownerUrl ?? databaseUrl);
  if (ownerUrl !== undefined)
    await grantUse({ ownerUrl, url: databaseUrl, schema: DEFAULT_SCHEMA, hasLedger: false });
  // BullMQ builds a pool for each from this, in a schema of its own beside ours, and closes it.
  const connection = {
    connectionString: databaseUrl,
    max: 3,
    application_name: 'reveille-queue',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  };
  const options = { connection, settings, ...(telemetry && { telemetry }) };
  return {
    kind: 'postgres',
    queue: (name) => new Queue(name, options, createPostgresBackend) as unknown as Queue,
    worker: (name, handle) =>
      new Worker(name, handle, { ...options, ...WORKER }, createPostgresBackend) as unknown as Worker,
    close: async () => undefined,
  };
}

async function migrate(databaseUrl: string): Promise<void> {
  const pool = new Pool({ connectionString: databaseUrl, max: 1, connectionTimeoutMillis: 5_000 });
  try {
    const client = await pool.connect();
    try {
      // A role that may not make tables can use a schema that is up to date.
      if (!(await isUpToDate(client))) await runMigrations(client);
    } finally {
      client.release();
    }
  } finally {
    await pool.end();
  }
}

async function isUpToDate(client: PoolClient): Promise<boolean> {
  try {
    return (await assertSchemaCompatibility(client)) >= LATEST_SCHEMA_VERSION;
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return false;
    throw error;
  }
}
