/**
 * Cron expressions as sets of local minutes. cron-parser reads the fields; which instants they
 * stand for is decided in `ticks.ts`, so that clock changes follow our rules and not a library's.
 */
import { CronExpressionParser, type CronFieldCollection } from 'cron-parser';
import { Settings } from 'luxon';

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

export const FIELD_NAMES = ['minute', 'hour', 'day of month', 'month', 'day of week'] as const;

/** Longer than any expression with a meaning; keeps a hostile one from being parsed. */
const MAX_CRON_LENGTH = 500;

const HOURS_A_DAY = 24;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = HOURS_A_DAY * HOUR_MS;

export interface CronFields {
  /** Minutes after local midnight, ascending. */
  readonly minutesOfDay: readonly number[];
  /** True when the expression fires in each of the 24 hours: an interval, not a time of day. */
  readonly everyHour: boolean;
  /** Whether the local date fires at all. `day` counts days since 1970-01-01. */
  readonly firesOn: (day: number) => boolean;
}

export type CronParse =
  | { readonly ok: true; readonly fields: CronFields }
  | { readonly ok: false; readonly problem: string; readonly mend: string };

/** The five fields of an expression, nicknames spelt out and blanks tidied. */
export function normalizeCron(cron: string): string {
  const tidy = cron.trim().replace(/\s+/g, ' ');
  return NICKNAMES[tidy.toLowerCase()] ?? tidy;
}

/** What was read before: every look at a schedule reads its expression, and reading costs more than the look. */
const known = new Map<string, CronParse>();
const MAX_KNOWN = 500;

/** Reads an expression; a wrong one comes back as the problem and its mend. */
export function parseCron(cron: string): CronParse {
  const before = known.get(cron);
  if (before) return before;
  const parsed = parse(cron);
  // Whoever asks about one new expression after the other must not fill the memory.
  if (known.size >= MAX_KNOWN) known.clear();
  if (cron.length <= MAX_CRON_LENGTH) known.set(cron, parsed);
  return parsed;
}

function parse(cron: string): CronParse {
  const expression = normalizeCron(cron.slice(0, MAX_CRON_LENGTH + 1));
  const atoms = expression.split(' ');
  const shape = shapeProblem(expression, atoms);
  if (shape) return shape;
  for (const [i, atom] of atoms.entries()) {
    const alone = FIELD_NAMES.map((_, j) => (i === j ? atom : '*')).join(' ');
    const read = readFields(alone);
    if (typeof read === 'string') {
      return {
        ok: false,
        problem: `the ${FIELD_NAMES[i] ?? ''} field "${atom}" cannot be read (${read})`,
        mend: 'Correct the field; the order is minute, hour, day of month, month, day of week',
      };
    }
  }
  const read = readFields(expression);
  if (typeof read === 'string') {
    return {
      ok: false,
      problem: `"${cron}" names no date that exists (${read})`,
      mend: 'Correct the day or the month',
    };
  }
  return { ok: true, fields: toFields(read) };
}

function shapeProblem(expression: string, atoms: readonly string[]): CronParse | undefined {
  const wrong = (problem: string, mend: string): CronParse => ({ ok: false, problem, mend });
  const example = 'Write minute, hour, day of month, month and day of week, e.g. "0 9 * * 1"';
  if (expression === '') return wrong('the cron expression is empty', example);
  if (expression.length > MAX_CRON_LENGTH) {
    return wrong(`the cron expression is longer than ${MAX_CRON_LENGTH} characters`, 'Shorten it');
  }
  if (expression.startsWith('@')) {
    return wrong(
      `"${expression}" is not a known nickname`,
      `Use one of ${Object.keys(NICKNAMES).join(', ')}`,
    );
  }
  if (atoms.length !== FIELD_NAMES.length) {
    const seconds = atoms.length === FIELD_NAMES.length + 1 ? '; seconds are not supported' : '';
    return wrong(`"${expression}" has ${atoms.length} fields, not ${FIELD_NAMES.length}${seconds}`, example);
  }
  // `H` is a value picked by hash: every tick must be readable from the expression itself.
  if (atoms.some((atom) => /h/i.test(atom.replace(/thu/gi, '')))) {
    return wrong('"H" (a hashed value) is not supported', 'Write the number');
  }
  return undefined;
}

/** The parser makes a date as well, which nobody looks at: one that needs no locale, see `zone-table.ts`. */
const AN_INSTANT = { currentDate: 0, tz: 'UTC' };

function readFields(expression: string): CronFieldCollection | string {
  Settings.defaultLocale = 'en-US';
  try {
    return CronExpressionParser.parse(expression, AN_INSTANT).fields;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function toFields(fields: CronFieldCollection): CronFields {
  const hours = fields.hour.values as readonly number[];
  const minutes = fields.minute.values as readonly number[];
  return {
    minutesOfDay: hours.flatMap((hour) => minutes.map((minute) => hour * 60 + minute)),
    everyHour: hours.length === HOURS_A_DAY,
    firesOn: dateTest(fields),
  };
}

/**
 * Day of month and day of week are joined by OR when both are restricted, as in every cron since
 * Version 7; when one is `*` the other decides alone.
 */
function dateTest(fields: CronFieldCollection): (day: number) => boolean {
  const months = new Set<number>(fields.month.values);
  const ofMonth = dayOfMonthTest(fields.dayOfMonth.values);
  const ofWeek = dayOfWeekTest(fields.dayOfWeek.values, fields.dayOfWeek.nthDay);
  const anyDayOfMonth = fields.dayOfMonth.isWildcard;
  const anyDayOfWeek = fields.dayOfWeek.isWildcard;
  return (day) => {
    const date = new Date(day * DAY_MS);
    if (!months.has(date.getUTCMonth() + 1)) return false;
    if (anyDayOfMonth) return anyDayOfWeek || ofWeek(date);
    return ofMonth(date) || (!anyDayOfWeek && ofWeek(date));
  };
}

function daysInMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** `L` is the last day of the month. */
function dayOfMonthTest(values: readonly (number | string)[]): (date: Date) => boolean {
  const days = new Set(values);
  return (date) => days.has(date.getUTCDate()) || (days.has('L') && date.getUTCDate() === daysInMonth(date));
}

/** `5L` is the last Friday of the month, `1#2` the second Monday; 0 and 7 are both Sunday. */
function dayOfWeekTest(values: readonly (number | string)[], nth: number): (date: Date) => boolean {
  const plain = new Set(values.filter((v) => typeof v === 'number').map((v) => v % 7));
  const last = new Set(values.filter((v) => typeof v === 'string').map((v) => Number.parseInt(v, 10) % 7));
  return (date) => {
    const weekday = date.getUTCDay();
    if (last.has(weekday) && date.getUTCDate() + 7 > daysInMonth(date)) return true;
    return plain.has(weekday) && (nth === 0 || Math.ceil(date.getUTCDate() / 7) === nth);
  };
}

/**
 * The local times in `[from, to)` that an expression names, ascending. Local times are counted as
 * if the zone were UTC: milliseconds from 1970-01-01T00:00 on the wall clock.
 */
export function* localTimes(fields: CronFields, from: number, to: number): Generator<number> {
  for (let day = Math.floor(from / DAY_MS); day * DAY_MS < to; day++) {
    if (!fields.firesOn(day)) continue;
    for (const minute of fields.minutesOfDay) {
      const local = day * DAY_MS + minute * MINUTE_MS;
      if (local >= to) return;
      if (local >= from) yield local;
    }
  }
}
