/**
 * Evidence from replay: each task done by both, so that only the pairs that differ count. +1 where the candidate
 * was worse, −1 where it was better.
 *
 * Worse at all: among discordant pairs the share of "worse" is at most a half (McNemar's hypothesis), tested as a
 * rate against one half at every look. Within the margin: the mean of the differences is below `margin`, tested by
 * betting against its being at least that (Waudby-Smith and Ramdas 2023, "Estimating means of bounded random
 * variables by betting"): a stake λ pays 1 + λ (margin − d), never below zero, on average at most 1 if the mean
 * is `margin` or more; the capital is the mean over a grid of stakes.
 */
import { grid, logMeanExp } from './numbers';
import { logEvidence } from './outcomes';

export interface Pairs {
  /** Pairs in which the candidate was worse, better, and neither. */
  worse: number;
  better: number;
  same: number;
}

export interface PairedRules {
  /** Chance of a false alarm at most, over all looks; and of a false pass. */
  alpha: number;
  /** How much worse is still as good: of all tasks, the share done worse less the share done better. */
  margin: number;
}

export const PAIRED_RULES: PairedRules = { alpha: 0.05, margin: 0.05 };

const STAKES = 32;

/** ln E that the candidate is worse. */
export const logWorse = ({ worse, better }: Pairs): number =>
  logEvidence({ runs: worse + better, bad: worse }, 0.5);

/** ln E that the candidate is within the margin. */
export function logWithin({ worse, better, same }: Pairs, margin: number): number {
  const stakes = grid(0, 1 / (1 - margin), STAKES);
  return logMeanExp(
    stakes.map(
      (stake) =>
        worse * Math.log1p(stake * (margin - 1)) +
        better * Math.log1p(stake * (margin + 1)) +
        same * Math.log1p(stake * margin),
    ),
  );
}

export interface PairedJudgement {
  verdict: 'pass' | 'fail' | 'inconclusive';
  /** E of each side; a side is proved at `threshold`. */
  worse: number;
  within: number;
  threshold: number;
  pairs: number;
  /** Pairs without a difference that would still be needed for a pass. */
  pairsNeeded: number | undefined;
}

const MAX_PAIRS_AHEAD = 10_000;

/** Judges the pairs so far; may be asked after each. No pairs are neither pass nor fail. */
export function judgePairs(pairs: Pairs, rules: PairedRules = PAIRED_RULES): PairedJudgement {
  const threshold = 1 / rules.alpha;
  const [worse, within] = [Math.exp(logWorse(pairs)), Math.exp(logWithin(pairs, rules.margin))];
  const verdict = worse >= threshold ? 'fail' : within >= threshold ? 'pass' : 'inconclusive';
  const count = pairs.worse + pairs.better + pairs.same;
  return { verdict, worse, within, threshold, pairs: count, pairsNeeded: pairsNeeded(pairs, rules) };
}

function pairsNeeded(pairs: Pairs, { alpha, margin }: PairedRules): number | undefined {
  const enough = (more: number): boolean =>
    logWithin({ ...pairs, same: pairs.same + more }, margin) >= Math.log(1 / alpha);
  let [low, high] = [-1, 1];
  while (!enough(high)) {
    low = high;
    high *= 2;
    if (high > MAX_PAIRS_AHEAD) return undefined;
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
