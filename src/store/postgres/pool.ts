import { Pool, types } from 'pg';

/** All of Reveille's tables live in this schema. */
export const SCHEMA = 'reveille';

/** bigint arrives as text; ours are epoch milliseconds and counters, all below 2^53. */
const INT8 = 20;

/**
 * A pool whose connections see only Reveille's schema.
 * @param max connections at most; commits use one at a time, reads the rest.
 * @param environment a name without blanks
 */
export function createPool(connectionString: string, max = 8, environment = 'development'): Pool {
  const pool = new Pool({
    connectionString,
    max,
    application_name: 'reveille',
    // Which of the environments that may be switched off is this one.
    options: `-c search_path=${SCHEMA} -c reveille.environment=${environment}`,
    connectionTimeoutMillis: 5_000,
    // Longer than from one pass of the sweeper to the next: to log in anew costs both sides more than to stay.
    idleTimeoutMillis: 30_000,
    query_timeout: 30_000,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : (types.getTypeParser(oid, format) as unknown)) as typeof types.getTypeParser,
    },
  });
  // A connection that drops (a restarted server) is not an event of its own: the query under way or the next one tells.
  // Of one in use, as a transaction has it, only the connection itself tells; with nobody listening the process would end.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}
