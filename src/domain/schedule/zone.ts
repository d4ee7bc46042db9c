/** Time zones as stretches of constant offset, found in a table or by asking Intl. All instants are epoch ms. */
import { tabulatedOffset } from './zone-table';

const DAY_MS = 86_400_000;

/**
 * How far one look goes. Two clock changes that cancel each other inside it would go unseen; no zone
 * has had such since 1970 (the closest, around Ramadan, are weeks apart).
 */
const CHUNK_MS = 7 * DAY_MS;

/** Formatters are costly to make and bounded in number by the zones that exist. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

/**
 * The zone's offset from UTC at an instant, in milliseconds; positive is east.
 * @throws RangeError when the zone is unknown
 */
export function offsetAt(zone: string, instant: number): number {
  return tabulatedOffset(zone, instant) ?? askIntl(zone, instant);
}

/** For what the table does not have: other times, and zones by another spelling or that do not exist. */
function askIntl(zone: string, instant: number): number {
  const seconds = Math.floor(instant / 1000) * 1000;
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatter(zone).formatToParts(seconds)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - seconds;
}

/** A stretch `[start, end)` of instants with one offset. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** Consecutive stretches from `from` to at least `until`; a change of offset always starts a new one. */
export function* stretches(zone: string, from: number, until: number): Generator<Stretch> {
  let start = from;
  let offset = offsetAt(zone, start);
  while (start < until) {
    let end = start + CHUNK_MS;
    let next = offsetAt(zone, end);
    if (next !== offset) {
      end = firstChange(zone, start, end, offset);
      next = offsetAt(zone, end);
    }
    yield { start, end, offset };
    [start, offset] = [end, next];
  }
}

/** The first instant in `(low, high]` whose offset is no longer `offset`, to the millisecond. */
function firstChange(zone: string, low: number, high: number, offset: number): number {
  let [same, changed] = [low, high];
  while (changed - same > 1) {
    const middle = Math.floor((same + changed) / 2);
    if (offsetAt(zone, middle) === offset) same = middle;
    else changed = middle;
  }
  return changed;
}

/** An instant on the zone's wall clock, to the minute: `2026-03-29 03:00`. */
export const localText = (zone: string, instant: number): string =>
  new Date(instant + offsetAt(zone, instant)).toISOString().slice(0, 16).replace('T', ' ');
