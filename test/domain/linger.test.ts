import fc from 'fast-check';
import { asleep, type CapsuleState, type Shift } from '../../src/domain/capsule';
import { decideCapsule, reasonsAwake } from '../../src/domain/decide-capsule';
import { coldStartMs, expectedWaitMs, GAP_SAMPLES, learnedGaps } from '../../src/domain/linger';
import { contextAt } from './capsule-world';

const T = 1_000_000;

describe('expectedWaitMs', () => {
  it('is what is left of the pauses that are longer than the present one', () => {
    expect(expectedWaitMs([1_000, 3_000, 5_000], 0, T, undefined)).toBe(3_000);
    expect(expectedWaitMs([1_000, 3_000, 5_000], 2_000, T, undefined)).toBe(2_000);
    expect(expectedWaitMs([1_000, 3_000, 5_000], 4_900, T, undefined)).toBe(100);
  });

  it('is infinite when nothing speaks for more work', () => {
    expect(expectedWaitMs([], 0, T, undefined)).toBe(Infinity);
    expect(expectedWaitMs([1_000], 1_000, T, undefined)).toBe(Infinity);
  });

  it('is at most the time to the work that is known of, and nothing when that is overdue', () => {
    expect(expectedWaitMs([9_000], 0, T, T + 400)).toBe(400);
    expect(expectedWaitMs([100], 0, T, T + 400)).toBe(100);
    expect(expectedWaitMs([], 0, T, T - 1)).toBe(0);
  });

  it('never counts a pause that is over already', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(gaps, fc.nat({ max: 70_000 }), (all, idleMs) => {
        const wait = expectedWaitMs(all, idleMs, T, undefined);
        const longest = Math.max(...all);
        if (idleMs >= longest) expect(wait).toBe(Infinity);
        else expect(wait).toBeLessThanOrEqual(longest - idleMs);
        expect(wait).toBeGreaterThan(0);
      }),
    );
  });
});

describe('a capsule that lingers while it breaks even', () => {
  const awake: CapsuleState = {
    ...asleep('c', 'a'),
    status: 'awake',
    generation: 1,
    bootMs: [5_000],
    drainMs: 1_000,
    shift: {
      capsuleId: 'c',
      agentId: 'a',
      generation: 1,
      requestedAt: T,
      acceptedAt: T,
      healthyAt: T + 5_000,
    },
  };
  const idleAt = T + 10_000;
  const activity = {
    held: 0,
    waiting: 0,
    workMs: 500,
    idleSince: idleAt,
    firstWorkAt: T + 9_500,
    lastWorkAt: idleAt,
  };
  const at = (now: number, more: Partial<CapsuleState>, nextWorkAt?: number, lingerMs = 60_000) => {
    const breakEven = nextWorkAt === undefined ? {} : { nextWorkAt };
    return reasonsAwake({ ...awake, ...more }, { ...contextAt(now, activity), lingerMs, breakEven });
  };

  it('counts one more boot and one more drain as the cost of a cold start', () => {
    expect(coldStartMs(awake)).toBe(6_000);
  });

  it('stays for work that comes before a cold start is paid off, and sleeps otherwise', () => {
    expect(at(idleAt, { gapMs: [5_999] })).toEqual([
      expect.stringMatching(/expected in 5999 ms.*costs 6000 ms/),
    ]);
    expect(at(idleAt, { gapMs: [6_000] })).toEqual([]);
    expect(at(idleAt, {}, idleAt + 5_000)).toHaveLength(1);
    expect(at(idleAt, {}, idleAt + 7_000)).toEqual([]);
    expect(at(idleAt, {})).toEqual([]);
  });

  it('gives up once the pause is longer than all it has learned', () => {
    expect(at(idleAt + 2_999, { gapMs: [3_000] })).toHaveLength(1);
    expect(at(idleAt + 3_000, { gapMs: [3_000] })).toEqual([]);
  });

  it('never stays longer than its linger', () => {
    expect(at(idleAt + 1_999, { gapMs: [3_000] }, undefined, 2_000)).toHaveLength(1);
    expect(at(idleAt + 2_000, { gapMs: [3_000] }, undefined, 2_000)).toEqual([]);
  });

  it('sleeps by that rule, with the leases checked once more', () => {
    const context = { ...contextAt(idleAt, activity), lingerMs: 60_000, breakEven: {} };
    const decision = decideCapsule(awake, { type: 'idle' }, context);
    expect(decision).toMatchObject({ state: { status: 'draining' }, unless: 'held-or-waiting' });
    expect(decideCapsule({ ...awake, gapMs: [10] }, { type: 'idle' }, context).changed).toBe(false);
  });
});

describe('learnedGaps', () => {
  const shift: Shift = {
    capsuleId: 'c',
    agentId: 'a',
    generation: 2,
    requestedAt: T,
    firstWorkAt: T + 100,
    lastWorkAt: T + 1_000,
    scaleDownAt: T + 1_300,
    zeroAt: T + 1_400,
    split: { bootMs: 100, prewarmMs: 0, workMs: 400, lingerMs: 800, drainMs: 100 },
  };

  it('learns the pause before the shift and the one within it', () => {
    expect(learnedGaps({ ...asleep('c', 'a'), lastWorkAt: T - 4_900, gapMs: [7] }, shift)).toEqual({
      gapMs: [500, 5_000, 7],
      lastWorkAt: T + 1_000,
    });
  });

  it('learns nothing from a shift without work, and no pause from the first one', () => {
    const { firstWorkAt: _, ...idle } = shift;
    expect(learnedGaps(asleep('c', 'a'), idle)).toEqual({});
    const once = { ...shift, split: { bootMs: 100, prewarmMs: 0, workMs: 900, lingerMs: 300, drainMs: 100 } };
    expect(learnedGaps(asleep('c', 'a'), once)).toEqual({ gapMs: [], lastWorkAt: T + 1_000 });
  });

  it('remembers a bounded number', () => {
    const gapMs = Array.from({ length: GAP_SAMPLES }, (_, i) => i + 1);
    expect(learnedGaps({ ...asleep('c', 'a'), gapMs }, shift).gapMs).toHaveLength(GAP_SAMPLES);
  });
});
