/** One simulated campaign: orchestrators, agents and a platform under one seed, in virtual time. */
import { createHash } from 'node:crypto';
import type { AgentRunResult } from '../../src/contract';
import type { Log } from '../../src/engine/ports';
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from './clock';
import { Cloud } from './cloud';
import { Faults, type Fault } from './faults';
import { Invariants } from './invariants';
import { Orchestrator, type World } from './orchestrator';
import { Outside } from './outside';
import { seeded } from './random';
import { LONGEST_LINGER_MS, simulatedRegistry } from './registry';

export interface SimulationOptions {
  seed: number;
  /** Virtual hours during which runs arrive. */
  hours: number;
  runsPerHour: number;
  /** Probability of each fault at each opportunity. */
  faultRate: number;
  orchestrators?: number;
}

export interface SimulationReport {
  seed: number;
  runs: number;
  succeeded: number;
  violations: string[];
  hits: Record<string, number>;
  /** SHA-256 over the ledger: the same seed gives the same trace. */
  trace: string;
}

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 5, 6, 0, 0);
/** With faults off everything has to drain: agents that hang need their timeout first, and so do waits. */
const DRAIN_MS = 2 * HOUR;
/** The period of the registry's schedule. */
const TICK_MS = 20 * 60_000;
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const random = seeded(options.seed);
  const clock = new VirtualClock(START);
  const faults = new Faults(random, (fault) => rateOf(fault, options.faultRate));
  const invariants = new Invariants(() => clock.now(), LONGEST_LINGER_MS);
  const truth = createMemoryStore();
  const staff: Orchestrator[] = [];
  const anyone = () =>
    pick(
      staff.filter((o) => o.isAlive),
      random,
    );

  const deliver = async (url: string, result: AgentRunResult): Promise<boolean> => {
    const orchestrator = anyone();
    if (!orchestrator) return false;
    const died = new Promise<boolean>((resolve) => clock.after(15_000, () => resolve(false)));
    return Promise.race([died, answer(orchestrator, url, result, invariants)]);
  };
  const cloud = new Cloud({ clock, random, faults, deliver, onScale: (id, n) => invariants.scaled(id, n) });
  const registry = simulatedRegistry();
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const world: World = {
    clock,
    random,
    store: invariants.watch(truth),
    cloud,
    registry,
    faults,
    log: SILENT,
    hint: (hint, delayMs) => clock.after(delayMs, () => anyone()?.take(hint)),
  };
  const hire = async () => {
    const orchestrator = new Orchestrator(world);
    staff.push(orchestrator);
    await orchestrator.engine.start().catch(() => orchestrator.kill());
  };
  const check = () =>
    invariants.checkAwake(
      cloud,
      staff.some((o) => o.isAlive),
    );
  const settle = async (ms: number) => clock.runUntil(clock.now() + ms, check);
  for (let i = 0; i < (options.orchestrators ?? 2); i += 1) void hire();
  await settle(0);

  const outside = new Outside({ clock, random, store: truth, anyone });
  outside.open();
  await campaign(options, { clock, random, faults, staff, outside, hire, check });
  faults.off();
  for (const o of staff.filter((s) => !s.isAlive)) staff.splice(staff.indexOf(o), 1);
  if (staff.length === 0) void hire();
  await settle(drainMs(clock.now()));
  await invariants.checkAtRest(truth, cloud);
  const ledger = await truth.ledger(0, Number.MAX_SAFE_INTEGER);
  const states = [...invariants.runs.values()];
  return {
    seed: options.seed,
    runs: states.length,
    succeeded: states.filter((r) => r.status === 'succeeded').length,
    violations:
      states.length < outside.accepted
        ? [...invariants.violations, 'accepted runs are missing']
        : invariants.violations,
    hits: Object.fromEntries(faults.hits),
    trace: createHash('sha256')
      .update(ledger.at(-1)?.hash ?? '')
      .digest('hex'),
  };
}

interface Stage {
  clock: VirtualClock;
  random: () => number;
  faults: Faults;
  staff: Orchestrator[];
  outside: Outside;
  hire: () => Promise<void>;
  check: () => void;
}

/** Runs arrive, orchestrators die and are replaced. */
async function campaign(options: SimulationOptions, stage: Stage): Promise<void> {
  const { clock, random, faults, staff, outside, hire, check } = stage;
  const end = clock.now() + options.hours * HOUR;
  const gap = HOUR / options.runsPerHour;
  while (clock.now() < end) {
    outside.start();
    if (faults.strikes('orchestrator-killed')) {
      staff.splice(staff.indexOf(pick(staff, random) as Orchestrator), 1)[0]?.kill();
      clock.after(random() * 20_000, () => void hire());
    }
    await clock.runUntil(clock.now() + Math.round(gap * 2 * random()), check);
  }
}

async function answer(
  orchestrator: Orchestrator,
  url: string,
  result: AgentRunResult,
  invariants: Invariants,
): Promise<boolean> {
  const token = new URL(url).searchParams.get('token') ?? '';
  try {
    const outcome = await orchestrator.engine.result(token, result);
    if (outcome.kind !== 'refused') invariants.acknowledge(result);
    return true;
  } catch {
    return false;
  }
}

/** Until everything drained, and a good while after the last tick of the schedule. */
const drainMs = (now: number): number => Math.ceil((now + DRAIN_MS) / TICK_MS) * TICK_MS + TICK_MS / 2 - now;

/** An orchestrator dies far more rarely than a call fails. */
const rateOf = (fault: Fault, rate: number): number => (fault === 'orchestrator-killed' ? rate / 5 : rate);

const pick = <T>(items: T[], random: () => number): T | undefined =>
  items[Math.floor(random() * items.length)];
