/** Compares what an incumbent delivered with what a candidate delivered for the same task, without effect. */
import { diffValues, DIFF_LIMITS } from '../diff';
import { judgePairs, type PairedJudgement, type Pairs } from './paired';
import type { Comparison } from './strategy';
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
/** Numbers this near count as the same, as a share of the larger. */
const TOLERANCE = 1e-6;
const PLACES = 5;

export interface Compared {
  what: Comparison;
  judgement: PairedJudgement;
  pairs: Pairs;
  /** Where outputs differ, most frequent first. */
  places: string[];
}

export function compareAll(pairs: readonly DeliveredPair[], what: readonly Comparison[]): Compared[] {
  return what.map((comparison) => {
    const places = new Map<string, number>();
    const counts: Pairs = { worse: 0, better: 0, same: 0 };
    for (const pair of pairs) counts[sideOf(pair, comparison, places)] += 1;
    const frequent = [...places].sort((a, b) => b[1] - a[1]).map(([place]) => place);
    return {
      what: comparison,
      judgement: judgePairs(counts),
      pairs: counts,
      places: frequent.slice(0, PLACES),
    };
  });
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
): keyof Pairs {
  if (what !== 'output_equivalence') {
    const figure = what === 'performance_metrics' ? 'durationMs' : 'costUsd';
    const [was, is] = [incumbent[figure], candidate[figure]];
    if (is > was * FACTOR + SLACK[figure]) return 'worse';
    return was > is * FACTOR + SLACK[figure] ? 'better' : 'same';
  }
  if (incumbent.ok !== candidate.ok) return candidate.ok ? 'better' : 'worse';
  if (!incumbent.ok) return 'same';
  const changes = diffValues(incumbent.output, candidate.output, DIFF_LIMITS).listed.filter(
    (c) => !isNear(c.old, c.new),
  );
  for (const { path } of changes) {
    const place = path.join('.') || 'the output';
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  return changes.length === 0 ? 'same' : 'worse';
}

const isNear = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' &&
  typeof b === 'number' &&
  Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
