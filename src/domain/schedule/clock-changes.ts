/** What a change of the zone's clocks does to a schedule, told before it happens. */
import { localTimes, parseCron } from './cron';
import type { Timing } from './schema';
import { clockChangePolicy, MAX_TICKS, ticksBetween } from './ticks';
import { localText, offsetAt, stretches } from './zone';

/** Local times named in one remark. */
const MAX_NAMED = 3;

/** A gap or a double that touches a schedule. All times epoch ms. */
export interface ClockChange {
  /** `gap`: local times that do not exist. `double`: local times that come twice. */
  readonly kind: 'gap' | 'double';
  /** When the clocks change. */
  readonly at: number;
  /** How far they are moved, ms; positive is forward. */
  readonly by: number;
  /** The schedule's local times in it, as `2026-03-29 02:30`: the first few, and how many there are. */
  readonly localTimes: readonly string[];
  readonly count: number;
  readonly action: 'first-valid-minute' | 'skip' | 'once' | 'both';
  /** When it fires because of the change or within it. */
  readonly fires: readonly number[];
}

/**
 * Every gap and double in `(from, to]` in which the schedule names a time.
 * @throws RangeError when the schedule is invalid
 */
export function clockChanges(schedule: Timing, from: number, to: number): ClockChange[] {
  const parsed = parseCron(schedule.cron);
  if (!parsed.ok) throw new RangeError(`cannot read "${schedule.cron}": ${parsed.problem}`);
  const policy = clockChangePolicy(parsed.fields, schedule.dst);
  const zone = schedule.timezone;
  const changes: ClockChange[] = [];
  for (const { start: at, offset } of stretches(zone, from, to)) {
    if (at === from) continue;
    const by = offset - offsetAt(zone, at - 1);
    if (by === 0) continue;
    const wall = at + offset;
    const times = [...localTimes(parsed.fields, Math.min(wall, wall - by), Math.max(wall, wall - by))];
    if (times.length === 0) continue;
    // The engine's own ticks, so that what is told is what will be done: in a gap the instant of the
    // change itself, in a double the hour before it and the hour after.
    const span = by > 0 ? 0 : -by;
    changes.push({
      kind: by > 0 ? 'gap' : 'double',
      at,
      by,
      localTimes: times.slice(0, MAX_NAMED).map(wallText),
      count: times.length,
      action: by > 0 ? policy.gap : policy.double,
      fires: ticksBetween(schedule, at - span - 1, at + Math.max(0, span - 1), MAX_TICKS),
    });
  }
  return changes;
}

/** A wall-clock time (counted as if the zone were UTC) as text. */
const wallText = (wall: number): string => new Date(wall).toISOString().slice(0, 16).replace('T', ' ');

/** The change and what will be done, in a sentence. */
export function clockChangeText(zone: string, change: ClockChange): string {
  const { kind, action, count, localTimes: times, fires } = change;
  const more = count > times.length ? ` and ${count - times.length} more` : '';
  const named = `${times.join(', ')}${more}`;
  const plural = count > 1 || more !== '';
  if (kind === 'gap') {
    const what = `${named} ${plural ? 'do' : 'does'} not exist in ${zone}`;
    const at = localText(zone, change.at);
    return action === 'skip'
      ? `${what}: left out${fires.length > 0 ? `, goes on at ${at}` : ''}`
      : `${what}: ${fires.length > 0 ? `runs once at ${at} instead` : 'left out'}`;
  }
  const what = `${named} ${plural ? 'come' : 'comes'} twice in ${zone}`;
  return action === 'both' ? `${what}: runs both times` : `${what}: runs the first time only`;
}
