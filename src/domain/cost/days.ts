/** The days of a time zone, as instants. */
import { offsetAt, stretches } from '../schedule/zone';

const DAY_MS = 86_400_000;

export interface Day {
  /** The date on the wall, `YYYY-MM-DD`. */
  date: string;
  /** Epoch milliseconds; the first and the last day of a range may be cut by it. */
  from: number;
  to: number;
}

/**
 * The days that make up `[from, to)`. A day begins at the first instant of its date, which a clock
 * change may move away from midnight.
 * @throws RangeError when the zone is unknown
 */
export function daysBetween(zone: string, from: number, to: number): Day[] {
  const days: Day[] = [];
  // The last date begun, as the UTC instant of its midnight; an hour that comes twice begins none anew.
  let begun = -Infinity;
  for (const { start, end, offset } of stretches(zone, from, to)) {
    const first = midnightOf(start + offset);
    for (let date = first; date < end + offset; date += DAY_MS) {
      const at = Math.max(start, date - offset);
      if (date <= begun || at >= to) continue;
      begun = date;
      const last = days.at(-1);
      if (last) last.to = at;
      days.push({ date: new Date(date).toISOString().slice(0, 10), from: at, to });
    }
  }
  return days;
}

/** The first instant of a date in a zone. @param date `YYYY-MM-DD` */
export function startOfDay(zone: string, date: string): number {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const around = daysBetween(zone, midnight - 2 * DAY_MS, midnight + 2 * DAY_MS);
  const day = around.find((d) => d.date === date);
  // A date that a zone left out altogether, by crossing the date line: the one after begins there.
  return day?.from ?? midnight - offsetAt(zone, midnight);
}

/** The date on the wall at an instant. */
export const dateAt = (zone: string, at: number): string =>
  new Date(at + offsetAt(zone, at)).toISOString().slice(0, 10);

const midnightOf = (local: number): number => Math.floor(local / DAY_MS) * DAY_MS;
