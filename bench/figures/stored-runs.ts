/**
 * Whether a step costs the same with a million runs in the store: two orchestrators on one Postgres, one with
 * an empty database and one with a full one, take turns at the same load.
 */
import { median, type Bench, type Figure, type Measurement } from '../figure';
import { startChild, type Child } from '../support/child';
import { fill } from '../support/fill';
import { startFixedPlatform } from '../support/fixed-platform';
import type { Load, LoadResult } from '../support/load';
import { cpuMsOf, cpuMsOfTree } from '../support/proc';
import { startPostgres, type Postgres } from '../support/services';

/** A million takes a while to store; `BENCH_STORED_RUNS` says fewer. */
const STORED = Number(process.env.BENCH_STORED_RUNS ?? 1_000_000);
/** Runs of the load's own, copied: their states, inputs, results and ledger entries are of the usual size. */
const SAMPLES = 50;
const STEPS = 3;
const ROUNDS = 5;
const WARM_UP: Load = { count: 1_000, concurrency: 50 };
/** For the cost: as in the throughput figure. */
const MANY: Load = { count: 600, concurrency: 50 };
/** For the latency: one workflow at a time, whose steps wait for their commits. */
const SINGLE: Load = { count: 150, concurrency: 1 };
const DEADLINE_MS = 120_000;

interface Side {
  child: Child;
  /** CPU milliseconds a step, of the orchestrator and of Postgres together. */
  cpu: number[];
  /** Milliseconds a step. */
  latency: number[];
}

export const storedRuns: Figure = {
  id: 'stored-runs',
  measure: async (bench) => {
    const { cleanup } = bench;
    const postgres = await startPostgres(bench);
    const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
    const { port } = await agents.ask<{ port: number }>({}, 5_000);
    const platformUrl = await startFixedPlatform(cleanup, 1);
    const start = async (databaseUrl: string): Promise<Side> => {
      const given = {
        agentUrl: `http://127.0.0.1:${port}`,
        platformUrl,
        platformToken: 'bench',
        databaseUrl,
      };
      const child = cleanup.add(await startChild('bench/processes/orchestrator.ts', given), (c) => c.stop());
      await child.ask<LoadResult>(WARM_UP, DEADLINE_MS);
      return { child, cpu: [], latency: [] };
    };
    const empty = await start(await postgres.create());
    const fullUrl = await postgres.create();
    const full = await start(fullUrl);
    const sizeMb = await fill(fullUrl, { samples: SAMPLES, total: STORED, log: bench.log });
    await takeTurns(bench, postgres, empty, full);
    return report(empty, full, sizeMb);
  },
};

async function takeTurns({ log }: Bench, postgres: Postgres, empty: Side, full: Side): Promise<void> {
  for (let round = 0; round <= ROUNDS; round += 1) {
    // Who goes first changes, so that neither always has what the other left to do.
    for (const side of round % 2 === 0 ? [empty, full] : [full, empty]) {
      const cpu = async () => (await cpuMsOf(side.child.pid)) + (await cpuMsOfTree(postgres.pid));
      const before = await cpu();
      await side.child.ask<LoadResult>(MANY, DEADLINE_MS);
      const spent = (await cpu()) - before;
      const single = await side.child.ask<LoadResult>(SINGLE, DEADLINE_MS);
      if (round === 0) continue; // the first turn fills what is kept in memory
      side.cpu.push(spent / MANY.count / STEPS);
      side.latency.push(single.elapsedMs / SINGLE.count / STEPS);
      const name = side === full ? 'full' : 'empty';
      log(
        `round ${round}: ${name} ${side.cpu.at(-1)?.toFixed(2)} ms CPU, ${side.latency.at(-1)?.toFixed(2)} ms`,
      );
    }
  }
}

function report(empty: Side, full: Side, sizeMb: number): Measurement[] {
  const ratio = (of: 'cpu' | 'latency') => median(full[of].map((ms, i) => ms / (empty[of][i] ?? NaN)));
  const of = (id: string, name: string, value: number, unit: string): Measurement => ({
    id: `stored-runs-${id}`,
    name: `  ${name}`,
    value,
    unit,
  });
  return [
    {
      id: 'stored-runs',
      name: `CPU of a step with ${STORED} stored runs, beside an empty store`,
      value: ratio('cpu'),
      unit: 'ratio',
      goal: { kind: 'at-most', value: 1.1 },
    },
    of('cpu-empty', 'orchestrator and Postgres, a step, empty', median(empty.cpu), 'ms'),
    of('cpu-full', 'orchestrator and Postgres, a step, full', median(full.cpu), 'ms'),
    of('latency', 'a step by itself, from start to end, beside an empty store', ratio('latency'), 'ratio'),
    of('latency-full', 'a step by itself, full', median(full.latency), 'ms'),
    of('size', 'the full database', sizeMb, 'MB'),
  ];
}
