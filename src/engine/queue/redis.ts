import { Queue, Worker, type Telemetry } from 'bullmq';
import Redis from 'ioredis';
import type { Log } from '../ports';
import type { QueueBackend } from '.';
import { settings, WORKER } from './settings';

export async function onRedis(url: string, log: Log, telemetry?: Telemetry): Promise<QueueBackend> {
  await checkServer(url, log);
  // A producer fails fast when Redis is away (the sweeper covers for the hint); a worker waits.
  const producer = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: true });
  const consumer = new Redis(url, { maxRetriesPerRequest: null });
  for (const client of [producer, consumer])
    client.on('error', (error) => log.warn({ err: error.message }, 'redis'));
  const options = { settings, ...(telemetry && { telemetry }) };
  return {
    kind: 'redis',
    queue: (name) => new Queue(name, { ...options, connection: producer }),
    worker: (name, handle) => new Worker(name, handle, { ...options, ...WORKER, connection: consumer }),
    close: async () => {
      producer.disconnect();
      consumer.disconnect();
    },
  };
}

/** Refuses a Redis that would throw jobs away, and warns of one that forgets them at a restart. */
async function checkServer(url: string, log: Log): Promise<void> {
  const client = new Redis(url, {
    maxRetriesPerRequest: 1,
    lazyConnect: true,
    connectTimeout: 5_000,
    retryStrategy: () => null,
  });
  // What ends the call tells only that the connection is closed.
  let reason: Error | undefined;
  client.on('error', (error: Error) => (reason = error));
  try {
    await client.connect();
    const info = parseInfo(await client.info());
    const policy = info.get('maxmemory_policy');
    if (policy !== undefined && policy !== 'noeviction') {
      throw new Error(`its maxmemory-policy is ${policy}, which throws jobs away; set it to noeviction`);
    }
    if (info.get('aof_enabled') === '0') {
      log.warn(
        {},
        'Redis runs without an append-only file: a crash of it costs hints and lateness, never a run',
      );
    }
  } catch (error) {
    const { message, code } = (reason ?? error) as NodeJS.ErrnoException;
    const mend = reason && '. Check host, port and password, or unset it: the queue then lives in Postgres.';
    throw new Error(`REDIS_URL: Redis cannot be used: ${message || code}${mend ?? ''}`, { cause: error });
  } finally {
    client.disconnect();
  }
}

function parseInfo(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
