/** The tests of a canary against exact calculation, and against what docs/canary.md says of them. */
import {
  BESIDE_SCENARIOS,
  besideCharacteristicsOf,
} from '../../../src/domain/rollout/characteristics-beside';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CANARIES,
  characteristicsOf,
  characteristicsTable,
  SCENARIOS,
  TASKS,
} from '../../../src/domain/rollout/characteristics';
import { CANARY_RULES, freeze, judgeCanary, type CanaryLook } from '../../../src/domain/rollout/canary';
import { betaCdf, betaQuantile, logGamma } from '../../../src/domain/rollout/numbers';
import {
  abortAt,
  badRunsToAbort,
  frozenReference,
  logEvidence,
  upperBound,
} from '../../../src/domain/rollout/outcomes';
import { judgePairs, logWithin, logWorse, PAIRED_RULES } from '../../../src/domain/rollout/paired';
import { probabilityWithin, runsToPass } from '../../../src/domain/rollout/promotion';
import { isMismatched } from '../../../src/domain/rollout/sample-ratio';
import { inBlocks, logTwoSample } from '../../../src/domain/rollout/two-sample';

/** C(n, k), for exact sums. */
const choose = (n: number, k: number): number => {
  let c = 1;
  for (let i = 1; i <= k; i += 1) c = (c * (n - k + i)) / i;
  return c;
};
const binomial = (n: number, k: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k);
const sum = (n: number, f: (k: number) => number) =>
  Array.from({ length: n + 1 }, (_, k) => f(k)).reduce((a, b) => a + b, 0);

/** The exact chance that E is at the threshold at one of the looks after tasks 1 to n. */
function everStopped(q0: number, threshold: number, rate: number, n: number) {
  let alive = [1];
  const stopped: number[] = [0];
  for (let runs = 1; runs <= n; runs += 1) {
    const next = alive.map((p, bad) => p * (1 - rate) + (alive[bad - 1] ?? 0) * rate);
    next.push((alive.at(-1) as number) * rate);
    const out = next.map((_, bad) => logEvidence({ runs, bad }, q0) >= Math.log(threshold));
    stopped.push((stopped.at(-1) as number) + next.reduce((s, p, bad) => s + (out[bad] ? p : 0), 0));
    alive = next.map((p, bad) => (out[bad] ? 0 : p));
  }
  return stopped;
}

describe('the functions', () => {
  it('agree with factorials and with sums of binomials', () => {
    for (let n = 1, f = 1; n < 20; f *= n, n += 1) expect(Math.exp(logGamma(n)) / f).toBeCloseTo(1, 9);
    expect(Math.exp(logGamma(0.5))).toBeCloseTo(Math.sqrt(Math.PI), 9);
    for (const [n, k, x] of [
      [10, 3, 0.2],
      [40, 4, 0.1],
      [60, 59, 0.99],
      [5, 0, 0.01],
    ] as const) {
      const atLeast = 1 - sum(k, (i) => binomial(n, i, x));
      expect(betaCdf(x, k + 1, n - k)).toBeCloseTo(atLeast, 9);
    }
    expect(betaCdf(betaQuantile(0.95, 5, 40), 5, 40)).toBeCloseTo(0.95, 9);
  });

  it('bound a rate as Clopper and Pearson do', () => {
    const bound = upperBound({ runs: 400, bad: 40 }, 0.95);
    expect(sum(40, (k) => binomial(400, k, bound))).toBeCloseTo(0.05, 6);
    expect(upperBound({ runs: 10, bad: 0 }, 0.95)).toBeCloseTo(1 - 0.05 ** 0.1, 9);
    expect(upperBound({ runs: 0, bad: 0 }, 0.95)).toBe(1);
    expect(frozenReference({ runs: 3, bad: 0 }, 0.95, 0.4)).toBeUndefined();
  });
});

describe('live abort', () => {
  const q0 = frozenReference({ runs: 400, bad: 40 }, 0.95, CANARY_RULES.margin) as number;
  const threshold = abortAt(CANARY_RULES.alpha, 3);

  it.each([0.02, 0.1, q0, 0.5])('is evidence whose mean is 1 at most at the reference %d', (reference) => {
    for (const rate of [reference, reference / 2])
      for (const n of [1, 7, 30])
        expect(
          sum(n, (bad) => binomial(n, bad, rate) * Math.exp(logEvidence({ runs: n, bad }, reference))),
        ).toBeLessThan(1 + 1e-9);
  });

  it('keeps its word at every look: exactly calculated, not simulated', () => {
    const own = everStopped(q0, threshold, 0.1, TASKS);
    // Three metrics, each at the incumbent's own rate.
    expect(3 * (own[TASKS] as number)).toBeLessThan(0.01);
    expect(everStopped(q0, threshold, q0, 120)[120]).toBeLessThan(CANARY_RULES.alpha / 3);
    const bad = everStopped(q0, threshold, 0.5, TASKS);
    expect(bad[TASKS]).toBeGreaterThan(0.99);
    expect(bad.findIndex((p) => p >= 0.5)).toBeLessThanOrEqual(13);
  });

  it('tells how many bad runs more it takes', () => {
    const seen = { runs: 10, bad: 3 };
    const more = badRunsToAbort(seen, q0, threshold);
    const after = (n: number) => logEvidence({ runs: 10 + n, bad: 3 + n }, q0) >= Math.log(threshold);
    expect([after(more), after(more - 1)]).toEqual([true, false]);
  });
});

describe('promotion', () => {
  it('needs outcomes, and tells how many more', () => {
    expect(probabilityWithin({ runs: 0, bad: 0 }, 0.5)).toBe(0);
    const goal = { limit: 0.18, probability: 0.9, rate: 0.1 };
    const needed = runsToPass({ runs: 10, bad: 1 }, goal) as number;
    const at = (n: number) => probabilityWithin({ runs: 10 + n, bad: 1 + n * 0.1 }, 0.18);
    expect(at(needed)).toBeGreaterThanOrEqual(0.9);
    expect(at(needed - 1)).toBeLessThan(0.9);
    expect(runsToPass({ runs: 10, bad: 9 }, { ...goal, rate: 0.5 })).toBeUndefined();
  });
});

describe('paired replay', () => {
  it('is evidence whose mean is 1 at most under what it speaks against', () => {
    const n = 8;
    const worse = sum(
      n,
      (k) => binomial(n, k, 0.5) * Math.exp(logWorse({ worse: k, better: n - k, same: 4 })),
    );
    expect(worse).toBeLessThan(1 + 1e-9);
    // A mean difference of exactly the margin: 10 % worse, 5 % better.
    let within = 0;
    for (let w = 0; w <= n; w += 1)
      for (let b = 0; b <= n - w; b += 1) {
        const chance = choose(n, w) * choose(n - w, b) * 0.1 ** w * 0.05 ** b * 0.85 ** (n - w - b);
        within += chance * Math.exp(logWithin({ worse: w, better: b, same: n - w - b }, 0.05));
      }
    expect(within).toBeCloseTo(1, 9);
  });

  it('tells pass, fail and neither apart, and what is still needed', () => {
    const judge = (worse: number, better: number, same: number) => judgePairs({ worse, better, same });
    expect(judge(0, 0, 0)).toMatchObject({ verdict: 'inconclusive', worse: 1, within: 1 });
    expect(judge(9, 0, 11)).toMatchObject({ verdict: 'fail' });
    expect(judge(5, 5, 40)).toMatchObject({ verdict: 'inconclusive' });
    const { pairsNeeded } = judge(0, 0, 20);
    expect(judge(0, 0, 20 + (pairsNeeded as number)).verdict).toBe('pass');
    expect(judge(0, 0, 19 + (pairsNeeded as number)).verdict).toBe('inconclusive');
    expect(PAIRED_RULES.alpha).toBe(0.05);
  });
});

describe('two samples at once', () => {
  it.each([
    [1, 1],
    [1, 3],
    [4, 2],
  ])('%d blocks of 1 to %d: the mean is 1 at most where nothing is worse', (blocks, ratio) => {
    for (const [candidate, incumbent] of [
      [0.1, 0.1],
      [0.5, 0.5],
      [0.9, 0.9],
      [0.1, 0.4],
    ] as const) {
      const mean = sum(blocks, (a) =>
        sum(blocks * ratio, (b) => {
          const chance = binomial(blocks, a, candidate) * binomial(blocks * ratio, b, incumbent);
          return chance * Math.exp(logTwoSample({ blocks, ratio, candidateBad: a, incumbentBad: b }));
        }),
      );
      expect(mean).toBeLessThan(1 + 1e-9);
    }
  });

  it('grows where the candidate is worse, and takes whole blocks', () => {
    expect(logTwoSample({ blocks: 30, ratio: 3, candidateBad: 15, incumbentBad: 9 })).toBeGreaterThan(
      Math.log(20),
    );
    expect(inBlocks([true, false, true], [true, false, false, false, true], 2)).toEqual({
      ...{ blocks: 2, ratio: 2, candidateBad: 1, incumbentBad: 1 },
    });
  });
});

it('notices a split that is not the one asked for, and no other', () => {
  expect(isMismatched({ candidate: 5, incumbent: 95, share: 0.05 })).toBe(false);
  expect(isMismatched({ candidate: 40, incumbent: 60, share: 0.05 })).toBe(true);
  expect(isMismatched({ candidate: 0, incumbent: 400, share: 0.05 })).toBe(true);
  const ever = sum(50, (k) =>
    isMismatched({ candidate: k, incumbent: 50 - k, share: 0.2 }) ? binomial(50, k, 0.2) : 0,
  );
  expect(ever).toBeLessThan(0.001);
});

describe('a look at a canary', () => {
  const setting = freeze('failed', { runs: 400, bad: 40 }, CANARY_RULES);
  if (!setting) throw new Error('400 runs are enough to know an incumbent by');
  const look = (runs: number, bad: number, over: Partial<CanaryLook> = {}): CanaryLook => ({
    metrics: [{ setting, seen: { runs, bad } }],
    sighted: { policyViolations: 0, costUsd: 0, crashes: [] },
    ...{ purpose: 'promotion', minRuns: 20, notBefore: 0, deadline: 100, now: 50 },
    ...over,
  });

  it.each([
    ['no outcome', look(0, 0), 'wait', '0 of 20 tasks seen'],
    ['no outcome at the deadline', look(0, 0, { now: 100 }), 'pause', 'no verdict within the time: 0 of 20'],
    ['no outcome of a ramp that wants none', look(0, 0, { purpose: 'ramp', minRuns: 0 }), 'wait', '0 of 1'],
    ['enough for a ramp', look(20, 3, { purpose: 'ramp' }), 'promote', 'nothing was proved against it in 20'],
    [
      'a ramp whose time is not over',
      look(20, 3, { purpose: 'ramp', notBefore: 60 }),
      'wait',
      'its time is not over',
    ],
    ['too little for promotion', look(20, 3), 'wait', 'failed: '],
    ['enough for promotion', look(60, 2), 'promote', 'sure to be within the margin'],
    ['far too many failures', look(10, 9), 'abort', 'failed in 9 of 10 tasks: worse than'],
    ['failures and the deadline', look(10, 9, { now: 200 }), 'abort', 'failed in 9 of 10'],
    ['nothing known of the incumbent', look(0, 0, { metrics: [] }), 'pause', 'too little is known'],
    [
      'a wrong split',
      look(60, 2, { split: { candidate: 60, incumbent: 60, share: 0.05 } }),
      'pause',
      'instead of 5.0 %',
    ],
    [
      'a violation',
      look(60, 2, { sighted: { policyViolations: 2, costUsd: 0, crashes: [] } }),
      'abort',
      'violated 2 times',
    ],
    [
      'a crash loop',
      look(60, 2, { sighted: { policyViolations: 0, costUsd: 0, crashes: [1, 2, 3] } }),
      'abort',
      'crashed 3 times',
    ],
    [
      'a kill switch',
      look(0, 0, { sighted: { policyViolations: 0, costUsd: 0, crashes: [], switchedOff: 'fire' } }),
      'abort',
      'switched off: fire',
    ],
  ] as const)('with %s', (_what, given, decision, reason) => {
    const judged = judgeCanary(given);
    expect(judged.decision).toBe(decision);
    expect(judged.reason).toContain(reason);
  });

  it('takes what both do at the same time into account, as a quarter of the evidence', () => {
    const alone = look(12, 5);
    const beside = { blocks: 12, ratio: 1, candidateBad: 12, incumbentBad: 0 };
    const [metric] = alone.metrics;
    if (!metric) throw new Error('one metric is looked at');
    const both = { ...alone, metrics: [{ ...metric, beside }] };
    expect(judgeCanary(alone).decision).toBe('wait');
    expect(judgeCanary(both).decision).toBe('abort');
    const value = (of: CanaryLook) => judgeCanary(of).report[0]?.abort.value ?? NaN;
    expect(value(both)).toBeCloseTo(0.75 * value(alone) + 0.25 * Math.exp(logTwoSample(beside)));
  });

  it('ends at a cost cap', () => {
    const rules = { ...CANARY_RULES, tripwires: { ...CANARY_RULES.tripwires, costCapUsd: 5 } };
    const sighted = { policyViolations: 0, costUsd: 5.01, crashes: [] };
    expect(judgeCanary(look(60, 2, { sighted }), rules)).toMatchObject({ decision: 'abort' });
  });

  it('reports metric, threshold, value and the runs still needed', () => {
    const [line] = judgeCanary(look(20, 3)).report;
    expect(line).toMatchObject({ metric: 'failed', runs: 20, bad: 3 });
    expect(line?.abort).toMatchObject({ threshold: 20, above: setting.abortAbove });
    expect(line?.promote.runsNeeded).toBeGreaterThan(0);
  });
});

it('has the characteristics that docs/canary.md promises, recomputed', () => {
  const document = readFileSync(join(__dirname, '../../../docs/canary.md'), 'utf8');
  const rows = SCENARIOS.map((s) => characteristicsOf(s));
  expect(document).toContain(characteristicsTable(rows));
  const of = (name: string) => rows.find((r) => r.scenario.startsWith(name));
  expect(of('as good as the incumbent')?.aborted).toBeLessThanOrEqual(0.01);
  expect(of('bad: 50 % failures')?.aborted).toBeGreaterThanOrEqual(0.99);
  expect(of('bad: 50 % failures')?.medianToAbort).toBeLessThanOrEqual(13);
  expect(CANARIES).toBeGreaterThanOrEqual(4_000);
});

it('has those of both tests together that docs/canary.md promises, recomputed', () => {
  const document = readFileSync(join(__dirname, '../../../docs/canary.md'), 'utf8');
  const rows = BESIDE_SCENARIOS.map((s) => besideCharacteristicsOf(s));
  expect(document).toContain(characteristicsTable(rows));
  const of = (name: string) => rows.filter((r) => r.scenario.startsWith(name));
  for (const { aborted } of of('as good')) expect(aborted).toBeLessThanOrEqual(0.01);
  for (const { aborted } of of('bad')) expect(aborted).toBeGreaterThanOrEqual(0.99);
  expect(of('bad').map((r) => r.medianToAbort)).toEqual([13, 12]);
});
