/**
 * The rule for clock changes, worked out a second time in the plainest way: walk the minutes around
 * a change, look at the wall clock, and compare with what `ticksBetween` says.
 */
import fc from 'fast-check';
import { ticksBetween } from '../../src/domain/schedule';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/** Instants of clock changes, one of each kind. */
const CHANGES: readonly (readonly [zone: string, at: string])[] = [
  ['Europe/Berlin', '2026-03-29T01:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00Z'],
  ['America/St_Johns', '2010-03-14T03:31Z'],
  ['America/St_Johns', '2010-11-07T02:31Z'],
  ['Antarctica/Troll', '2026-03-29T01:00Z'],
  ['Antarctica/Troll', '2026-10-25T01:00Z'],
  ['UTC', '2026-03-29T01:00Z'],
];

/** A field as the set of its values; only what this test generates. */
interface Field {
  readonly text: string;
  readonly has: (value: number) => boolean;
}
const any: Field = { text: '*', has: () => true };
const one = (value: number): Field => ({ text: String(value), has: (v) => v === value });
const step = (size: number): Field => ({ text: `*/${size}`, has: (v) => v % size === 0 });
const range = (a: number, b: number): Field => {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  return { text: `${low}-${high}`, has: (v) => v >= low && v <= high };
};
const field = (max: number) =>
  fc.oneof(
    fc.constant(any),
    fc.integer({ min: 0, max }).map(one),
    fc.integer({ min: 2, max: 20 }).map(step),
    fc.tuple(fc.integer({ min: 0, max }), fc.integer({ min: 0, max })).map(([a, b]) => range(a, b)),
  );

/** Minutes on the wall clock, counted as if the zone were UTC, for each real minute of the span. */
function wallClock(zone: string, from: number, to: number): Map<number, number> {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  const clock = new Map<number, number>();
  for (let at = from; at <= to; at += MINUTE) {
    clock.set(at, Date.parse(`${format.format(at).replace(' ', 'T')}Z`));
  }
  return clock;
}

function walk(clock: Map<number, number>, minute: Field, hour: Field, weekday: Field): number[] {
  const fires = (local: number) => {
    const date = new Date(local);
    return minute.has(date.getUTCMinutes()) && hour.has(date.getUTCHours()) && weekday.has(date.getUTCDay());
  };
  const everyHour = Array.from({ length: 24 }, (_, h) => h).every((h) => hour.has(h));
  const ticks: number[] = [];
  let furthest: number | undefined;
  for (const [at, local] of clock) {
    const isFirstTime = furthest === undefined || local > furthest;
    let due = fires(local) && (everyHour || isFirstTime);
    for (let skipped = (furthest ?? local) + MINUTE; skipped < local && !everyHour; skipped += MINUTE) {
      due ||= fires(skipped);
    }
    if (due) ticks.push(at);
    furthest = Math.max(furthest ?? local, local);
  }
  return ticks;
}

it.each(CHANGES)('%s around %s', (zone, change) => {
  const at = Date.parse(change);
  const clock = wallClock(zone, at - 2 * DAY, at + 2 * DAY);
  // The walk must have seen the wall clock before the span that is compared.
  const [from, to] = [at - DAY, at + 2 * DAY];
  const weekday = fc.oneof(
    { weight: 3, arbitrary: fc.constant(any) },
    fc.integer({ min: 0, max: 6 }).map(one),
  );
  fc.assert(
    fc.property(field(59), field(23), weekday, (minute, hour, weekday) => {
      const cron = `${minute.text} ${hour.text} * * ${weekday.text}`;
      const expected = walk(clock, minute, hour, weekday).filter((tick) => tick > from);
      expect(ticksBetween({ cron, timezone: zone }, from, to, 10_000)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
