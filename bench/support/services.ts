/** Postgres and Redis of the benchmarks. Postgres is durable: what it acknowledges is on disk. */
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { removeCluster, serverPid } from '../../test/support/embedded-cluster';
import { startRedis } from '../../test/support/redis-server';
import type { Bench } from '../figure';

export interface Postgres {
  /** The postmaster; its children do the work. */
  readonly pid: number;
  /** An empty database. */
  create(): Promise<string>;
}

export async function startPostgres({ cleanup, log }: Bench): Promise<Postgres> {
  const dataDir = cleanup.add(await mkdtemp(join(tmpdir(), 'reveille-bench-')), removeCluster);
  const server = cleanup.add(await startEmbeddedPostgres({ dataDir, log, durable: true }), (s) => s.stop());
  const pid = await serverPid(dataDir);
  if (pid === undefined) throw new Error('the embedded Postgres has no process');
  return { pid, create: () => createDatabase(server.url) };
}

async function createDatabase(serverUrl: string): Promise<string> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export interface Redis {
  readonly url: string;
  /** Absent for a server that somebody else runs. */
  readonly pid?: number;
}

/** The server at REDIS_URL, or one of our own in memory. */
export async function redis({ cleanup }: Bench): Promise<Redis> {
  const given = process.env.REDIS_URL;
  if (given) return { url: given };
  const server = cleanup.add(await startRedis(), (s) => s.stop());
  return { url: server.url, pid: server.process.pid };
}
