import fc from 'fast-check';
import {
  clockChanges,
  compileSchedule,
  forecastCost,
  forecastOverlaps,
  nextTicks,
  overlapText,
  Schedule,
  ticksBetween,
  type ScheduleInput,
} from '../../src/domain/schedule';

const NOW = Date.UTC(2026, 0, 1);
const YEAR = 366 * 86_400_000;
const HOUR = 3_600_000;

const schedule = (cron: string, more: Partial<ScheduleInput> = {}): Schedule =>
  Schedule.parse({ cron, ...more });
const texts = (cron: string, timezone: string, dst = {}) =>
  compileSchedule(schedule(cron, { timezone, dst }), {}, NOW).clockChanges.map(({ text }) => text);

describe('clock changes', () => {
  it('are told with what will be done, as the engine does it', () => {
    expect(texts('30 2 * * *', 'Europe/Berlin')).toEqual([
      '2026-03-29 02:30 does not exist in Europe/Berlin: runs once at 2026-03-29 03:00 instead',
      '2026-10-25 02:30 comes twice in Europe/Berlin: runs the first time only',
    ]);
    expect(texts('30 2 * * *', 'Europe/Berlin', { gap: 'skip', double: 'both' })).toEqual([
      '2026-03-29 02:30 does not exist in Europe/Berlin: left out',
      '2026-10-25 02:30 comes twice in Europe/Berlin: runs both times',
    ]);
    expect(texts('*/30 * * * *', 'Europe/Berlin')).toEqual([
      '2026-03-29 02:00, 2026-03-29 02:30 do not exist in Europe/Berlin: left out, goes on at 2026-03-29 03:00',
      '2026-10-25 02:00, 2026-10-25 02:30 come twice in Europe/Berlin: runs both times',
    ]);
  });

  it('are left out where they do not touch the schedule', () => {
    expect(texts('0 9 * * *', 'Europe/Berlin')).toEqual([]);
    expect(texts('30 2 * * 1', 'Europe/Berlin')).toEqual([]);
    expect(texts('30 2 * * *', 'UTC')).toEqual([]);
    expect(texts('30 2 * * *', 'Asia/Tokyo')).toEqual([]);
  });

  it('of half an hour are told too', () => {
    const [double, gap] = clockChanges(
      schedule('45 1 * * *', { timezone: 'Australia/Lord_Howe' }),
      NOW,
      NOW + YEAR,
    );
    expect(double).toMatchObject({ kind: 'double', by: -HOUR / 2, action: 'once' });
    expect(double?.fires).toHaveLength(1);
    expect(gap).toBeUndefined();
  });

  it('name for each gap and double what differs from a clock that never changes', () => {
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'America/Santiago',
    );
    const action = fc.record({
      gap: fc.constantFrom('first-valid-minute' as const, 'skip' as const),
      double: fc.constantFrom('once' as const, 'both' as const),
    });
    fc.assert(
      fc.property(zones, action, fc.nat(59), fc.nat(4), (timezone, dst, minute, hour) => {
        const daily = { cron: `${minute} ${hour} * * *`, timezone, dst };
        const until = NOW + YEAR;
        const days = 366;
        const changes = clockChanges(daily, NOW, until);
        const extra = changes.reduce((sum, { fires }) => sum + fires.length - 1, 0);
        const ticks = ticksBetween(daily, NOW, until, 1_000).length;
        // The year's first and last day may be cut by the offset; nothing else may differ.
        expect(Math.abs(ticks - days - extra)).toBeLessThanOrEqual(1);
        for (const { fires, kind, action: done } of changes) {
          expect(fires).toHaveLength(done === 'both' ? 2 : done === 'skip' && kind === 'gap' ? 0 : 1);
        }
      }),
      { numRuns: 60, seed: 20260301 },
    );
  });
});

describe('overlaps', () => {
  const of = (overlap: Schedule['overlap'], minutes: number, cron = '0 * * * *') =>
    forecastOverlaps(schedule(cron, { overlap }), minutes * 60_000, NOW);

  it('are none while runs end before the next tick', () => {
    const none = of('skip', 60);
    expect(none).toEqual({ ticks: 8_766, overlapping: 0, skipped: 0, replaced: 0, deepest: 1 });
    expect(overlapText('skip', none)).toBeUndefined();
  });

  it('follow the policy', () => {
    const skip = of('skip', 61);
    expect(skip).toMatchObject({ overlapping: 4_383, skipped: 4_383, firstAt: NOW + 2 * HOUR });
    expect(overlapText('skip', skip)).toBe(
      '4383 of the next 8766 ticks find an earlier run under way: 4383 are skipped',
    );
    expect(of('replace', 61)).toMatchObject({ overlapping: 8_765, replaced: 8_765 });
    const allow = of('allow', 150);
    expect(allow).toMatchObject({ skipped: 0, deepest: 3 });
    expect(overlapText('allow', allow)).toMatch(/up to 3 runs at once$/);
  });

  it('let a line that never shortens fill up', () => {
    const queue = of('queue', 120);
    expect(queue.skipped).toBeGreaterThan(4_000);
    expect(overlapText('queue', queue)).toMatch(/the line grows beyond 100, and \d+ ticks are skipped/);
    // Two at ten o'clock's heels: the line is gone by the next day.
    const short = of('queue', 90, '0 9-11 * * *');
    expect(short).toMatchObject({ skipped: 0, deepest: 2 });
    expect(overlapText('queue', short)).toMatch(/up to 1 wait in line$/);
  });
});

describe('cost', () => {
  const agent = {
    agentId: 'crawler',
    bootSeconds: 10,
    workSeconds: 60,
    lingerSeconds: 30,
    pricePerHourUsd: 0.36,
  };

  it('is runs × (boot + work + linger) × price', () => {
    const cost = forecastCost(schedule('0 9 * * *'), [agent, { ...agent, agentId: 'writer' }], NOW);
    expect(cost.runsPerMonth).toBeCloseTo(365.25 / 12, 1);
    // 100 s at 0.36 an hour are a cent.
    expect(cost.costPerMonthUsd).toBeCloseTo(cost.runsPerMonth * 2 * 0.01, 9);
    expect(cost.agents[0]?.alwaysOn).toBe(false);
  });

  it('never exceeds a capsule that is always on', () => {
    const cost = forecastCost(schedule('* * * * *'), [agent], NOW);
    expect(cost.runsPerMonth).toBeCloseTo((365.25 / 12) * 1_440, 0);
    expect(cost.agents[0]?.awakeSecondsPerMonth).toBeCloseTo((365.25 / 12) * 86_400, 0);
    expect(cost.agents[0]?.alwaysOn).toBe(true);
    const { remarks, cost: compiled } = compileSchedule(schedule('* * * * *'), { agents: [agent] }, NOW);
    expect(remarks).toEqual([
      'the capsule of crawler never sleeps: each run finds it still awake after the one before',
    ]);
    expect(compiled?.formulas[0]).toMatch(/runs find it still awake\) ÷ 3600 × \$0\.36 an hour = \$262\.98$/);
  });

  it('has no sum without a price, and none for what fires no more', () => {
    const { pricePerHourUsd: _, ...free } = agent;
    expect(forecastCost(schedule('0 9 * * *'), [free], NOW).costPerMonthUsd).toBeUndefined();
    const rare = forecastCost(schedule('0 0 29 2 *'), [agent], NOW);
    expect(rare).toEqual({ runsPerMonth: 0, agents: [] });
    expect(nextTicks(schedule('0 0 29 2 *'), NOW, 1)).toEqual([Date.UTC(2028, 1, 29)]);
  });
});

it('remarks on slow runs only where the usual ones do not overlap', () => {
  const hourly = schedule('0 * * * *');
  const remarks = (p50: number, p95: number) =>
    compileSchedule(hourly, { durations: { p50Ms: p50 * HOUR, p95Ms: p95 * HOUR } }, NOW).remarks;
  expect(remarks(0.5, 0.9)).toEqual([]);
  expect(remarks(0.5, 1.5)).toEqual([
    expect.stringMatching(/^with runs as long as the slowest of twenty, 4383 /),
  ]);
  expect(remarks(1.5, 2.5)).toEqual([expect.stringMatching(/^with runs as long as usual, /)]);
});
