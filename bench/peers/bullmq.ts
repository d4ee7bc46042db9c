/**
 * The raw peer: three chained BullMQ jobs, one HTTP call each, no record of what happened. The job
 * calls the agent and then adds the next one; same HTTP client, same settings as the orchestrator's.
 */
import { Agent as HttpAgent } from 'node:http';
import axios from 'axios';
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq';
import Redis from 'ioredis';
import { Pool } from 'pg';
import { keepInFlight, type Load } from '../support/load';
import { serve, settings } from '../support/serve';

export interface PeerSettings {
  agentUrl: string;
  redisUrl?: string;
  databaseUrl?: string;
}

interface ChainJob {
  chain: number;
  step: number;
  input: Record<string, unknown>;
}

const NAME = 'raw-chain';
const STEPS = 3;
const CONCURRENCY = 50;
const REMOVE = { removeOnComplete: true, removeOnFail: true };

async function main(): Promise<void> {
  const given = settings<PeerSettings>();
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 256 });
  const http = axios.create({ httpAgent: agent, maxRedirects: 0, proxy: false, timeout: 10_000 });
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const { queue, worker, close } = await open(given, async ({ data }, add) => {
    const answer = await http.post<{ output: Record<string, unknown> }>(`${given.agentUrl}/call`, data);
    const { chain, step, input } = data;
    if (step < STEPS) await add({ chain, step: step + 1, input: { ...input, ...answer.data.output } });
    else ends.get(chain)?.resolve();
  });
  worker.on('failed', (job, error) =>
    ends.get((job?.data as ChainJob | undefined)?.chain ?? 0)?.reject(error),
  );
  let chains = 0;
  const one = async (): Promise<void> => {
    const chain = (chains += 1);
    const end = new Promise<void>((resolve, reject) => ends.set(chain, { resolve, reject }));
    await queue.add('step', { chain, step: 1, input: { siteUrl: 'https://example.com/' } }, REMOVE);
    await end.finally(() => ends.delete(chain));
  };
  serve((load: Load) => keepInFlight(load, one), close);
}

type Handle = (job: { data: ChainJob }, add: (data: ChainJob) => Promise<unknown>) => Promise<void>;

async function open({ redisUrl, databaseUrl = '' }: PeerSettings, handle: Handle) {
  const { queue, makeWorker, disconnect } =
    redisUrl === undefined ? await onPostgres(databaseUrl) : onRedis(redisUrl);
  const worker = makeWorker((job) =>
    handle(job as { data: ChainJob }, (data) => queue.add('step', data, REMOVE)),
  );
  await worker.waitUntilReady();
  const close = async (): Promise<void> => {
    await worker.close();
    await queue.close();
    disconnect();
  };
  return { queue, worker, close };
}

type Process = (job: { data: unknown }) => Promise<void>;

function onRedis(url: string) {
  const producer = new Redis(url);
  const consumer = new Redis(url, { maxRetriesPerRequest: null });
  return {
    queue: new Queue(NAME, { connection: producer }),
    makeWorker: (handle: Process) =>
      new Worker(NAME, handle, { connection: consumer, concurrency: CONCURRENCY }),
    disconnect: () => {
      producer.disconnect();
      consumer.disconnect();
    },
  };
}

/** As in src/engine/queue/postgres.ts, with as many connections as BullMQ takes by itself. */
async function onPostgres(connectionString: string) {
  const pool = new Pool({ connectionString, max: 1 });
  const client = await pool.connect();
  await runMigrations(client).finally(() => client.release());
  await pool.end();
  const connection = { connectionString };
  return {
    queue: new Queue(NAME, { connection }, createPostgresBackend) as unknown as Queue,
    makeWorker: (handle: Process) =>
      new Worker(
        NAME,
        handle,
        { connection, concurrency: CONCURRENCY },
        createPostgresBackend,
      ) as unknown as Worker,
    disconnect: () => undefined,
  };
}

void main();
