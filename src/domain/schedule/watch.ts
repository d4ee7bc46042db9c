/** What the watchdog asks: which scheduled times should have been decided by now, and were they? */
import { MAX_DUE_TICKS } from './due';
import type { Timing } from './schema';
import { ticksBetween } from './ticks';

/** A tick that nobody decided for this long is given up: no policy would make up for it any more. */
export const GIVE_UP_MS = 24 * 3_600_000;

/** A decision as the record has it. */
export interface DecidedTick {
  readonly scheduledFor: number;
  readonly lateMs: number;
}

export interface WatchedTick {
  readonly scheduledFor: number;
  /** How long after its time it was decided, or how long it has waited until now. */
  readonly lateMs: number;
}

export interface MissingTick extends WatchedTick {
  /** A later tick is decided: nobody will come back to this one. */
  readonly passedOver: boolean;
}

export interface TickJudgement<T extends DecidedTick> {
  /** Decided, but more than the grace after their time. */
  readonly late: readonly T[];
  readonly missing: readonly MissingTick[];
  readonly givenUp: readonly WatchedTick[];
  /** Up to here everything is decided or given up: the next look begins after it. */
  readonly checkedUntil: number;
}

/** The scheduled times in `(checkedUntil, now − graceMs]`, oldest first: those that have to be decided. */
export function expectedTicks(
  schedule: Timing,
  checkedUntil: number,
  now: number,
  graceMs: number,
): number[] {
  return now - graceMs <= checkedUntil
    ? []
    : ticksBetween(schedule, checkedUntil, now - graceMs, MAX_DUE_TICKS);
}

/**
 * Compares what should have been decided with what was.
 * @param expected from {@link expectedTicks}; not empty
 * @param decided what the record says of times after `expected`'s beginning, in any order
 */
export function judgeTicks<T extends DecidedTick>(
  expected: readonly number[],
  decided: readonly T[],
  now: number,
  graceMs: number,
): TickJudgement<T> {
  const rows = new Map(decided.map((row) => [row.scheduledFor, row]));
  const lastDecided = Math.max(-Infinity, ...rows.keys());
  const undecided = expected
    .filter((scheduledFor) => !rows.has(scheduledFor))
    .map((scheduledFor) => ({ scheduledFor, lateMs: now - scheduledFor }));
  const missing = undecided
    .filter(({ lateMs }) => lateMs <= GIVE_UP_MS)
    .map((tick) => ({ ...tick, passedOver: tick.scheduledFor < lastDecided }));
  const checked = expected.filter((tick) => tick < (missing[0]?.scheduledFor ?? Infinity));
  return {
    // Beyond the oldest missing tick they are judged when that is settled, so that each is told once.
    late: checked.flatMap((tick) => rows.get(tick) ?? []).filter(({ lateMs }) => lateMs > graceMs),
    missing,
    givenUp: undecided.filter(({ lateMs }) => lateMs > GIVE_UP_MS),
    checkedUntil: checked.at(-1) ?? (expected[0] as number) - 1,
  };
}
