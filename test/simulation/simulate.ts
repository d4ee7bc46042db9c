/** One simulated campaign: orchestrators, agents and a platform under one seed, in virtual time. */
import { createHash } from 'node:crypto';
import type { AgentRunResult } from '../../src/contract';
import { nextTicks } from '../../src/domain/schedule';
import type { Log } from '../../src/engine/ports';
import { capsulesOf } from '../../src/registry/capsules';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { VirtualClock } from './clock';
import { Cloud } from './cloud';
import { Deployer } from './deployer';
import { Faults, type Fault, type FaultBounds } from './faults';
import { Invariants } from './invariants';
import { IDLE_SWEEP_MS, type World } from './orchestrator';
import { Outside } from './outside';
import { Pointers } from './pointers';
import { Policies, triggerViolations } from './policies';
import { QuietTimes } from './quiet';
import { seeded } from './random';
import { LONGEST_LINGER_MS, SCHEDULED, simulatedRegistry } from './registry';
import { Staff } from './staff';
import { Trace } from './trace';

export interface SimulationOptions extends FaultBounds {
  seed: number;
  /** Virtual hours during which runs arrive. */
  hours: number;
  /** How many arrive in an hour, on average, not counting those of the schedule. */
  runsPerHour: number;
  /** Probability of each fault at each opportunity. */
  faultRate: number;
  orchestrators?: number;
  /** So many arrive within some minutes, and then a long time none. */
  burst?: number;
  /** When the schedule is due. */
  cron?: string;
  /** Agents have releases, and people roll them out, abort, roll back and switch off. */
  releases?: boolean;
  /** Ends with the first violation. */
  stopAtFirst?: boolean;
  /** Keeps what happened, for people to read. */
  keepTrace?: boolean;
  /** Puts a fault of our own making between the engine and its record. */
  plant?: (store: Store) => Store;
}

export interface SimulationReport {
  seed: number;
  runs: number;
  succeeded: number;
  /** Rollouts by how they ended. */
  rollouts: { done: number; rolledBack: number };
  /** Attempts that were done on another capsule than the one they belong on. */
  failovers: number;
  /** Runs of the workflows with flow control: what had its turn, began after a burst, gave way to a later one. */
  flow: Policies['counts'];
  violations: string[];
  hits: Record<string, number>;
  /** Faults that struck, of all kinds. */
  strikes: number;
  /** Quiet times that were lived through, and nothing happened in them. */
  proved: number;
  /** SHA-256 over the ledger, the faults and the count of events: the same seed gives the same trace. */
  trace: string;
  /** What happened, where it was kept. */
  lines: string[];
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5, 6, 0, 0);
/** With faults off everything has to drain: agents that hang need their timeout first, and so do waits. */
const DRAIN_MS = 2 * HOUR;
/** How long a scheduled run may take. */
const SETTLE_MS = 10 * 60_000;
/** How far apart the runs of a burst are, at most. */
const BURST_GAP_MS = 60_000;
/** The watchdog repairs nothing, and most of its looks find nothing: far fewer of them are simulated. */
const WATCH_MS = 600_000;
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const stage = setUp(options);
  const { clock, faults, invariants, outside, staff, truth, cloud } = stage;
  await staff.hire(options.orchestrators ?? 2);
  await stage.settle(0);
  outside.open();
  if (options.releases) await stage.deployer.open();
  await campaign(options, stage);
  faults.off();
  staff.recover();
  await stage.deployer.close();
  await stage.settle(restAt(stage) - clock.now());
  if (!stage.isOver()) {
    invariants.checkAccepted(outside.accepted);
    await invariants.checkTicks(
      truth,
      stage.schedule,
      staff.startedAt ?? Infinity,
      clock.now() - SETTLE_MS / 2,
    );
    await invariants.checkAtRest(truth, cloud);
    await stage.pointers.checkAtRest(truth);
    for (const violation of triggerViolations(invariants.runs.values(), outside))
      invariants.report(violation);
  }
  return report(options, stage);
}

type Stage = ReturnType<typeof setUp>;

function setUp(options: SimulationOptions) {
  const random = seeded(options.seed);
  // Over the seeds, every season: days with 23 and 25 hours are among them.
  const clock = new VirtualClock(START + ((options.seed * 37) % 365) * DAY);
  const now = () => clock.now();
  const faults = new Faults(seeded(~options.seed), (fault) => rateOf(fault, options.faultRate), options);
  const invariants = new Invariants(now, LONGEST_LINGER_MS, options.faultRate);
  const trace = new Trace(now, options.keepTrace === true);
  trace.follow(faults, invariants);
  const truth = createMemoryStore();
  const registry = simulatedRegistry(options.cron, options.releases);
  const schedule = registry.workflow(SCHEDULED).schedule;
  if (!schedule) throw new Error(`the workflow ${SCHEDULED} has no schedule`);
  const cloud = new Cloud({
    clock,
    random,
    faults,
    deliver: (url, result) => deliver(url, result),
    onScale: (id, n) => {
      trace.add(`${id} is scaled to ${n}`);
      invariants.scaled(id, n);
    },
  });
  for (const agent of registry.agents)
    for (const { capsuleId, baseUrl } of capsulesOf(agent)) cloud.add(capsuleId, baseUrl);
  const pointers = new Pointers((violation) => invariants.report(violation));
  const policies = new Policies({
    now,
    report: (violation) => invariants.report(violation),
    isCalmSince: (at) => staff.isCalmSince(at),
  });
  const store = policies.watch(
    pointers.watch(invariants.watch(options.plant ? options.plant(truth) : truth)),
  );
  const world: World = {
    clock,
    random,
    store,
    cloud,
    registry,
    faults,
    log: SILENT,
    limits: { watchMs: WATCH_MS, sweepIdleMs: IDLE_SWEEP_MS },
    hint: (hint, delayMs) => clock.after(delayMs, () => staff.anyone()?.take(hint)),
  };
  const staff = new Staff({ world, invariants, trace, schedule });
  const outside = new Outside({ clock, random, store: truth, anyone: () => staff.anyone() });
  const deployer = new Deployer({ clock, random, store: truth, anyone: () => staff.anyone() });
  const quiet = new QuietTimes({
    store: truth,
    cloud,
    registry,
    faults,
    invariants,
    now,
    random: seeded(options.seed ^ 0x51_1e7),
  });
  const deliver = (url: string, result: AgentRunResult) => staff.deliver(url, result);
  const check = () => {
    invariants.checkAwake(cloud, staff.isManned);
    quiet.check();
  };
  const isOver = () => options.stopAtFirst === true && invariants.violations.length > 0;
  const settle = (ms: number) =>
    clock.runUntil(clock.now() + ms, check, (from, limit) => quiet.until(from, limit), isOver);
  return {
    clock,
    random,
    faults,
    invariants,
    trace,
    truth,
    schedule,
    cloud,
    staff,
    outside,
    deployer,
    pointers,
    policies,
    quiet,
    settle,
    isOver,
  };
}

/** Runs arrive; orchestrators die and are replaced, freeze and thaw, and their clocks are set. */
async function campaign(
  options: SimulationOptions,
  { clock, random, outside, deployer, staff, settle, isOver }: Stage,
) {
  const end = clock.now() + options.hours * HOUR;
  const { burst = 1, runsPerHour } = options;
  const gap = (burst * HOUR) / runsPerHour;
  let left = burst;
  while (clock.now() < end && !isOver()) {
    outside.start();
    outside.crowd();
    if (options.releases) deployer.act();
    staff.suffer();
    left -= 1;
    const pause = left > 0 ? BURST_GAP_MS * random() : gap * 2 * random();
    if (left <= 0) left = burst;
    await settle(Math.min(Math.round(pause), end - clock.now()));
  }
}

/** When everything has drained, and a good while after a time of the schedule and before the next. */
function restAt({ clock, schedule }: Stage): number {
  let [tick = 0, next = Infinity] = nextTicks(schedule, clock.now() + DRAIN_MS, 2);
  while (next - tick < 1.5 * SETTLE_MS) [tick = 0, next = Infinity] = nextTicks(schedule, tick, 2);
  return tick + SETTLE_MS;
}

async function report(options: SimulationOptions, stage: Stage): Promise<SimulationReport> {
  const { invariants, faults, truth, trace, clock, quiet, pointers } = stage;
  const ledger = await truth.ledger(0, Number.MAX_SAFE_INTEGER);
  const states = [...invariants.runs.values()];
  const hits = Object.fromEntries(faults.hits);
  return {
    seed: options.seed,
    runs: states.length,
    succeeded: states.filter((r) => r.status === 'succeeded').length,
    failovers: states.flatMap((r) => r.steps.flatMap((s) => s.history)).filter((h) => h.failover).length,
    flow: stage.policies.counts,
    rollouts: { done: pointers.count('done'), rolledBack: pointers.count('rolled-back') },
    violations: invariants.violations,
    hits,
    strikes: faults.total,
    proved: quiet.proved,
    trace: createHash('sha256')
      .update(JSON.stringify([ledger.at(-1)?.hash, hits, clock.fired, invariants.violations]))
      .digest('hex'),
    lines: trace.lines,
  };
}

/** An orchestrator dies, freezes or tells the wrong time far more rarely than a call fails. */
const rateOf = (fault: Fault, rate: number): number =>
  fault.startsWith('orchestrator-') || fault.startsWith('clock-') ? rate / 4 : rate;
