import Redis from 'ioredis';
import { fail, ok, warn, type Finding } from './finding';

const ANSWER_MS = 5_000;

/** Redis: that it throws no jobs away, and remembers them when it restarts. */
export async function examineRedis(url: string | undefined): Promise<Finding[]> {
  if (url === undefined) return [ok('queue', 'lives in Postgres; REDIS_URL is not set')];
  const client = new Redis(url, {
    ...{ maxRetriesPerRequest: 1, lazyConnect: true, connectTimeout: ANSWER_MS, commandTimeout: ANSWER_MS },
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const info = await client.info();
    const of = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
    const policy = of('maxmemory_policy');
    return [
      policy === undefined || policy === 'noeviction'
        ? ok('queue', `Redis ${of('redis_version') ?? ''} evicts nothing`)
        : fail('queue', `Redis throws jobs away (${policy})`, 'CONFIG SET maxmemory-policy noeviction'),
      of('aof_enabled') === '1'
        ? ok('queue-durability', 'Redis writes an append-only file')
        : warn(
            'queue-durability',
            'Redis forgets hints when it crashes: runs come late then',
            'CONFIG SET appendonly yes',
          ),
    ];
  } catch {
    return [fail('queue', 'Redis does not answer', 'Check REDIS_URL and the server')];
  } finally {
    client.disconnect();
  }
}
