/** What a verdict rests on: tasks that were seen, deliveries that were compared, a release that was read. */
import { releaseId, sha256, type ReleaseManifest } from '../../../src/domain/release/manifest';
import { checkRelease, holdsSecret } from '../../../src/domain/release/static-check';
import { CANARY_RULES } from '../../../src/domain/rollout/canary';
import { compareAll, verdictOf, type DeliveredPair } from '../../../src/domain/rollout/compare-work';
import { besideOf, countOf, frozenOf, sightedOf, type TaskSeen } from '../../../src/domain/rollout/seen';
import type { Condition } from '../../../src/domain/rollout/strategy';

const task = (more: Partial<TaskSeen> = {}): TaskSeen => ({
  ...{ ok: true, costUsd: 1, durationMs: 100, at: 1 },
  ...more,
});
const many = (n: number, more: (i: number) => Partial<TaskSeen> = () => ({})): TaskSeen[] =>
  Array.from({ length: n }, (_, i) => task(more(i)));
const LATENCY: Condition = {
  ...{ kind: 'quantile', metric: 'latency', quantile: 0.99, above: 150 },
  text: 'p99_latency > 150ms',
};

describe('the metrics of a canary', () => {
  it('are frozen from what is known of the incumbent, with the limits of the strategy', () => {
    const incumbent = many(40, (i) => ({ ok: i % 10 !== 0, costUsd: i < 38 ? 1 : 9 }));
    const frozen = frozenOf(incumbent, [LATENCY], CANARY_RULES, 7);
    expect(frozen).toMatchObject({ since: 7, costlyAbove: 1 });
    expect(frozen.metrics.map((m) => m.metric)).toEqual(['failed', 'intervened', 'costly', LATENCY.text]);
    expect(frozen.metrics[0]?.expected).toBeCloseTo(0.1);
    expect(frozen.metrics[3]?.abortAbove).toBeCloseTo(0.01);
  });

  it('are none where nothing is known: that is no pass', () => {
    expect(frozenOf([], [LATENCY], CANARY_RULES, 7).metrics).toEqual([]);
  });

  it('count what is bad in each', () => {
    const seen = [task({ ok: false }), task({ intervened: true, costUsd: 3 }), task({ durationMs: 151 })];
    const bad = (metric: string) => countOf(metric, seen, { costlyAbove: 2 }, [LATENCY]);
    expect(bad('failed')).toEqual({ runs: 3, bad: 1 });
    expect(bad('intervened').bad).toBe(1);
    expect(bad('costly').bad).toBe(1);
    expect(bad(LATENCY.text).bad).toBe(1);
    expect(sightedOf([task({ crashed: true, at: 5 }), task({ violated: true })], 'off')).toMatchObject({
      ...{ costUsd: 2, crashes: [5], switchedOff: 'off', policyViolations: 1 },
    });
  });

  it('are set beside what the incumbent did at the same time, in the order of time', () => {
    const candidate = [task({ at: 3 }), task({ at: 1, ok: false }), task({ at: 2 })];
    const incumbent = many(7, (i) => ({ at: 9 - i, ok: i !== 6 }));
    const beside = (weight: number) => besideOf('failed', { candidate, incumbent, weight }, {});
    expect(beside(25)).toEqual({ blocks: 2, ratio: 3, candidateBad: 1, incumbentBad: 1 });
    expect(beside(50)).toEqual({ blocks: 3, ratio: 1, candidateBad: 1, incumbentBad: 1 });
    expect(beside(19)).toBeUndefined();
    expect(besideOf('failed', { candidate: [], incumbent, weight: 50 }, {})?.blocks).toBe(0);
  });
});

describe('a comparison', () => {
  const delivery = { ok: true, output: { total: 5, name: 'x' }, durationMs: 100, costUsd: 0.5 };
  const pairs = (n: number, candidate: Partial<typeof delivery>): DeliveredPair[] =>
    Array.from({ length: n }, () => ({ incumbent: delivery, candidate: { ...delivery, ...candidate } }));
  const ALL = ['output_equivalence', 'performance_metrics', 'resource_usage'] as const;
  const judged = (list: DeliveredPair[]) => verdictOf(compareAll(list, ALL));

  it('passes what is the same often enough, and cannot tell from little or nothing', () => {
    expect(judged(pairs(100, { output: { total: 5 + 1e-9, name: 'x' } }))).toMatchObject({ verdict: 'pass' });
    expect(judged(pairs(3, {}))).toMatchObject({ verdict: 'inconclusive' });
    expect(judged([])).toMatchObject({ verdict: 'inconclusive' });
  });

  it.each([
    [{ output: { total: 6, name: 'x' } }, 'delivered something else in 20 of 20 tasks, at total'],
    [{ ok: false }, 'delivered something else in 20 of 20 tasks'],
    [{ durationMs: 400 }, 'took longer in 20 of 20 tasks'],
    [{ costUsd: 2 }, 'cost more in 20 of 20 tasks'],
  ])('fails %j', (candidate, reason) => {
    expect(judged(pairs(20, candidate))).toEqual({ verdict: 'fail', reason: `the candidate ${reason}` });
  });
});

describe('the static gate', () => {
  const prompt = 'Be brief.';
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId: 'writer', code: { tree: 'a'.repeat(40) }, models: [], tools: [] },
    prompts: [{ path: 'prompts/a.md', sha256: sha256(prompt) }],
    ...{ permissions: ['net:example.com'], contractVersion: 1, config: {} },
  };
  const check = (m: ReleaseManifest, text = prompt, before?: ReleaseManifest) =>
    Object.fromEntries(
      checkRelease(
        { id: releaseId(m), agentId: 'writer', manifest: m, createdAt: 0, createdBy: 'key:1' },
        new Map([[sha256(prompt), text]]),
        before,
      ).map((f) => [f.check, f.verdict]),
    );

  it('passes what is whole', () => {
    expect(new Set(Object.values(check(manifest, prompt, manifest)))).toEqual(new Set(['pass']));
  });

  it('finds keys, missing parts, wider permissions and another contract', () => {
    expect(check({ ...manifest, config: { key: `sk-${'a'.repeat(30)}` } })).toMatchObject({
      secrets: 'fail',
    });
    expect(check({ ...manifest, tools: [{ name: 't', sha256: 'f'.repeat(64) }] })).toMatchObject({
      parts: 'fail',
    });
    expect(check(manifest, prompt, { ...manifest, permissions: [] })).toMatchObject({
      permissions: 'inconclusive',
    });
    expect(check({ ...manifest, contractVersion: 2 })).toMatchObject({ contract: 'fail' });
    expect(holdsSecret('the key is in the vault')).toBe(false);
  });
});
