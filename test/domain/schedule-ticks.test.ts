import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { MAX_TICKS, nextTicks, ticksBetween, type Timing } from '../../src/domain/schedule';

/** The next ticks as UTC minutes, `2026-03-29T01:00`. */
function next(cron: string, timezone: string, after: string, count: number, dst?: Timing['dst']): string[] {
  const schedule: Timing = dst ? { cron, timezone, dst } : { cron, timezone };
  return nextTicks(schedule, Date.parse(after), count).map((tick) =>
    new Date(tick).toISOString().slice(0, 16),
  );
}

describe('ordinary times', () => {
  it('fires at the time of day in the zone, winter and summer', () => {
    expect(next('0 9 * * 1', 'Europe/Berlin', '2026-01-01T00:00Z', 1)).toEqual(['2026-01-05T08:00']);
    expect(next('0 9 * * 1', 'Europe/Berlin', '2026-07-01T00:00Z', 1)).toEqual(['2026-07-06T07:00']);
    expect(next('0 9 * * 1', 'America/New_York', '2026-07-01T00:00Z', 1)).toEqual(['2026-07-06T13:00']);
  });

  it('counts strictly after', () => {
    expect(next('0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-02T00:00']);
    expect(next('0 0 * * *', 'UTC', '2025-12-31T23:59:59.999Z', 1)).toEqual(['2026-01-01T00:00']);
  });

  it('finds leap days, also over the year 2100, which has none', () => {
    expect(next('0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', 2)).toEqual([
      '2028-02-29T00:00',
      '2032-02-29T00:00',
    ]);
    expect(next('0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', 1)).toEqual(['2104-02-29T00:00']);
  });

  it('joins day of month and day of week by OR when both are restricted', () => {
    // Friday 6, Friday 13, Friday 20, Friday 27 February 2026; Friday 6 and 13 March; the 13th in April is a Monday.
    expect(next('0 0 13 * 5', 'UTC', '2026-03-27T00:00Z', 4)).toEqual([
      '2026-04-03T00:00',
      '2026-04-10T00:00',
      '2026-04-13T00:00',
      '2026-04-17T00:00',
    ]);
  });

  it('knows last days, nth weekdays, Sunday as 0 and 7, and nicknames', () => {
    expect(next('0 0 L * *', 'UTC', '2026-02-01T00:00Z', 2)).toEqual([
      '2026-02-28T00:00',
      '2026-03-31T00:00',
    ]);
    expect(next('0 0 * * 5L', 'UTC', '2026-02-01T00:00Z', 1)).toEqual(['2026-02-27T00:00']);
    expect(next('0 0 * * 1#2', 'UTC', '2026-02-01T00:00Z', 1)).toEqual(['2026-02-09T00:00']);
    expect(next('0 0 * * 7', 'UTC', '2026-02-02T00:00Z', 1)).toEqual(
      next('0 0 * * 0', 'UTC', '2026-02-02T00:00Z', 1),
    );
    expect(next('@weekly', 'UTC', '2026-02-02T00:00Z', 1)).toEqual(['2026-02-08T00:00']);
  });

  it('returns fewer when nothing is left, and refuses absurd counts and schedules', () => {
    expect(next('0 0 1 1 *', 'UTC', '2026-01-01T00:00Z', 50).length).toBe(10);
    const schedule = { cron: '* * * * *', timezone: 'UTC' };
    expect(nextTicks(schedule, 0, 0)).toEqual([]);
    expect(() => nextTicks(schedule, 0, MAX_TICKS + 1)).toThrow(RangeError);
    expect(() => nextTicks(schedule, 0, -1)).toThrow(RangeError);
    expect(() => nextTicks({ cron: '61 * * * *', timezone: 'UTC' }, 0, 1)).toThrow(/minute field/);
    expect(() => nextTicks({ cron: '* * * * *', timezone: 'Mars/Base' }, 0, 1)).toThrow(RangeError);
  });
});

describe('clocks go forward: Europe/Berlin, 29 March 2026, 02:00 becomes 03:00 (01:00 UTC)', () => {
  const before = '2026-03-28T12:00Z';

  it.each(['30 2 * * *', '0 2 * * *', '59 2 * * *'])('runs "%s" at the first minute that exists', (cron) => {
    expect(next(cron, 'Europe/Berlin', before, 1)).toEqual(['2026-03-29T01:00']);
  });

  it('runs several missing times, and one that exists there, once', () => {
    expect(next('*/20 2 * * *', 'Europe/Berlin', before, 2)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:00',
    ]);
    expect(next('0 2,3 * * *', 'Europe/Berlin', before, 2)).toEqual(['2026-03-29T01:00', '2026-03-30T00:00']);
  });

  it('does not make anything up on days or hours that are not meant', () => {
    expect(next('30 2 * * 1', 'Europe/Berlin', before, 1)).toEqual(['2026-03-30T00:30']);
    expect(next('30 3 * * *', 'Europe/Berlin', before, 1)).toEqual(['2026-03-29T01:30']);
  });

  it('keeps intervals at their real distance', () => {
    expect(next('0 * * * *', 'Europe/Berlin', '2026-03-28T23:30Z', 3)).toEqual([
      '2026-03-29T00:00',
      '2026-03-29T01:00',
      '2026-03-29T02:00',
    ]);
    expect(next('30 * * * *', 'Europe/Berlin', '2026-03-29T00:00Z', 2)).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:30',
    ]);
  });

  it('obeys a schedule that says otherwise', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', before, 1, { gap: 'skip' })).toEqual(['2026-03-30T00:30']);
    expect(
      next('30 * * * *', 'Europe/Berlin', '2026-03-29T00:30Z', 2, { gap: 'first-valid-minute' }),
    ).toEqual(['2026-03-29T01:00', '2026-03-29T01:30']);
  });

  it('is found when asking from just before, at and after the change', () => {
    const cron = '30 2 * * *';
    expect(next(cron, 'Europe/Berlin', '2026-03-29T00:59:59.999Z', 1)).toEqual(['2026-03-29T01:00']);
    expect(next(cron, 'Europe/Berlin', '2026-03-29T01:00Z', 1)).toEqual(['2026-03-30T00:30']);
  });
});

describe('clocks go back: Europe/Berlin, 25 October 2026, 03:00 becomes 02:00 (01:00 UTC)', () => {
  it('runs a doubled time once, the first time', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 2)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it.each(['2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:15Z', '2026-10-25T01:30Z'])(
    'does not run it again when asked from %s',
    (after) => expect(next('30 2 * * *', 'Europe/Berlin', after, 1)).toEqual(['2026-10-26T01:30']),
  );

  it('runs a time right after the doubled hour', () => {
    expect(next('0 3 * * *', 'Europe/Berlin', '2026-10-25T00:30Z', 1)).toEqual(['2026-10-25T02:00']);
    expect(next('*/30 2-3 * * *', 'Europe/Berlin', '2026-10-24T23:59Z', 4)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T02:00',
      '2026-10-25T02:30',
    ]);
  });

  it('keeps intervals at their real distance', () => {
    expect(next('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', 3)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T01:00',
      '2026-10-25T02:00',
    ]);
    expect(next('*/15 * * * *', 'Europe/Berlin', '2026-10-25T00:30Z', 5).at(-1)).toBe('2026-10-25T01:45');
  });

  it('takes steps of more than an hour for times of day', () => {
    expect(next('0 */2 * * *', 'Europe/Berlin', '2026-10-24T23:00Z', 2)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T03:00',
    ]);
  });

  it('obeys a schedule that says otherwise', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 2, { double: 'both' })).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:30',
    ]);
    expect(next('30 * * * *', 'Europe/Berlin', '2026-10-25T00:00Z', 2, { double: 'once' })).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T02:30',
    ]);
  });
});

describe('other clocks', () => {
  it('America/New_York: gap on 8 March 2026, double on 1 November 2026', () => {
    expect(next('30 2 * * *', 'America/New_York', '2026-03-07T12:00Z', 2)).toEqual([
      '2026-03-08T07:00',
      '2026-03-09T06:30',
    ]);
    expect(next('30 1 * * *', 'America/New_York', '2026-10-31T12:00Z', 2)).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
    expect(next('30 1 * * *', 'America/New_York', '2026-11-01T06:00Z', 1)).toEqual(['2026-11-02T06:30']);
  });

  it('Australia/Lord_Howe: half an hour forward on 4 October 2026, back on 5 April 2026', () => {
    const zone = 'Australia/Lord_Howe';
    // 02:00 (+10:30) becomes 02:30 (+11) at 15:30 UTC.
    expect(next('15 2 * * *', zone, '2026-10-03T00:00Z', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
    expect(next('45 2 * * *', zone, '2026-10-03T00:00Z', 1)).toEqual(['2026-10-03T15:45']);
    // 02:00 (+11) becomes 01:30 (+10:30) at 15:00 UTC on 4 April.
    expect(next('45 1 * * *', zone, '2026-04-04T00:00Z', 2)).toEqual([
      '2026-04-04T14:45',
      '2026-04-05T15:15',
    ]);
    expect(next('*/30 * * * *', zone, '2026-04-04T14:00Z', 3)).toEqual([
      '2026-04-04T14:30',
      '2026-04-04T15:00',
      '2026-04-04T15:30',
    ]);
    // An interval follows the clock face: 02:00 does not come that night.
    expect(next('0 * * * *', zone, '2026-10-03T14:00Z', 2)).toEqual(['2026-10-03T14:30', '2026-10-03T16:00']);
  });

  it('Pacific/Apia: 30 December 2011 did not happen', () => {
    // From 29 December 24:00 (-10) to 31 December 00:00 (+14), at 10:00 UTC on the 30th.
    expect(next('0 9 * * *', 'Pacific/Apia', '2011-12-29T00:00Z', 3)).toEqual([
      '2011-12-29T19:00',
      '2011-12-30T10:00',
      '2011-12-30T19:00',
    ]);
    expect(next('0 9 30 12 *', 'Pacific/Apia', '2011-12-01T00:00Z', 1)).toEqual(['2011-12-30T10:00']);
    expect(next('0 * * * *', 'Pacific/Apia', '2011-12-30T09:00Z', 2)).toEqual([
      '2011-12-30T10:00',
      '2011-12-30T11:00',
    ]);
  });

  it('America/Sao_Paulo: midnight itself was skipped on 4 November 2018 and doubled before it on 17 February 2018', () => {
    expect(next('0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00Z', 2)).toEqual([
      '2018-11-04T03:00',
      '2018-11-05T02:00',
    ]);
    expect(next('30 23 * * *', 'America/Sao_Paulo', '2018-02-17T12:00Z', 2)).toEqual([
      '2018-02-18T01:30',
      '2018-02-19T02:30',
    ]);
    expect(next('*/30 * 17 2 *', 'America/Sao_Paulo', '2018-02-18T01:00Z', 4)).toEqual([
      '2018-02-18T01:30',
      '2018-02-18T02:00',
      '2018-02-18T02:30',
      '2019-02-17T03:00',
    ]);
  });

  it('America/St_Johns: 00:01 became 23:01 of the day before on 7 November 2010', () => {
    expect(next('0 0 * * *', 'America/St_Johns', '2010-11-06T12:00Z', 2)).toEqual([
      '2010-11-07T02:30',
      '2010-11-08T03:30',
    ]);
    expect(next('0 * * * *', 'America/St_Johns', '2010-11-07T02:00Z', 3)).toEqual([
      '2010-11-07T02:30',
      '2010-11-07T03:30',
      '2010-11-07T04:30',
    ]);
  });
});

const field = (min: number, max: number) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant('*') },
    fc.integer({ min, max }).map(String),
    fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
const cron = fc
  .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
  .map((fields) => fields.join(' '));
const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Beirut',
  'Africa/Casablanca',
);
const instant = fc.integer({ min: Date.UTC(2005, 0, 1), max: Date.UTC(2040, 0, 1) });

describe('for any expression, zone and time', () => {
  it('ticks rise, never repeat, and lie on whole minutes after the start', () => {
    fc.assert(
      fc.property(cron, zone, instant, (cron, timezone, after) => {
        const ticks = nextTicks({ cron, timezone }, after, 8);
        ticks.reduce((previous, tick) => {
          expect(tick).toBeGreaterThan(previous);
          expect(tick % 60_000).toBe(0);
          return tick;
        }, after);
      }),
      { numRuns: 300 },
    );
  });

  it('asking one by one, from anywhere in between, gives the same ticks', () => {
    fc.assert(
      fc.property(
        cron,
        zone,
        instant,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (cron, timezone, after, share) => {
          const ticks = nextTicks({ cron, timezone }, after, 6);
          let from = after;
          for (const tick of ticks) {
            const between = from + Math.floor((tick - 1 - from) * share);
            expect(nextTicks({ cron, timezone }, between, 1)).toEqual([tick]);
            from = tick;
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('the ticks between are the next ones up to the end, which is included', () => {
    fc.assert(
      fc.property(cron, zone, instant, (cron, timezone, from) => {
        const ticks = nextTicks({ cron, timezone }, from, 5);
        const to = ticks.at(-1) ?? from;
        expect(ticksBetween({ cron, timezone }, from, to, 100)).toEqual(ticks);
        expect(ticksBetween({ cron, timezone }, from, to - 1, 100)).toEqual(ticks.slice(0, -1));
        expect(ticksBetween({ cron, timezone }, from, to, 2)).toEqual(ticks.slice(0, 2));
      }),
      { numRuns: 150 },
    );
  });

  it('agrees with cron-parser where no clock changes', () => {
    fc.assert(
      fc.property(cron, instant, (cron, after) => {
        const theirs = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: new Date(after) });
        const ours = nextTicks({ cron, timezone: 'UTC' }, after, 4);
        expect(ours).toEqual(ours.map(() => theirs.next().getTime()));
        expect(ours.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
