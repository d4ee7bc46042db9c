/** Which days to ask for. Search Console counts days in its own time zone, whatever the site's is. */

/** https://developers.google.com/webmaster-tools/v1/searchanalytics/query: dates are in Pacific Time. */
const TIME_ZONE = 'America/Los_Angeles';
const DAY_MS = 86_400_000;

export interface PeriodInput {
  startDate?: string | undefined;
  endDate?: string | undefined;
  /** Length, when not both dates are given. */
  days: number;
  /** How many days before today the last day is whose figures are final. */
  delayDays: number;
}

/**
 * Both ends are included. Days that are not final yet are only asked for when they are named.
 * @throws naming the input when the days are out of order or in the future
 */
export function resolvePeriod(given: PeriodInput, now: Date): { startDate: string; endDate: string } {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: TIME_ZONE }).format(now);
  const endDate = given.endDate ?? plus(today, -given.delayDays);
  if (endDate > today)
    throw new Error(`input.endDate: ${endDate} is in the future; today is ${today} in ${TIME_ZONE}`);
  const startDate = given.startDate ?? plus(endDate, 1 - given.days);
  if (startDate > endDate)
    throw new Error(`input.startDate: ${startDate} is after the last day asked for, ${endDate}`);
  return { startDate, endDate };
}

function plus(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}
