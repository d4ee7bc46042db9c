import { onPostgres } from '../../src/engine/queue/postgres';
import { openPostgresStore } from '../../src/store/postgres';
import { createDatabase, type TestDatabase } from './database';

/**
 * A database as the first start of an orchestrator leaves it, without its rows: our tables and the queue's.
 * Copied, as making them takes several times as long as all else of a start.
 */
export function installedDatabase(): Promise<TestDatabase> {
  return createDatabase({ name: 'installed', prepare });
}

async function prepare(url: string): Promise<void> {
  const store = await openPostgresStore(url);
  await store.close();
  const queue = await onPostgres(url);
  await queue.close();
}
