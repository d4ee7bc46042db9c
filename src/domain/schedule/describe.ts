/** A schedule in words, and what is wrong with one. */
import cronstrue from 'cronstrue';
import { normalizeCron, parseCron } from './cron';
import { formatPlace, type Problem } from './problem';
import { Schedule, type Timing } from './schema';
import { closest } from './suggest';
import { nextTicks } from './ticks';
import { offsetAt } from './zone';

/** Whether an expression ever fires is asked from here: a fixed time, so that the answer is too. */
const NEVER_FIRES_ANCHOR = Date.UTC(2024, 0, 1);

/** The schedule in words, with its zone: `At 09:00, only on Monday (Europe/Berlin)`. */
export function describe(schedule: Pick<Timing, 'cron' | 'timezone'>): string {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = normalizeCron(schedule.cron).split(' ');
  const isRestricted = (field?: string) => field !== '*' && field !== '?';
  const expressions =
    isRestricted(dayOfMonth) && isRestricted(dayOfWeek)
      ? // cronstrue joins the two by "and", which says the opposite of what cron does.
        [
          [minute, hour, dayOfMonth, month, '*'],
          [minute, hour, '*', month, dayOfWeek],
        ]
      : [[minute, hour, dayOfMonth, month, dayOfWeek]];
  const words = expressions.map((fields, i) => {
    const text = cronstrue.toString(fields.join(' '), { use24HourTimeFormat: true });
    return i === 0 ? text : text.charAt(0).toLowerCase() + text.slice(1);
  });
  return `${words.join('; or ')} (${schedule.timezone})`;
}

/**
 * Everything that is wrong with a schedule as someone wrote it; empty when nothing is.
 * @param place where the schedule stands in the data, put before each problem's own place
 */
export function validateSchedule(input: unknown, place = ''): Problem[] {
  const parsed = Schedule.safeParse(input);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => shapeProblem(issue, place));
  const { cron, timezone = 'UTC' } = (typeof input === 'object' && input !== null ? input : {}) as Record<
    string,
    unknown
  >;
  if (typeof cron === 'string') problems.push(...cronProblems(cron, formatPlace(['cron'], place)));
  if (typeof timezone === 'string')
    problems.push(...zoneProblems(timezone, formatPlace(['timezone'], place)));
  return problems;
}

function shapeProblem(
  issue: { path: PropertyKey[]; message: string; code?: string },
  place: string,
): Problem {
  return {
    place: formatPlace(issue.path, place),
    problem: issue.message,
    mend: 'Correct it; docs/schedules.md lists what a schedule may say',
  };
}

function cronProblems(cron: string, place: string): Problem[] {
  const parsed = parseCron(cron);
  if (!parsed.ok) return [{ place, problem: parsed.problem, mend: parsed.mend }];
  if (nextTicks({ cron, timezone: 'UTC' }, NEVER_FIRES_ANCHOR, 1).length > 0) return [];
  return [{ place, problem: `"${cron}" never fires`, mend: 'Name a date that exists' }];
}

function zoneProblems(timezone: string, place: string): Problem[] {
  const problem = `"${timezone}" is not an IANA time zone`;
  // Some versions of Intl take offsets too, but an offset knows nothing of daylight saving.
  if (/^[+-]/.test(timezone))
    return [{ place, problem, mend: 'Name the region, e.g. "Europe/Berlin", or "UTC"' }];
  try {
    offsetAt(timezone, NEVER_FIRES_ANCHOR);
    return [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const known = closest(timezone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
    return [
      {
        place,
        problem,
        mend: known ? `Did you mean "${known}"?` : 'Name the region, e.g. "Europe/Berlin", or "UTC"',
      },
    ];
  }
}
