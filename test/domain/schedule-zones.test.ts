/** The table of time zones against Intl, which knows them as well, and what is left to Intl. */
import { offsetAt, stretches } from '../../src/domain/schedule/zone';
import { tabulatedOffset } from '../../src/domain/schedule/zone-table';

const DAY = 86_400_000;

function askIntl(zone: string, instant: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const text = format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = 0, minutes = 0, seconds = 0] = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(text) ?? [];
  return (
    (sign === '-' ? -1 : 1) * (3_600_000 * Number(hours) + 60_000 * Number(minutes) + 1_000 * Number(seconds))
  );
}

/** Of both hemispheres and of odd offsets, one that skipped a day, and other names of one. Their past is settled. */
const ZONES = [
  ...['Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia'],
  ...[
    'Asia/Kathmandu',
    'Asia/Calcutta',
    'Africa/Monrovia',
    'America/Sao_Paulo',
    'Antarctica/Troll',
    'UTC',
    'GMT',
  ],
];

test.each(ZONES)('the table says of %s what Intl says', (zone) => {
  const until = Date.UTC(2025, 0, 1);
  for (let at = 0; at < until; at += 30 * DAY) {
    expect([at, tabulatedOffset(zone, at)]).toEqual([at, askIntl(zone, at)]);
  }
});

test('at each change, the table changes in the same millisecond', () => {
  const found = [...stretches('Europe/Berlin', Date.UTC(2020, 0, 1), Date.UTC(2024, 0, 1))];
  const changes = found.filter(({ offset }, i) => i > 0 && offset !== found[i - 1]?.offset);
  expect(changes).toHaveLength(8);
  for (const { start, offset } of changes) {
    expect(askIntl('Europe/Berlin', start)).toBe(offset);
    expect(askIntl('Europe/Berlin', start - 1)).not.toBe(offset);
  }
});

test('knows every zone that Intl lists', () => {
  const unknown = Intl.supportedValuesOf('timeZone').filter((zone) => tabulatedOffset(zone, 0) === undefined);
  expect(unknown).toEqual([]);
});

test('goes on with the rules of today for centuries', () => {
  expect(tabulatedOffset('Europe/Berlin', Date.UTC(2400, 6, 1))).toBe(7_200_000);
  expect(tabulatedOffset('Europe/Berlin', Date.UTC(2400, 0, 1))).toBe(3_600_000);
});

test('leaves to Intl what is before 1970, after the table, or spelt otherwise', () => {
  for (const [zone, at] of [
    ['Europe/Berlin', Date.UTC(1950, 5, 1)],
    ['Europe/Berlin', Date.UTC(2600, 5, 1)],
    ['europe/berlin', Date.UTC(2026, 5, 1)],
  ] as const) {
    expect(tabulatedOffset(zone, at)).toBeUndefined();
    expect(offsetAt(zone, at)).toBe(askIntl(zone, at));
  }
});

test.each(['', '|', 'Europe', 'Berlin', 'LMT CET', 'toString', '2026f'])('knows no zone "%s"', (text) => {
  expect(tabulatedOffset(text, 0)).toBeUndefined();
  expect(() => offsetAt(text, 0)).toThrow(RangeError);
});
