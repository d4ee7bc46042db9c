/** Compares what an incumbent delivered with what a candidate delivered for the same task, without effect. */
import { judgePairs, PAIRED_RULES, type PairedJudgement, type PairedRules, type Pairs } from './paired';
import type { Comparison } from './strategy';
import { differencesOf, EXACT, type Tolerance } from './tolerance';
import type { VerdictKind } from './verdict';

export interface Delivery {
  ok: boolean;
  output: Readonly<Record<string, unknown>>;
  durationMs: number;
  costUsd: number;
}

export interface DeliveredPair {
  incumbent: Delivery;
  candidate: Delivery;
}

/** How much longer or dearer counts: a quarter, beyond what measuring alone makes of it. */
const FACTOR = 1.25;
const SLACK = { durationMs: 50, costUsd: 0.000_1 } as const;
const PLACES = 5;

export interface Compared {
  what: Comparison;
  judgement: PairedJudgement;
  pairs: Pairs;
  /** Where outputs differ, most frequent first. */
  places: string[];
}

export interface ComparisonRules extends PairedRules {
  /** What outputs may differ in. */
  tolerance: Tolerance;
}

export const COMPARISON_RULES: ComparisonRules = { ...PAIRED_RULES, tolerance: EXACT };

export function compareAll(
  pairs: readonly DeliveredPair[],
  what: readonly Comparison[],
  rules: ComparisonRules = COMPARISON_RULES,
): Compared[] {
  return what.map((comparison) => {
    const places = new Map<string, number>();
    const counts: Pairs = { worse: 0, better: 0, same: 0 };
    for (const pair of pairs) counts[sideOf(pair, comparison, places, rules.tolerance)] += 1;
    const frequent = [...places].sort((a, b) => b[1] - a[1]).map(([place]) => place);
    return {
      what: comparison,
      judgement: judgePairs(counts, rules),
      pairs: counts,
      places: frequent.slice(0, PLACES),
    };
  });
}

/** Whether the task was done at all, by whom: what a canary takes from copies that were done before it. */
export function outcomesOf(pairs: readonly DeliveredPair[]): Pairs {
  const counts: Pairs = { worse: 0, better: 0, same: 0 };
  for (const { incumbent, candidate } of pairs)
    counts[incumbent.ok === candidate.ok ? 'same' : candidate.ok ? 'better' : 'worse'] += 1;
  return counts;
}

/** Slower and dearer fail when that is proved; only what is delivered has to be proved to be as good. */
export function verdictOf(compared: readonly Compared[]): { verdict: VerdictKind; reason: string } {
  const worse = compared.filter((c) => c.judgement.verdict === 'fail');
  const words = (list: readonly Compared[]) => list.map(sentenceOf).join('; ');
  if (worse.length > 0) return { verdict: 'fail', reason: words(worse) };
  const open = compared.filter((c) => c.what === 'output_equivalence' && c.judgement.verdict !== 'pass');
  if (open.length > 0) return { verdict: 'inconclusive', reason: words(open) };
  const seen = compared.every((c) => c.judgement.pairs > 0);
  return { verdict: seen ? 'pass' : 'inconclusive', reason: words(compared) };
}

const NAMES: Record<Comparison, string> = {
  output_equivalence: 'delivered something else',
  performance_metrics: 'took longer',
  resource_usage: 'cost more',
};

function sentenceOf({ what, pairs, places, judgement }: Compared): string {
  const { worse, better, same } = pairs;
  const where = places.length === 0 ? '' : `, at ${places.join(', ')}`;
  const more =
    judgement.verdict === 'inconclusive' && judgement.pairsNeeded !== undefined
      ? `; about ${judgement.pairsNeeded} pairs more are needed`
      : '';
  return `the candidate ${NAMES[what]} in ${worse} of ${worse + better + same} tasks${where}${more}`;
}

function sideOf(
  { incumbent, candidate }: DeliveredPair,
  what: Comparison,
  places: Map<string, number>,
  tolerance: Tolerance,
): keyof Pairs {
  if (what !== 'output_equivalence') {
    // What fails is soon done with.
    if (!incumbent.ok || !candidate.ok) return 'same';
    const figure = what === 'performance_metrics' ? 'durationMs' : 'costUsd';
    const [was, is] = [incumbent[figure], candidate[figure]];
    if (is > was * FACTOR + SLACK[figure]) return 'worse';
    return was > is * FACTOR + SLACK[figure] ? 'better' : 'same';
  }
  if (incumbent.ok !== candidate.ok) return candidate.ok ? 'better' : 'worse';
  if (!incumbent.ok) return 'same';
  const differences = differencesOf(incumbent.output, candidate.output, tolerance);
  for (const place of differences) places.set(place, (places.get(place) ?? 0) + 1);
  return differences.length === 0 ? 'same' : 'worse';
}
