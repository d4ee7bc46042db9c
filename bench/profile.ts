/**
 * Where the time of a throughput run goes: `node --import tsx bench/profile.ts`. Leaves a CPU profile of
 * the orchestrator in the folder it names, and prints rates, CPU by process, Postgres's own times by
 * function, and how many statements and commits a workflow costs.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startFixedPlatform } from './support/fixed-platform';
import { startChild } from './support/child';
import { Cleanup } from './support/cleanup';
import type { LoadResult } from './support/load';
import { cpuMsOf, cpuMsOfTree } from './support/proc';
import { startPostgres } from './support/services';

const COUNT = 3_000;
const WARM_UP = 500;
const CONCURRENCY = 50;
const DEADLINE_MS = 120_000;

async function profile(cleanup: Cleanup): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reveille-profile-'));
  const postgres = await startPostgres({ cleanup, log: () => undefined });
  const databaseUrl = await postgres.create();
  const client = cleanup.add(new Client({ connectionString: databaseUrl }), (c) => c.end());
  await client.connect();
  await client.query(`ALTER DATABASE ${new URL(databaseUrl).pathname.slice(1)} SET track_functions = 'all'`);
  const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
  const { port } = await agents.ask<{ port: number }>({}, DEADLINE_MS);
  const ours = await startChild(
    'bench/processes/orchestrator.ts',
    {
      agentUrl: `http://127.0.0.1:${port}`,
      platformUrl: await startFixedPlatform(cleanup, 1),
      platformToken: 'bench',
      databaseUrl,
    },
    ['--cpu-prof', `--cpu-prof-dir=${folder}`],
  );
  cleanup.add(ours, (c) => c.stop());
  await ours.ask<LoadResult>({ count: WARM_UP, concurrency: CONCURRENCY }, DEADLINE_MS);
  await client.query('SELECT pg_stat_reset()');
  const cpu = async () => Promise.all([cpuMsOf(ours.pid), cpuMsOf(agents.pid), cpuMsOfTree(postgres.pid)]);
  const before = await cpu();
  const { elapsedMs } = await ours.ask<LoadResult>({ count: COUNT, concurrency: CONCURRENCY }, DEADLINE_MS);
  const after = await cpu();
  const [orchestrator = 0, agent = 0, pg = 0] = after.map((ms, i) => (ms - (before[i] ?? 0)) / COUNT);
  console.log(`${((COUNT * 1_000) / elapsedMs).toFixed(0)} workflows/s`);
  console.table({ orchestrator, agents: agent, postgres: pg });
  await ours.stop(); // its backends hand in their statistics when they end
  await printPostgres(client);
  console.log(`CPU profile of the orchestrator: ${folder}`);
}

async function printPostgres(client: Client): Promise<void> {
  const functions = await client.query<{ funcname: string; calls: number; total: number; self: number }>(
    `SELECT funcname, calls::float / $1 AS calls, total_time / $1 AS total, self_time / $1 AS self
       FROM pg_stat_user_functions WHERE schemaname = 'reveille' ORDER BY self_time DESC LIMIT 15`,
    [COUNT],
  );
  console.log('Postgres, by function, a workflow: calls, milliseconds with and without what it calls');
  console.table(functions.rows);
  const { rows } = await client.query<{ commits: number }>(
    `SELECT xact_commit::float / $1 AS transactions, tup_inserted::float / $1 AS inserted,
       tup_updated::float / $1 AS updated FROM pg_stat_database WHERE datname = current_database()`,
    [COUNT],
  );
  console.table(rows);
}

const cleanup = new Cleanup();
profile(cleanup)
  .finally(() => cleanup.run())
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
