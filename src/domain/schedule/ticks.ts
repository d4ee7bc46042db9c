/**
 * From an expression to instants. Instants are epoch milliseconds.
 *
 * The rule for clock changes is Vixie cron's: an expression that fires in every hour of the day is
 * an interval and follows the clock as it stands (each real hour counts, nothing is made up); any
 * other names times of day, so a time that does not exist runs at the first minute that does, and a
 * time that comes twice runs the first time only.
 */
import { type CronFields, localTimes, parseCron } from './cron';
import type { Timing } from './schema';
import { stretches } from './zone';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The furthest a next tick is looked for. 29 February can be eight years away (1896 to 1904, 2096
 * to 2104); past ten years an expression is taken never to fire again.
 */
export const SEARCH_HORIZON_MS = 10 * 366 * DAY_MS;

/** The most ticks one call returns. */
export const MAX_TICKS = 10_000;

/** Clocks have been turned back by 24 hours at most (the date line), so this much history suffices. */
const LOOK_BACK_MS = 26 * HOUR_MS;

interface ClockChangePolicy {
  readonly gap: 'first-valid-minute' | 'skip';
  readonly double: 'once' | 'both';
}

/** What a clock change does to this schedule: what it says itself, else the rule above. */
export function clockChangePolicy(
  fields: Pick<CronFields, 'everyHour'>,
  dst: Timing['dst'],
): ClockChangePolicy {
  return {
    gap: dst?.gap ?? (fields.everyHour ? 'skip' : 'first-valid-minute'),
    double: dst?.double ?? (fields.everyHour ? 'both' : 'once'),
  };
}

/**
 * The next `count` ticks strictly after `after`, ascending. Fewer when the expression does not fire
 * that often within {@link SEARCH_HORIZON_MS}.
 * @throws RangeError when `count` is not within 0 to {@link MAX_TICKS}, or the schedule is invalid
 */
export function nextTicks(schedule: Timing, after: number, count: number): number[] {
  return take(ticks(schedule, after, after + SEARCH_HORIZON_MS), count);
}

/**
 * The ticks in `(from, to]`, ascending, the oldest `limit` of them.
 * @throws RangeError when `limit` is not within 0 to {@link MAX_TICKS}, or the schedule is invalid
 */
export function ticksBetween(schedule: Timing, from: number, to: number, limit: number): number[] {
  return take(ticks(schedule, from, to), limit);
}

function take(source: Generator<number>, count: number): number[] {
  if (!Number.isInteger(count) || count < 0 || count > MAX_TICKS) {
    throw new RangeError(`cannot list ${count} ticks: ask for 0 to ${MAX_TICKS}`);
  }
  const taken: number[] = [];
  if (count === 0) return taken;
  for (const tick of source) {
    taken.push(tick);
    if (taken.length === count) break;
  }
  return taken;
}

/** The ticks in `(after, until]`, ascending, without duplicates. */
function* ticks(schedule: Timing, after: number, until: number): Generator<number> {
  const parsed = parseCron(schedule.cron);
  if (!parsed.ok) throw new RangeError(`cannot compute ticks of "${schedule.cron}": ${parsed.problem}`);
  const { fields } = parsed;
  const policy = clockChangePolicy(fields, schedule.dst);
  let last = after;
  // Everything on the wall clock before this has been shown already (or skipped by a gap).
  let shown: number | undefined;
  for (const stretch of stretches(schedule.timezone, after - LOOK_BACK_MS, until + 1)) {
    const { start, end, offset } = stretch;
    const localStart = start + offset;
    const isGap = shown !== undefined && localStart > shown;
    if (isGap && policy.gap === 'first-valid-minute' && start > last && start <= until) {
      if (!localTimes(fields, shown ?? localStart, localStart).next().done) yield (last = start);
    }
    const unseenFrom = policy.double === 'once' ? Math.max(localStart, shown ?? localStart) : localStart;
    // `last` bounds from below: ticks up to `after`, and a first valid minute that is a tick itself.
    for (const local of localTimes(fields, Math.max(unseenFrom, last + 1 + offset), end + offset)) {
      if (local - offset > until) return;
      yield (last = local - offset);
    }
    shown = Math.max(shown ?? localStart, end + offset);
  }
}
