import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import axios from 'axios';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { z } from 'zod';
import { createDatabase } from './database';
import { installedDatabase } from './installed-database';
import { leakCheck } from './leaks';
import nock from './outside';
import { freePort } from './ports';
import { useProcesses } from './processes';
import { redisPrefix, redisUrl } from './redis';
import { startRedis } from './redis-server';
import { until } from './until';
import { startWebhookReceiver } from './webhook-receiver';

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

// First, so that nothing of another test is still closing when it takes its baseline.
describe('leak check', () => {
  it('sees a server, a socket and a timer until they are gone', async () => {
    // Jest's own timers come and go for a moment at the beginning of a file.
    let last = '';
    const steady = () => last === (last = process.getActiveResourcesInfo().sort().join());
    await until(steady, { every: 100 });
    const leaks = leakCheck();
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    const timer = setTimeout(() => undefined, 60_000);
    await expect(leaks.backToBaseline(100)).rejects.toThrow(
      /TCPSocketWrap \+\d, TCPServerWrap \+1, Timeout \+1/,
    );
    clearTimeout(timer);
    socket.destroy();
    server.close();
    await leaks.backToBaseline();
  });
});

describe('databases', () => {
  it('gives each caller an empty one, and takes it away while somebody is connected', async () => {
    const [first, second] = await Promise.all([createDatabase(), createDatabase()]);
    await rows(first.url, 'CREATE TABLE only_here ()');
    expect(await rows(second.url, "SELECT 1 FROM pg_tables WHERE tablename = 'only_here'")).toEqual([]);

    const left = new Client({ connectionString: first.url });
    await left.connect();
    const errors: string[] = [];
    left.on('error', (error: Error) => errors.push(error.message)); // the server's message, then the cut
    const cut = new Promise<void>((resolve) => left.once('end', resolve));
    await first.drop();
    await first.drop();
    await cut;
    expect(errors[0]).toMatch(/terminat/);
    await expect(rows(first.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
    await second.drop();
  });

  it('prepares a template once, however many ask for a copy', async () => {
    let prepared = 0;
    const template = {
      name: 'support_test',
      prepare: async (url: string) => {
        prepared++;
        await rows(url, 'CREATE TABLE filled AS SELECT 7 AS n');
      },
    };
    const copies = await Promise.all([1, 2, 3].map(() => createDatabase(template)));
    const found = await Promise.all(copies.map(({ url }) => rows(url, 'SELECT n FROM filled')));
    expect(found).toEqual([[{ n: 7 }], [{ n: 7 }], [{ n: 7 }]]);
    expect(prepared).toBe(1);
    await Promise.all(copies.map((copy) => copy.drop()));
  });

  it('gives an installed one that was used before without its rows, guarded as ever, under a new name', async () => {
    const ledger =
      "INSERT INTO reveille.ledger (seq, entity, id, body, hash) VALUES (1, 'x', 'x', '{}', 'x')";
    const first = await installedDatabase();
    await rows(first.url, ledger);
    await rows(first.url, "INSERT INTO reveille.idempotency_keys SELECT 'x', 'x', 'x', gen_random_uuid(), 0");
    let isOver = false;
    const comesBack = async () => {
      while (!isOver) {
        const left = new Client({ connectionString: first.url });
        left.on('error', () => undefined); // cut by design
        const cut = new Promise<void>((resolve) => left.once('end', resolve));
        await left.connect().then(
          () => cut,
          () => (isOver = true), // not let in any more
        );
      }
    };
    const back = comesBack();
    await rows(first.url, 'SELECT 1');
    await first.drop();
    await back;
    await expect(rows(first.url, 'SELECT 1')).rejects.toThrow(/does not exist/);

    const second = await installedDatabase();
    const remain =
      'SELECT (SELECT count(*) FROM reveille.ledger) + (SELECT count(*) FROM reveille.idempotency_keys) AS n';
    expect(await rows(second.url, remain)).toEqual([{ n: '0' }]);
    expect(await rows(second.url, 'SELECT seq FROM reveille.ledger_head')).toEqual([{ seq: '0' }]);
    await expect(rows(second.url, 'DELETE FROM reveille.ledger')).rejects.toThrow(/ledger/);
    await second.drop();
  });
});

describe('redis', () => {
  it('carries a BullMQ job from end to end and keeps what it holds', async () => {
    const connection = { url: redisUrl(), maxRetriesPerRequest: null };
    const options = { connection, prefix: redisPrefix() };
    const queue = new Queue<{ n: number }>('smoke', options);
    const events = new QueueEvents('smoke', options);
    const worker = new Worker<{ n: number }, number>(
      'smoke',
      (job) => Promise.resolve(job.data.n + 1),
      options,
    );
    await events.waitUntilReady();
    const job = await queue.add('add', { n: 1 });
    expect(await job.waitUntilFinished(events, 10_000)).toBe(2);
    await Promise.all([worker.close(), events.close(), queue.close()]);

    const client = new Redis(redisUrl());
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    await client.quit();
  });

  it('can be a server of one’s own, which comes back empty on its port', async () => {
    const first = await startRedis();
    const client = new Redis(first.url);
    await client.set('kept', '1');
    client.disconnect();
    await first.stop();
    const second = await startRedis(Number(new URL(first.url).port));
    const again = new Redis(second.url);
    expect(await again.get('kept')).toBeNull();
    again.disconnect();
    await second.stop();
  });
});

describe('processes', () => {
  const processes = useProcesses();

  it('captures output, finds lines of the past and the future, and reports an early end', async () => {
    const script =
      'console.log("one 1"); process.stdin.once("data", () => 0).once("end", () => console.error("two 2"))';
    const child = await processes.start(process.execPath, ['-e', script], { input: 'pipe' });
    expect((await child.waitFor(/one (\d)/))[1]).toBe('1');
    expect((await child.waitFor(/one (\d)/))[1]).toBe('1');
    const two = child.waitFor(/two (\d)/);
    child.closeInput();
    expect((await two)[1]).toBe('2');
    await expect(child.waitFor(/three/)).rejects.toThrow(/ended \(0\) before \/three\/[^]*two 2/);
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  it('gives up at the deadline, with what it saw', async () => {
    const child = await processes.start('sh', ['-c', 'echo started; exec sleep 60']);
    await child.waitFor(/started/);
    await expect(child.waitFor(/never/, 50)).rejects.toThrow(/no \/never\/ from sh[^]*started/);
  });

  it('ends the whole group, also one that ignores SIGTERM', async () => {
    const child = await processes.start('sh', [
      '-c',
      'trap "" TERM; sleep 60 & echo "child $!"; wait; sleep 60',
    ]);
    const grandchild = Number((await child.waitFor(/child (\d+)/))[1]);
    expect((await child.stop(100)).signal).toBe('SIGKILL');
    const gone = () => {
      try {
        return !process.kill(grandchild, 0);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ESRCH';
      }
    };
    await until(gone, { what: 'the end of the grandchild' });
  });
});

describe('webhook receiver', () => {
  it('records deliveries in order, lets a test await the next one and decide the answer', async () => {
    const receiver = await startWebhookReceiver();
    const next = receiver.next();
    expect((await axios.post(`${receiver.url}?n=1`, { n: 1 })).status).toBe(200);
    expect(await next).toMatchObject({ method: 'POST', path: '/webhook?n=1', body: { n: 1 } });

    receiver.answerWith({ status: 503 });
    const refused = await axios.post(receiver.url, 'no json', { validateStatus: null });
    expect(refused.status).toBe(503);
    expect((await receiver.next()).raw.toString()).toBe('no json');
    receiver.answerWith('drop');
    await expect(axios.post(receiver.url, {})).rejects.toThrow(/hang up|ECONNRESET/);
    expect(receiver.deliveries.map((delivery) => delivery.body)).toEqual([{ n: 1 }, undefined, {}]);
    await receiver.next();
    await expect(receiver.next(20)).rejects.toThrow(/no webhook number 4/);
    await receiver.close();
  });
});

describe('libraries', () => {
  it('load under Jest and work: nock in front of axios, zod', async () => {
    nock('https://api.example.test').get('/thing').reply(200, { id: 'a' });
    const { data } = await axios.get<unknown>('https://api.example.test/thing');
    expect(z.object({ id: z.string() }).parse(data)).toEqual({ id: 'a' });
  });
});
