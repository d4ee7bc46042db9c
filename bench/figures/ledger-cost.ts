/**
 * What the ledger costs: three-step workflows per second of two orchestrators that differ in it alone, each with a
 * database of its own on one server. They take turns, the first of each pair in changing order.
 */
import { median, type Bench, type Figure, type Measurement } from '../figure';
import { startChild, type Child } from '../support/child';
import { startFixedPlatform } from '../support/fixed-platform';
import type { LoadResult } from '../support/load';
import { cpuMsOf, cpuMsOfTree } from '../support/proc';
import { startPostgres, type Postgres } from '../support/services';

const CONCURRENCY = 50;
/** Pairs of turns that count. */
const ROUNDS = 9;
const WARM_UP = 500;
/** Workflows a turn: about a second. */
const COUNT = 600;
const DEADLINE_MS = 120_000;

interface Turn {
  perSecond: number;
  /** Milliseconds of the orchestrator and of Postgres, per workflow: nearly the same on a busy machine. */
  cpu: number;
}

interface Pair {
  with: Turn;
  without: Turn;
}

interface World {
  withLedger: Child;
  without: Child;
  postgres: Postgres;
}

export const ledgerCost: Figure = {
  id: 'ledger-cost',
  measure: async (bench) => {
    const { withLedger, without, postgres } = await start(bench);
    const pairs: Pair[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = round % 2 === 0 ? await turn(withLedger, COUNT, postgres) : undefined;
      const other = await turn(without, COUNT, postgres);
      const pair = { with: first ?? (await turn(withLedger, COUNT, postgres)), without: other };
      bench.log(`round ${round + 1}: with ${words(pair.with)}, without ${words(other)}`);
      pairs.push(pair);
    }
    return report(pairs);
  },
};

const words = ({ perSecond, cpu }: Turn): string =>
  `${perSecond.toFixed(0)} workflows/s, ${cpu.toFixed(2)} ms CPU each`;

async function start(bench: Bench): Promise<World> {
  const { cleanup } = bench;
  const postgres = await startPostgres(bench);
  const agents = cleanup.add(await startChild('bench/agents/instant/agent.mjs', {}), (c) => c.stop());
  const { port } = await agents.ask<{ port: number }>({}, DEADLINE_MS);
  const orchestrator = async (more: object): Promise<Child> => {
    const child = cleanup.add(
      await startChild('bench/processes/orchestrator.ts', {
        agentUrl: `http://127.0.0.1:${port}`,
        platformUrl: await startFixedPlatform(cleanup, 1),
        platformToken: 'bench',
        databaseUrl: await postgres.create(),
        ...more,
      }),
      (c) => c.stop(),
    );
    // At once, so that its capsules are awake for work: this platform always runs them, and strays are put to sleep.
    await turn(child, WARM_UP, postgres);
    return child;
  };
  const withLedger = await orchestrator({});
  return { withLedger, without: await orchestrator({ withoutLedger: true }), postgres };
}

async function turn(child: Child, count: number, { pid }: Pick<Postgres, 'pid'>): Promise<Turn> {
  const spent = async () => (await cpuMsOf(child.pid)) + (await cpuMsOfTree(pid));
  const before = await spent();
  const { elapsedMs } = await child.ask<LoadResult>({ count, concurrency: CONCURRENCY }, DEADLINE_MS);
  return { perSecond: (count * 1_000) / elapsedMs, cpu: ((await spent()) - before) / count };
}

const percent = (more: number, less: number): number => 100 * (1 - less / more);

function report(pairs: readonly Pair[]): Measurement[] {
  const of = (id: string, name: string, unit: string, value: (pair: Pair) => number): Measurement => ({
    ...{ id: `ledger-cost${id}`, name, unit },
    value: median(pairs.map(value)),
  });
  return [
    {
      ...of('', 'throughput that the ledger costs', '%', (p) =>
        percent(p.without.perSecond, p.with.perSecond),
      ),
      goal: { kind: 'at-most', value: 10 },
    },
    of('-with', '  3-step workflows, each change in the ledger', 'workflows/s', (p) => p.with.perSecond),
    of('-without', '  3-step workflows, nothing in the ledger', 'workflows/s', (p) => p.without.perSecond),
    of('-cpu', '  CPU of orchestrator and Postgres that it costs', '%', (p) =>
      percent(p.with.cpu, p.without.cpu),
    ),
    of('-cpu-with', '  CPU per workflow, with', 'ms', (p) => p.with.cpu),
    of('-cpu-without', '  CPU per workflow, without', 'ms', (p) => p.without.cpu),
  ];
}
