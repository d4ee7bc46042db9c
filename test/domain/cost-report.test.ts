/** Money, days, and what is reported of them. */
import fc from 'fast-check';
import { NO_FIGURES } from '../../src/domain/cost/figures';
import { capsuleCost, ofUsd, toUsd } from '../../src/domain/cost/money';
import { dateAt, daysBetween, startOfDay } from '../../src/domain/cost/days';
import { costReport, wasteRatio, type CostTotal } from '../../src/domain/cost/report';

const HOUR_MS = 3_600_000;

describe('money', () => {
  it('is the price of the time to the last unit, and rounded only when shown', () => {
    expect(toUsd(capsuleCost(0.05, HOUR_MS))).toBe('0.050000');
    expect(toUsd(capsuleCost(0.05, 10_000))).toBe('0.000139');
    expect(toUsd(ofUsd(0.1) + ofUsd(0.2))).toBe('0.300000');
    expect(toUsd(ofUsd(0.0000005))).toBe('0.000001');
    expect(toUsd(ofUsd(0.0000004))).toBe('0.000000');
    expect(toUsd(-ofUsd(1.5))).toBe('-1.500000');
    expect(toUsd(-ofUsd(0.0000004))).toBe('0.000000');
  });

  it('does not drift: many small parts cost what the whole does', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 9_999, noNaN: true }),
        fc.array(fc.nat({ max: 1e9 })),
        (price, parts) => {
          const sum = parts.reduce((total, ms) => total + capsuleCost(price, ms), 0n);
          expect(sum).toBe(
            capsuleCost(
              price,
              parts.reduce((a, b) => a + b, 0),
            ),
          );
        },
      ),
    );
  });
});

describe('days', () => {
  it('have 23 or 25 hours where the clock changes', () => {
    const hours = (zone: string, date: string) => {
      const from = startOfDay(zone, date);
      const [day] = daysBetween(zone, from, from + 30 * HOUR_MS);
      return [day?.date, ((day?.to ?? 0) - from) / HOUR_MS];
    };
    expect(hours('Europe/Berlin', '2026-03-29')).toEqual(['2026-03-29', 23]);
    expect(hours('Europe/Berlin', '2026-10-25')).toEqual(['2026-10-25', 25]);
    expect(hours('Asia/Kathmandu', '2026-10-25')).toEqual(['2026-10-25', 24]);
    // Midnight itself is left out there: the day begins at one o'clock.
    expect(hours('Africa/Cairo', '2026-04-24')).toEqual(['2026-04-24', 23]);
    // And comes twice there.
    expect(hours('America/Havana', '2024-11-03')).toEqual(['2024-11-03', 25]);
  });

  it('follow each other without a gap and tell the date on the wall', () => {
    const zone = fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    );
    const from = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2030, 0, 1) });
    fc.assert(
      fc.property(zone, from, fc.integer({ min: 1, max: 40 * 24 * HOUR_MS }), (z, start, length) => {
        const days = daysBetween(z, start, start + length);
        expect(days[0]?.from).toBe(start);
        expect(days.at(-1)?.to).toBe(start + length);
        for (const [i, day] of days.entries()) {
          expect(dateAt(z, day.from)).toBe(day.date);
          expect(dateAt(z, day.to - 1)).toBe(day.date);
          if (i > 0) expect(day.from).toBe(days[i - 1]?.to);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the report', () => {
  const total = (key: string, agentId: string, workMs: number, price?: number): CostTotal => ({
    key,
    agentId,
    figures: {
      ...NO_FIGURES,
      workMs,
      wastedMs: workMs / 4,
      capsuleCost: price === undefined ? 0n : capsuleCost(price, workMs),
    },
  });
  const prices = new Map([
    ['cheap', 0.1],
    ['dear', 2],
    ['idle', 100],
  ]);
  const price = (id: string) => prices.get(id);
  const calendarMs = { days: [24 * HOUR_MS, 23 * HOUR_MS], whole: 47 * HOUR_MS };

  it('compares each day with all priced agents in use always on; the days add up to the whole', () => {
    const totals = [
      total('0', 'cheap', HOUR_MS, 0.1),
      total('0', 'free', HOUR_MS),
      total('1', 'dear', HOUR_MS, 2),
    ];
    const { rows, total: whole } = costReport({ by: 'day', totals, calendarMs, price });
    expect(rows.map((r) => [r.key, toUsd(r.alwaysOn ?? -1n), toUsd(r.saved ?? -1n)])).toEqual([
      ['0', '50.400000', '50.300000'],
      ['1', '48.300000', '46.300000'],
    ]);
    expect(toUsd(whole.saved ?? 0n)).toBe('96.600000');
    expect(whole.saved).toBe(rows.reduce((sum, r) => sum + (r.saved ?? 0n), 0n));
    expect(whole.figures.workMs).toBe(3 * HOUR_MS);
  });

  it('compares an agent with itself, and no workflow with agents that it shares', () => {
    const totals = [total('cheap', 'cheap', HOUR_MS, 0.1), total('free', 'free', HOUR_MS)];
    const by = costReport({ by: 'agent', totals, calendarMs, price });
    expect(by.rows.map((r) => r.saved && toUsd(r.saved))).toEqual(['4.600000', undefined]);
    const workflow = costReport({ by: 'workflow', totals: [total('w', 'cheap', 1, 0.1)], calendarMs, price });
    expect(workflow.rows[0]).not.toHaveProperty('saved');
    expect(workflow.total).toHaveProperty('saved');
  });

  it('lists a day on which everything slept', () => {
    const totals = [total('0', 'cheap', HOUR_MS, 0.1)];
    const { rows } = costReport({ by: 'day', totals, calendarMs, price });
    expect(rows.map((r) => [r.key, r.figures.workMs, toUsd(r.saved ?? 0n)])).toEqual([
      ['0', HOUR_MS, '2.300000'],
      ['1', 0, '2.300000'],
    ]);
  });

  it('says nothing of savings and waste where nothing was billed', () => {
    const { rows, total: whole } = costReport({ by: 'day', totals: [], calendarMs, price });
    expect(rows.map((r) => r.saved)).toEqual([undefined, undefined]);
    expect(whole).toEqual({ key: '', figures: NO_FIGURES });
    expect(wasteRatio(whole.figures)).toBeUndefined();
    expect(wasteRatio(total('', 'x', 100).figures)).toBe(0.25);
  });
});
