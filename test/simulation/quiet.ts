/**
 * Quiet times: nothing runs, nothing is due, and every sweeper has looked since the last change. The sweeper decides
 * by what is, so its next pass would find what the last one found, and can be left out. Now and then a quiet time is
 * lived through all the same, with faults held off: a change in it is a violation.
 */
import { runDueAt } from '../../src/domain/run';
import { nextTicks } from '../../src/domain/schedule';
import type { Registry } from '../../src/registry';
import type { Store } from '../../src/store/store';
import type { Cloud } from './cloud';
import type { Faults } from './faults';
import type { Invariants } from './invariants';
import { IDLE_SWEEP_MS } from './orchestrator';

/** The sweeper looks everywhere in two such passes; twice that, as a pass may be late. */
const SETTLED_MS = 4 * IDLE_SWEEP_MS;
/** Orchestrators whose clocks are ahead, and capsules that are woken ahead of a schedule, act before a due time. */
const AHEAD_MS = 180_000;
/** After a tick's time it is decided by then, or never. */
const LATE_TICK_MS = 3_600_000;
/** One quiet time in so many is lived through, */
const PROVED_OF = 50;
/** for so long: each part of a sweeper's work has its turn several times. */
const PROOF_MS = 60_000;

export interface QuietOptions {
  /** The store itself: to look must not be a chance for faults. */
  store: Store;
  cloud: Cloud;
  registry: Registry;
  faults: Faults;
  invariants: Invariants;
  now: () => number;
  random: () => number;
}

export class QuietTimes {
  /** Quiet times that were lived through to the end. */
  proved = 0;
  /** What was found out, for as long as nothing changes. */
  private known = { changes: -1, from: 0, until: 0 };
  /** The tick after the last that is on record, of each workflow; to compute it costs more than all else here. */
  private readonly ticks = new Map<string, { last: number | undefined; next: number }>();
  private proof: { changes: number; until: number } | undefined;

  constructor(private readonly options: QuietOptions) {}

  async until(now: number, limit: number): Promise<number> {
    const { cloud, invariants, random, faults } = this.options;
    if (this.proof || !cloud.isDark || now - invariants.changedAt < SETTLED_MS) return now;
    const { changes } = invariants;
    if (this.known.changes !== changes || limit > this.known.until) {
      // Asked for a good while at once, so that few have to ask.
      const end = Math.max(limit, now + 3_600_000);
      this.known = { changes, from: now, until: await this.look(now, end) };
    }
    const until = Math.min(limit, this.known.until);
    if (until <= now || random() * PROVED_OF >= 1) return until;
    this.proof = { changes, until: Math.min(until, now + PROOF_MS) };
    faults.hold(true);
    return now;
  }

  /** Called after every event. */
  check(): void {
    if (!this.proof) return;
    const { invariants, faults, now } = this.options;
    const isOver = now() >= this.proof.until;
    if (!isOver && invariants.changes === this.proof.changes) return;
    if (isOver) this.proved += 1;
    else invariants.report('something happened in a time in which nothing could');
    this.proof = undefined;
    faults.hold(false);
  }

  /** Until when nothing in the record is due; `now` when something waits to be done. */
  private async look(now: number, end: number): Promise<number> {
    const { store } = this.options;
    const horizon = end + AHEAD_MS;
    const open = [
      await store.dueCapsules(horizon, 1),
      await store.flowWorkflows(1),
      await store.undelivered(horizon, 1),
      await store.unbookedShifts(1),
      await store.unbookedUsage(1),
      await store.openStrays(1),
      (await store.approvals(1)).items,
      await store.openRollouts(),
      await store.openWork(horizon, 1),
      (await store.guardReading()).switches,
    ];
    if (open.some(({ length }) => length > 0)) return now;
    const times = [end];
    const [first] = await store.dueRuns(horizon, 1);
    const run = first === undefined ? undefined : await store.run(first);
    if (run) times.push((runDueAt(run.state) ?? now) - AHEAD_MS);
    times.push((await this.nextTick(now)) - AHEAD_MS);
    return Math.max(now, Math.min(...times));
  }
  /** By the record, not by the clock: a tick that nobody could write down is still to come. */
  private async nextTick(now: number): Promise<number> {
    const { store, registry } = this.options;
    const next = registry.workflows.map(async ({ id, schedule }) => {
      if (!schedule) return [];
      const last = await store.lastTick(id);
      const known = this.ticks.get(id);
      if (known?.last === last && known?.next !== undefined && known.next > now - LATE_TICK_MS)
        return [known.next];
      const [tick = Infinity] = nextTicks(schedule, Math.max(last ?? 0, now - LATE_TICK_MS), 1);
      this.ticks.set(id, { last, next: tick });
      return [tick];
    });
    return Math.min(...(await Promise.all(next)).flat());
  }
}
