/**
 * The Postgres and the Redis of one test run, in a process of their own:
 *
 *     node --require ./test/support/typescript.cjs test/support/services.ts
 *
 * prints one line of JSON, {@link Services}, when both answer and there is a python3 for the agents in
 * Python, and ends them when its input closes.
 * That happens when whoever started it ends, however it ends: teardown, Ctrl-C, crash or kill -9.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { temporaryFolder } from './folders';
import { ensurePython } from './python';
import { startRedis } from './redis-server';
import { endStrays } from './run-folder';

export interface Services {
  databaseUrl: string;
  redisUrl: string;
  /** See run-folder.ts. */
  runFolder: string;
}

type Undo = () => Promise<unknown>;

async function main(): Promise<void> {
  const undo: Undo[] = [];
  // Nobody reads on when our parent was killed, which must not keep us from ending the rest.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const closed = once(process.stdin.resume(), 'close');
  // Ours to end in order; whoever signals us closes our input as well, or should have.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.stdin.destroy());
  try {
    const services = await start(undo);
    process.stdout.write(`${JSON.stringify(services)}\n`);
    await closed;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function start(undo: Undo[]): Promise<Services> {
  const folder = await temporaryFolder();
  undo.push(folder.remove, () => endStraysOf(folder.path));
  const log = (message: string) => void process.stderr.write(`${message}\n`);
  const startPostgres = async () => {
    const postgres = await startEmbeddedPostgres({
      dataDir: join(folder.path, 'postgres'),
      log,
      durable: false,
    });
    undo.push(postgres.stop);
    return postgres.url;
  };
  // One after the other: either may have to be installed.
  const redis = ensurePython().then(() => redisForRun(undo));
  const [databaseUrl, redisUrl] = await Promise.allSettled([startPostgres(), redis]);
  if (databaseUrl.status === 'rejected') throw databaseUrl.reason;
  if (redisUrl.status === 'rejected') throw redisUrl.reason;
  return { databaseUrl: databaseUrl.value, redisUrl: redisUrl.value, runFolder: folder.path };
}

/** After an orderly run there are none: then a test forgot to end what it started, and the run fails. */
async function endStraysOf(folder: string): Promise<void> {
  const strays = await endStrays(folder);
  if (strays === 0) return;
  process.stderr.write(`${strays} processes that the tests started still ran and were killed\n`);
  process.exitCode = 1;
}

/** The Redis at REDIS_URL, checked, or one of our own. */
async function redisForRun(undo: Undo[]): Promise<string> {
  const given = process.env.REDIS_URL;
  if (given === undefined || given === '') {
    const server = await startRedis();
    undo.push(server.stop);
    return server.url;
  }
  const client = new Redis(given, { lazyConnect: true, retryStrategy: null, connectTimeout: 5_000 });
  try {
    await client.connect();
    await client.ping();
  } catch (cause) {
    throw new Error('the Redis at REDIS_URL does not answer', { cause });
  } finally {
    client.disconnect();
  }
  return given;
}

main().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${text}\n`, () => process.exit(1));
});
