import Redis from 'ioredis';
import { openQueue } from '../../src/engine/queue';
import type { Log } from '../../src/engine/ports';
import { queueConformance } from '../contracts/queue';
import { asAdmin, createDatabase } from '../support/database';
import { redisPrefix, redisUrl } from '../support/redis';
import { startRedis } from '../support/redis-server';

const warnings: string[] = [];
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields, message) => void warnings.push(message),
  error: () => undefined,
};

queueConformance('BullMQ on Postgres', async () => {
  const { url, drop } = await createDatabase();
  return { open: () => openQueue({ databaseUrl: url, log }), close: drop };
});

queueConformance('BullMQ on Redis', async () => {
  const name = `q-${redisPrefix().replace(/:/g, '-')}-${Math.random().toString(36).slice(2)}`;
  const options = { databaseUrl: '', redisUrl: redisUrl(), name, log };
  return { open: () => openQueue(options), close: async () => undefined };
});

describe('a Postgres that has no room for another connection', () => {
  const limit = (role: string, most: number) =>
    asAdmin((admin) => admin.query(`ALTER ROLE ${role} CONNECTION LIMIT ${most}`));

  it('is told, and not asked again without a pause', async () => {
    const { url, drop } = await createDatabase();
    const own = new URL(url);
    const role = `r${own.pathname.slice(1)}`;
    await asAdmin(async (admin) => {
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
      await admin.query(`ALTER DATABASE ${own.pathname.slice(1)} OWNER TO ${role}`);
    });
    [own.username, own.password] = [role, 'p'];
    const queue = await openQueue({ databaseUrl: own.href, log });
    try {
      await limit(role, 0);
      const handlers = { hint: async () => undefined, tick: async () => undefined };
      await expect(queue.work(handlers)).rejects.toThrow('too many connections for role');
      warnings.length = 0;
      await new Promise((next) => setImmediate(next));
      expect(warnings).toEqual([]);
      const another = openQueue({ databaseUrl: own.href, log });
      await expect(another).rejects.toThrow('too many connections for role');
    } finally {
      await queue.close();
      await drop();
      await asAdmin((admin) => admin.query(`DROP ROLE ${role}`));
    }
  });
});

describe('a Redis that cannot be trusted with jobs', () => {
  it('is refused when it evicts keys, and warned of when it forgets at a restart', async () => {
    const server = await startRedis();
    const client = new Redis(server.url);
    try {
      warnings.length = 0;
      const queue = await openQueue({ databaseUrl: '', redisUrl: server.url, log });
      await queue.close();
      expect(warnings.join()).toMatch(/append-only/);
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const opening = openQueue({ databaseUrl: '', redisUrl: server.url, log });
      await expect(opening).rejects.toThrow(/REDIS_URL.*allkeys-lru.*noeviction/s);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  it('is refused when it cannot be reached', async () => {
    const opening = openQueue({ databaseUrl: '', redisUrl: 'redis://127.0.0.1:1', log });
    await expect(opening).rejects.toThrow(/REDIS_URL/);
  });
});
