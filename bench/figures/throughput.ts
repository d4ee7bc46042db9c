/**
 * Three-step workflows per second with instant agents, beside raw BullMQ doing three chained jobs
 * with one HTTP call each on the same server, by axios and once more by undici, as Reveille calls. They take turns,
 * so that all see the same noise.
 */
import { join } from 'node:path';
import { median, type Bench, type Figure, type Measurement } from '../figure';
import { startFixedPlatform } from '../support/fixed-platform';
import { startChild, type Child } from '../support/child';
import type { LoadResult } from '../support/load';
import { cpuMsOf, cpuMsOfTree } from '../support/proc';
import { redis, startPostgres, type Postgres, type Redis } from '../support/services';

const CONCURRENCY = 50;
/** Turns that count, after one to warm up. */
const ROUNDS = 5;
const WARM_UP = 1_000;
/** Workflows a turn: some four seconds each, so that its beginning and its end, with fewer under way, weigh little. */
const OURS = 1_200;
const RAW = 2_000;
const TURN_DEADLINE_MS = 120_000;

interface Contender {
  name: string;
  child: Child;
  count: number;
}

interface Turn {
  perSecond: number;
  /** CPU milliseconds per workflow, by process. */
  cpu: Record<string, number>;
}

type Pids = Record<string, () => Promise<number>>;

export const throughputOnRedis: Figure = {
  id: 'throughput-redis',
  measure: async (bench) => {
    const server = await redis(bench);
    return measure(bench, 'redis', server, 0.5);
  },
};

export const throughputOnPostgres: Figure = {
  id: 'throughput-postgres',
  measure: (bench) => measure(bench, 'postgres', undefined, 1),
};

async function measure(
  bench: Bench,
  kind: string,
  server: Redis | undefined,
  goal: number,
): Promise<Measurement[]> {
  const { cleanup } = bench;
  const postgres = await startPostgres(bench);
  const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
  const { port } = await agents.ask<{ port: number }>({}, 5_000);
  const agentUrl = `http://127.0.0.1:${port}`;
  const redisUrl = server?.url;
  const platformUrl = await startFixedPlatform(cleanup, 1);
  const startPeer = async (client: 'axios' | 'undici'): Promise<Child> => {
    const settings = { agentUrl, client, redisUrl, databaseUrl: await postgres.create() };
    return cleanup.add(await startChild('bench/peers/bullmq.ts', settings), (c) => c.stop());
  };
  const [withAxios, withUndici] = [await startPeer('axios'), await startPeer('undici')] as const;
  // Last: it is given work before it wonders why its capsules run.
  const ours = await startChild(
    'bench/processes/orchestrator.ts',
    { agentUrl, redisUrl, platformUrl, platformToken: 'bench', databaseUrl: await postgres.create() },
    profiling('orchestrator'),
  );
  cleanup.add(ours, (c) => c.stop());
  const contenders: Contender[] = [
    { name: 'reveille', child: ours, count: OURS },
    { name: 'raw', child: withAxios, count: RAW },
    { name: 'raw with undici', child: withUndici, count: RAW },
  ];
  const turns = await takeTurns(bench, contenders, (c) => pidsOf(c, agents, postgres, server));
  const { failures } = await agents.ask<{ failures: string[] }>({}, 5_000);
  if (failures.length > 0)
    bench.log(`sent again: ${failures.length} results (${[...new Set(failures)].join(', ')})`);
  return report(kind, turns, goal);
}

/** `BENCH_PROFILE=<folder>` leaves a CPU profile of the orchestrator there. */
function profiling(name: string): string[] {
  const folder = process.env.BENCH_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${join(folder, name)}`] : [];
}

const pidsOf = (
  contender: Contender,
  agents: Child,
  postgres: Postgres,
  server: Redis | undefined,
): Pids => ({
  [contender.name === 'reveille' ? 'orchestrator' : 'worker']: () => cpuMsOf(contender.child.pid),
  agents: () => cpuMsOf(agents.pid),
  postgres: () => cpuMsOfTree(postgres.pid),
  ...(server?.pid !== undefined && { redis: () => cpuMsOf(server.pid as number) }),
});

async function takeTurns(
  { log }: Bench,
  contenders: Contender[],
  pids: (contender: Contender) => Pids,
): Promise<Map<string, Turn[]>> {
  const turns = new Map<string, Turn[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await turn(contender, WARM_UP, {});
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const contender of contenders) {
      const result = await turn(contender, contender.count, pids(contender));
      turns.get(contender.name)?.push(result);
      log(`round ${round}: ${contender.name} ${result.perSecond.toFixed(0)} workflows/s`);
    }
  }
  return turns;
}

async function turn({ child }: Contender, count: number, pids: Pids): Promise<Turn> {
  const before = await readAll(pids);
  const load = { count, concurrency: CONCURRENCY };
  const { elapsedMs } = await child.ask<LoadResult>(load, TURN_DEADLINE_MS);
  const after = await readAll(pids);
  const cpu = Object.fromEntries(
    Object.keys(pids).map((k) => [k, ((after[k] ?? 0) - (before[k] ?? 0)) / count]),
  );
  return { perSecond: (count * 1_000) / elapsedMs, cpu };
}

const readAll = async (pids: Pids): Promise<Record<string, number>> =>
  Object.fromEntries(
    await Promise.all(Object.entries(pids).map(async ([k, read]) => [k, await read()] as const)),
  );

function report(kind: string, turns: Map<string, Turn[]>, goal: number): Measurement[] {
  const ours = turns.get('reveille') ?? [];
  const raw = turns.get('raw') ?? [];
  const withUndici = turns.get('raw with undici') ?? [];
  const beside = (peer: Turn[]) => median(ours.map((t, i) => t.perSecond / (peer[i]?.perSecond ?? Infinity)));
  const rate = (name: string, of: Turn[], text: string): Measurement => ({
    id: `throughput-${kind}-${name}`,
    name: text,
    value: median(of.map((t) => t.perSecond)),
    unit: 'workflows/s',
  });
  const cpu = (name: string, of: Turn[]): Measurement[] =>
    Object.keys(of[0]?.cpu ?? {}).map((process) => ({
      id: `throughput-${kind}-${name}-cpu-${process}`,
      name: `  CPU of ${process}, per workflow (${name})`,
      value: median(of.map((t) => t.cpu[process] ?? 0)),
      unit: 'ms',
    }));
  return [
    {
      id: `throughput-${kind}`,
      name: `throughput beside raw BullMQ, queue on ${kind}`,
      value: beside(raw),
      unit: 'ratio',
      goal: { kind: 'at-least', value: goal },
    },
    rate('reveille', ours, '  3-step workflows, Reveille'),
    ...cpu('reveille', ours),
    rate('raw', raw, '  3-job chains, raw BullMQ'),
    ...cpu('raw', raw),
    rate('raw-undici', withUndici, '  3-job chains, raw BullMQ that calls with undici'),
    {
      id: `throughput-${kind}-beside-undici`,
      name: '  throughput beside that',
      value: beside(withUndici),
      unit: 'ratio',
    },
  ];
}
