/**
 * Postgres for development without installing one: real Postgres programs from npm, data in a
 * directory of ours. It survives everything a developer does to it: kill -9 of whatever was
 * running, two starts at once, an interrupted first start.
 *
 * All processes of this machine that start it on the same directory share one server. Nobody owns
 * it: each registers as a user, and the last user that stops, stops the server. A user that was
 * killed is not counted, and a server that nobody uses any more is adopted by the next start.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { freePort, isFree } from '../os/free-port';
import { postgresAccount, reachableBinaries } from './embedded/account';
import { findBinaries } from './embedded/binaries';
import { claim, exclusively, liveClaims } from './embedded/claims';
import { initialise, openCluster, ROLE, saveCluster, type Cluster } from './embedded/cluster';
import {
  clearRemains,
  findPostmaster,
  logTail,
  startPostmaster,
  stopPostmaster,
  whenReady,
  type Postmaster,
} from './embedded/postmaster';

/** Longer than any one start or stop by another process, see the deadlines there. */
const LOCK_DEADLINE_MS = 180_000;
/** A port that was free may be taken before the server has it. */
const START_ATTEMPTS = 4;
const CONNECT_DEADLINE_MS = 10_000;

const INVALID_CATALOG_NAME = '3D000';
const DUPLICATE_DATABASE = '42P04';

export interface EmbeddedPostgresOptions {
  /** Ours alone; created when missing. Everything about the server is in here, see `embedded/cluster.ts`. */
  dataDir: string;
  /** Told what a developer wants to know: creating, starting, adopting, stopping. */
  log: (message: string) => void;
  /** False only where the data may be lost in a crash of the machine, as in tests. */
  durable?: boolean;
}

export interface EmbeddedPostgres {
  /** Connection string with the password; a secret. */
  readonly url: string;
  /** This use of the server ends; with the last one the server ends, all written. Idempotent. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the embedded Postgres of a directory, or joins the one that runs there.
 * @throws Error that says what to do: no programs for this platform, no user to run as, a damaged
 *   directory, a server that does not start (with the end of its log)
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  // One directory, one name: the same cluster must not be seen as two through a link.
  const dataDir = await realpath(options.dataDir);
  const lock = join(dataDir, 'lock');
  const users = join(dataDir, 'users');
  const { cluster, use } = await exclusively(lock, LOCK_DEADLINE_MS, async () => {
    const running = await ensureRunning(dataDir, options);
    return { cluster: running, use: await claim(users) };
  });
  let stopped: Promise<void> | undefined;
  const stop = () =>
    exclusively(lock, LOCK_DEADLINE_MS, async () => {
      await use.release();
      const others = await liveClaims(users);
      const pid = await findPostmaster(cluster);
      if (others.length > 0 || pid === undefined) return;
      options.log('stopping the embedded Postgres');
      await stopPostmaster(cluster, pid);
    });
  return { url: urlOf(cluster, ROLE), stop: () => (stopped ??= stop()) };
}

/** A server that answers, found or started. The caller holds the lock. */
async function ensureRunning(dataDir: string, options: EmbeddedPostgresOptions): Promise<Cluster> {
  const account = await postgresAccount();
  const cluster = await openCluster(dataDir, account, freePort);
  const found = await adopt(cluster);
  if (found !== undefined) {
    const joined = { ...cluster, port: found.port };
    await ensureDatabase(joined);
    options.log(`joined the embedded Postgres that runs in ${dataDir}`);
    return joined;
  }
  const durable = options.durable ?? true;
  const binaries = await reachableBinaries(await findBinaries(), account);
  if ((await initialise(cluster, binaries, account, durable)) === 'created') {
    options.log(`created an embedded Postgres ${binaries.version} in ${cluster.folder}`);
  }
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    await clearRemains(cluster);
    const started = await startPostmaster(cluster, binaries, account, durable);
    if (started !== undefined) {
      await ensureDatabase(cluster);
      options.log(`started the embedded Postgres of ${dataDir} on port ${cluster.port}`);
      return cluster;
    }
    if (await isFree(cluster.port)) break; // then the port was not the reason
    cluster.port = await freePort();
    await saveCluster(cluster);
  }
  throw new Error(`the embedded Postgres in ${dataDir} did not start${await logTail(cluster)}`);
}

/** The running server if it is usable. One that is shutting down is seen to its end. */
async function adopt(cluster: Cluster): Promise<Postmaster | undefined> {
  const pid = await findPostmaster(cluster);
  if (pid === undefined) return undefined;
  const ready = await whenReady(cluster, pid);
  if (ready === undefined) await stopPostmaster(cluster, pid);
  return ready;
}

/** Creates our database unless it is there, which also proves that the server answers to us. */
async function ensureDatabase(cluster: Cluster): Promise<void> {
  try {
    await query(urlOf(cluster, ROLE), 'SELECT 1');
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INVALID_CATALOG_NAME) {
      throw new Error('the embedded Postgres runs but does not answer', { cause: error });
    }
    await query(urlOf(cluster, 'postgres'), `CREATE DATABASE ${ROLE}`).catch((failure: unknown) => {
      if (failure instanceof DatabaseError && failure.code === DUPLICATE_DATABASE) return;
      throw new Error('creating the database in the embedded Postgres failed', { cause: failure });
    });
  }
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: CONNECT_DEADLINE_MS });
  client.on('error', () => undefined); // a connection lost after the answer; before it, query() rejects
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const urlOf = (cluster: Cluster, database: string): string =>
  `postgres://${ROLE}:${cluster.password}@127.0.0.1:${cluster.port}/${database}`;
