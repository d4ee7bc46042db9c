import fc from 'fast-check';
import { asleep, learnedBootMs, splitShift, type Shift } from '../../src/domain/capsule';
import { reasonsAwake, decideCapsule } from '../../src/domain/decide-capsule';
import { contextAt, LINGER_MS, partsOf } from './capsule-world';

const T = 1_000_000;

describe('splitShift', () => {
  it('splits a shift by its times', () => {
    const shift: Shift = {
      capsuleId: 'c',
      agentId: 'a',
      generation: 1,
      requestedAt: T,
      acceptedAt: T + 10,
      healthyAt: T + 110,
      scaleDownAt: T + 400,
      zeroAt: T + 450,
    };
    expect(splitShift(shift, 200)).toEqual({
      bootMs: 100,
      prewarmMs: 0,
      workMs: 200,
      lingerMs: 90,
      drainMs: 50,
    });
  });

  it('counts a wake that never became healthy as boot', () => {
    const shift = {
      capsuleId: 'c',
      agentId: 'a',
      generation: 1,
      requestedAt: T,
      scaleDownAt: T + 60,
      zeroAt: T + 70,
    };
    expect(splitShift(shift, 0)).toEqual({ bootMs: 60, prewarmMs: 0, workMs: 0, lingerMs: 0, drainMs: 10 });
  });

  it('has parts that are never negative and add up to what is billed, whatever the clocks said', () => {
    const time = fc.option(fc.integer({ min: T - 50, max: T + 500 }), { nil: undefined });
    const shifts = fc.record({
      acceptedAt: time,
      healthyAt: time,
      firstWorkAt: time,
      scaleDownAt: time,
      zeroAt: time,
      prewarm: fc.option(fc.constant('due soon'), { nil: undefined }),
    });
    fc.assert(
      fc.property(shifts, fc.nat({ max: 1_000 }), (times, workMs) => {
        const given = Object.entries(times).filter(([, value]) => value !== undefined);
        const base = { capsuleId: 'c', agentId: 'a', generation: 1, requestedAt: T };
        const shift: Shift = { ...base, ...(Object.fromEntries(given) as Partial<Shift>) };
        const parts = partsOf(splitShift(shift, workMs));
        const accepted = shift.acceptedAt ?? shift.requestedAt;
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
        expect(parts.reduce((a, b) => a + b)).toBe(Math.max(0, (shift.zeroAt ?? accepted) - accepted));
      }),
    );
  });
});

describe('learnedBootMs', () => {
  it('is unknown before the first boot', () => {
    expect(learnedBootMs({ bootMs: [] }, 0.5)).toBeUndefined();
  });

  it.each([
    [0, 10],
    [0.2, 10],
    [0.21, 20],
    [0.5, 30],
    [0.95, 50],
    [1, 50],
  ])('is the nearest-rank quantile: %d of five is %d', (quantile, expected) => {
    expect(learnedBootMs({ bootMs: [40, 10, 50, 30, 20] }, quantile)).toBe(expected);
  });

  it('is a boot that was seen, at or above the share of boots asked for', () => {
    const boots = fc.array(fc.nat({ max: 60_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(boots, fc.double({ min: 0, max: 1, noNaN: true }), (bootMs, quantile) => {
        const learned = learnedBootMs({ bootMs }, quantile) ?? NaN;
        expect(bootMs).toContain(learned);
        const share = bootMs.filter((ms) => ms <= learned).length / bootMs.length;
        expect(share).toBeGreaterThanOrEqual(quantile - 1e-9);
      }),
    );
  });
});

describe('reasonsAwake', () => {
  const idle = { held: 0, waiting: 0, workMs: 0, idleSince: T };
  const awake = { ...asleep('c', 'a'), status: 'awake' as const, generation: 1 };
  const reasons = (activity: Partial<typeof idle>, now: number) =>
    reasonsAwake(awake, contextAt(now, { ...idle, ...activity }));

  it('names each condition by itself, and none when it may sleep', () => {
    expect(reasons({}, T + LINGER_MS)).toEqual([]);
    expect(reasons({ held: 1 }, T + LINGER_MS)).toEqual([expect.stringMatching(/live lease/)]);
    expect(reasons({ waiting: 2 }, T + LINGER_MS)).toEqual([expect.stringMatching(/2 step.*waiting/)]);
    expect(reasons({}, T + LINGER_MS - 1)).toEqual([expect.stringMatching(/lingers.* 1 ms/)]);
  });

  it('keeps a capsule awake whose idle time is unknown', () => {
    const { idleSince: _, ...unknown } = idle;
    expect(reasonsAwake(awake, contextAt(T, unknown))).toHaveLength(1);
  });
});

it('counts work in hand when somebody else stops the capsule', () => {
  const shift = {
    capsuleId: 'c',
    agentId: 'a',
    generation: 1,
    requestedAt: T,
    acceptedAt: T,
    healthyAt: T + 10,
  };
  const awake = { ...asleep('c', 'a'), status: 'awake' as const, generation: 1, shift };
  const activity = { held: 1, waiting: 0, workMs: 5, busySince: T + 50 };
  const decision = decideCapsule(awake, { type: 'gone', generation: 1 }, contextAt(T + 90, activity));
  expect(decision.shift?.split).toEqual({ bootMs: 10, prewarmMs: 0, workMs: 45, lingerMs: 35, drainMs: 0 });
});
