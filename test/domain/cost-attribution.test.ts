/** Whose a shift's seconds are, and when they were. */
import fc from 'fast-check';
import { apportion } from '../../src/domain/cost/apportion';
import { attribute, millisecondsOf } from '../../src/domain/cost/attribute';
import { shiftBooking, strayBooking, usageBooking } from '../../src/domain/cost/booking';
import { add, billed, KINDS, NO_FIGURES, type Figures } from '../../src/domain/cost/figures';
import { capsuleCost, toUsd } from '../../src/domain/cost/money';
import { QUARTER_MS } from '../../src/domain/cost/spread';
import { closed, lease, shift, T0, workedShift } from './cost-world';

const sumOf = (lines: ReadonlyArray<{ figures: Figures }>): Figures =>
  lines.reduce((sum, { figures }) => add(sum, figures), NO_FIGURES);

describe('apportion', () => {
  it('gives whole parts that add up, each within one of its due', () => {
    const weights = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.nat({ max: 1e12 }), weights, (total, given) => {
        const parts = apportion(total, given);
        expect(parts.reduce((a, b) => a + b, 0)).toBe(total);
        const sum = given.reduce((a, b) => a + b, 0);
        for (const [i, part] of parts.entries()) {
          expect(Number.isInteger(part) && part >= 0).toBe(true);
          if (sum > 1e-9) expect(Math.abs(part - (total * (given[i] as number)) / sum)).toBeLessThan(1.01);
        }
      }),
    );
  });

  it('splits evenly where nothing weighs, and refuses to split among none', () => {
    expect(apportion(5, [0, 0])).toEqual([3, 2]);
    expect(() => apportion(5, [])).toThrow(RangeError);
  });
});

describe('the steps of a shift', () => {
  it('and what is nobody’s add up to the shift, by kind and in money, whatever the leases', () => {
    fc.assert(
      fc.property(workedShift, fc.double({ min: 0, max: 50, noNaN: true }), (worked, price) => {
        const { steps, totals } = shiftBooking(worked, price);
        const whole = millisecondsOf(worked.shift);
        const cost = capsuleCost(price, billed(whole));
        for (const lines of worked.leases.length > 0 ? [steps, totals] : [totals]) {
          const sum = sumOf(lines);
          expect(Object.fromEntries(KINDS.map((k) => [k, sum[k]]))).toEqual({ ...whole });
          expect(sum.capsuleCost).toBe(cost);
        }
        expect(sumOf(totals).wastedMs).toBe(
          whole.bootMs + whole.lingerMs + whole.drainMs + (steps.length > 0 ? 0 : whole.prewarmMs),
        );
        for (const { figures } of [...steps, ...totals]) {
          for (const kind of KINDS) expect(figures[kind]).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('have their work by their leases to the millisecond while one works at a time', () => {
    const leases = [
      lease('a', T0 + 100, T0 + 133),
      lease('b', T0 + 150, T0 + 157),
      lease('a', T0 + 160, T0 + 161),
    ];
    const open = shift({ healthyAt: T0 + 90, scaleDownAt: T0 + 200, zeroAt: T0 + 231 });
    const shares = attribute({ shift: closed(open, 41), leases });
    expect(shares.map(({ runId, ms }) => [runId, ms.workMs])).toEqual([
      ['a', 34],
      ['b', 7],
    ]);
    // 110 ms awake, 41 of them at work.
    expect(shares.reduce((sum, { ms }) => sum + ms.lingerMs, 0)).toBe(69);
  });

  it('divide the time in which several work', () => {
    const leases = [lease('a', T0 + 100, T0 + 160), lease('b', T0 + 130, T0 + 190)];
    const open = shift({ healthyAt: T0 + 100, scaleDownAt: T0 + 190, zeroAt: T0 + 190 });
    const shares = attribute({ shift: closed(open, 90), leases });
    expect(shares.map(({ ms }) => ms.workMs)).toEqual([45, 45]);
  });

  it('share linger and drain by their work; boot and prewarming are of the first who asked', () => {
    const leases = [
      lease('late', T0 + 100, T0 + 130, { requestedAt: T0 + 50 }),
      lease('early', T0 + 130, T0 + 140, { requestedAt: T0 - 1 }),
    ];
    const open = shift({ healthyAt: T0 + 80, scaleDownAt: T0 + 220, zeroAt: T0 + 260 });
    const shares = attribute({ shift: closed(open, 40, 20), leases });
    expect(Object.fromEntries(shares.map(({ runId, ms }) => [runId, ms]))).toEqual({
      late: { bootMs: 0, prewarmMs: 0, workMs: 30, lingerMs: 60, drainMs: 30 },
      early: { bootMs: 80, prewarmMs: 20, workMs: 10, lingerMs: 20, drainMs: 10 },
    });
  });

  it('count only what a shift that was cut off still had', () => {
    const leases = [lease('a', T0 + 50, T0 + 900)];
    const open = shift({ healthyAt: T0 + 40, zeroAt: T0 + 100 });
    expect(attribute({ shift: closed(open, 50), leases })[0]?.ms).toMatchObject({ workMs: 50, lingerMs: 10 });
  });

  it('are none where nobody worked: its seconds are its agent’s alone, prewarming wasted', () => {
    const open = shift({ healthyAt: T0 + 10, scaleDownAt: T0 + 50, zeroAt: T0 + 60 });
    const { steps, totals } = shiftBooking({ shift: closed(open, 0, 30), leases: [] }, 1);
    expect(steps).toEqual([]);
    expect(totals).toMatchObject([
      { workflowId: '', agentId: 'crawler', figures: { prewarmMs: 30, wastedMs: 60, bootMs: 10 } },
    ]);
  });
});

describe('the quarters of a shift', () => {
  it('hold each kind where it was', () => {
    const at = (minutes: number) => T0 + minutes * 60_000;
    const leases = [lease('a', at(12), at(32)), lease('b', at(40), at(44))];
    const open = shift({ healthyAt: at(10), scaleDownAt: at(50), zeroAt: at(62) });
    const { totals } = shiftBooking({ shift: closed(open, 24 * 60_000), leases }, undefined);
    const minutes = (n: number, workflowId: string) => {
      const found = totals.find((t) => t.quarter === T0 + n * QUARTER_MS && t.workflowId === workflowId);
      return found && KINDS.map((kind) => found.figures[kind] / 60_000);
    };
    expect([0, 1, 2].map((n) => minutes(n, 'of-a')?.[2])).toEqual([3, 15, 2]);
    expect(minutes(2, 'of-b')?.[2]).toBe(4);
    expect(minutes(0, 'of-a')?.[0]).toBe(10);
    // 12 minutes of drain: 10 in the fourth quarter, 2 in the fifth; five parts in six are a's.
    expect([3, 4].map((n) => minutes(n, 'of-a')?.[4])).toEqual([100 / 12, 20 / 12]);
    expect(sumOf(totals).unpricedMs).toBe(62 * 60_000);
    expect(sumOf(totals).capsuleCost).toBe(0n);
  });
});

describe('strays and models', () => {
  it('bill a stray for each replica, as nobody’s waste', () => {
    const stray = {
      capsuleId: 'c',
      agentId: 'x',
      replicas: 2,
      since: T0,
      foundAt: T0 + 10_000,
      endedAt: T0 + 15_000,
    };
    const { steps, totals } = strayBooking(stray, 3.6);
    expect(steps).toEqual([]);
    const sum = sumOf(totals);
    expect([sum.lingerMs, sum.drainMs, sum.wastedMs]).toEqual([20_000, 10_000, 30_000]);
    expect(toUsd(sum.capsuleCost)).toBe('0.030000');
  });

  it('add up the uses of one model, and believe no absurd figure', () => {
    const use = { provider: 'p', model: 'm', inputTokens: 1, outputTokens: 2, costUsd: 0.1 };
    const { steps, totals } = usageBooking({
      ...{
        runId: 'r',
        stepId: 's',
        attempt: 1,
        counted: true,
        workflowId: 'w',
        agentId: 'x',
        receivedAt: T0 + 1,
      },
      usage: [
        use,
        { ...use, costUsd: 0.2, cacheReadTokens: 5 },
        { ...use, model: 'x'.repeat(999), costUsd: 1e300 },
      ],
    });
    expect(totals).toHaveLength(2);
    expect(totals[0]).toMatchObject({ quarter: T0, model: 'p/m' });
    expect(steps[0]?.figures).toMatchObject({ inputTokens: 2, outputTokens: 4, cacheReadTokens: 5 });
    expect(toUsd(steps[0]?.figures.modelCost ?? 0n)).toBe('0.300000');
    expect(steps[1]?.model).toHaveLength(200);
    expect(toUsd(steps[1]?.figures.modelCost ?? 0n)).toBe('1000000000.000000');
  });
});
