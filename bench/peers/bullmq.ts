/**
 * The raw peer: three chained BullMQ jobs, one HTTP call each, no record of what happened. The job
 * calls the agent and then adds the next one: with axios, or with undici exactly as the orchestrator calls.
 */
import { Agent as HttpAgent } from 'node:http';
import axios from 'axios';
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq';
import Redis from 'ioredis';
import { Pool } from 'pg';
import UndiciAgent from 'undici/lib/dispatcher/agent';
import { perform } from '../../src/engine/agents-call';
import { keepInFlight, type Load } from '../support/load';
import { serve, settings } from '../support/serve';

export interface PeerSettings {
  agentUrl: string;
  client: 'axios' | 'undici';
  redisUrl?: string;
  databaseUrl?: string;
}

interface ChainJob {
  chain: number;
  step: number;
  input: Record<string, unknown>;
}

const STEPS = 3;
const CONCURRENCY = 50;
const SOCKETS = 256;
const CALL_MS = 10_000;
const REMOVE = { removeOnComplete: true, removeOnFail: true };

async function main(): Promise<void> {
  const given = settings<PeerSettings>();
  const call = given.client === 'axios' ? callerWithAxios() : callerWithUndici();
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const { queue, worker, close } = await open(given, async ({ data }, add) => {
    const { output } = await call(`${given.agentUrl}/call`, data);
    const { chain, step, input } = data;
    if (step < STEPS) await add({ chain, step: step + 1, input: { ...input, ...output } });
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

type Call = (url: string, body: ChainJob) => Promise<{ output: Record<string, unknown> }>;

function callerWithAxios(): Call {
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: SOCKETS });
  const http = axios.create({ httpAgent, maxRedirects: 0, proxy: false, timeout: CALL_MS });
  return async (url, body) => (await http.post<Awaited<ReturnType<Call>>>(url, body)).data;
}

function callerWithUndici(): Call {
  const agent = new UndiciAgent({ connections: SOCKETS });
  return async (url, body) => {
    const answer = await perform(agent, { method: 'POST', url, body, timeoutMs: CALL_MS });
    return answer.body as Awaited<ReturnType<Call>>;
  };
}

type Handle = (job: { data: ChainJob }, add: (data: ChainJob) => Promise<unknown>) => Promise<void>;

async function open({ client, redisUrl, databaseUrl = '' }: PeerSettings, handle: Handle) {
  const name = `raw-${client}`; // others may be on the same server
  const { queue, makeWorker, disconnect } =
    redisUrl === undefined ? await onPostgres(name, databaseUrl) : onRedis(name, redisUrl);
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

function onRedis(name: string, url: string) {
  const producer = new Redis(url);
  const consumer = new Redis(url, { maxRetriesPerRequest: null });
  return {
    queue: new Queue(name, { connection: producer }),
    makeWorker: (handle: Process) =>
      new Worker(name, handle, { connection: consumer, concurrency: CONCURRENCY }),
    disconnect: () => {
      producer.disconnect();
      consumer.disconnect();
    },
  };
}

/** As in src/engine/queue/postgres.ts, with as many connections as BullMQ takes by itself. */
async function onPostgres(name: string, connectionString: string) {
  const pool = new Pool({ connectionString, max: 1 });
  const client = await pool.connect();
  await runMigrations(client).finally(() => client.release());
  await pool.end();
  const connection = { connectionString };
  return {
    queue: new Queue(name, { connection }, createPostgresBackend) as unknown as Queue,
    makeWorker: (handle: Process) =>
      new Worker(
        name,
        handle,
        { connection, concurrency: CONCURRENCY },
        createPostgresBackend,
      ) as unknown as Worker,
    disconnect: () => undefined,
  };
}

void main();
