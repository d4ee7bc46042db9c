/**
 * Does the candidate get the share of the work it was given? If not, what is compared is not the same work, and
 * no verdict can be had from it. A Bayes factor of Beta(share × n₀, (1 − share) × n₀) against the share itself,
 * valid at every look (Lindon and Malek 2022, "Anytime-valid inference for multinomial count data").
 */
import { logBeta } from './numbers';

/** How sure the alternative is that the share is near what it should be; larger finds smaller deviations later. */
const CONCENTRATION = 10;
/** A check that watches over others may rarely raise a false alarm. */
export const MISMATCH_ALPHA = 0.001;

export interface Split {
  candidate: number;
  incumbent: number;
  /** Of the candidate, 0 to 1. */
  share: number;
}

/** ln E that the split is not the one that was asked for. */
export function logMismatch({ candidate, incumbent, share }: Split): number {
  if (share <= 0) return candidate > 0 ? Infinity : 0;
  if (share >= 1) return incumbent > 0 ? Infinity : 0;
  const [a, b] = [share * CONCENTRATION, (1 - share) * CONCENTRATION];
  const under = candidate * Math.log(share) + incumbent * Math.log(1 - share);
  return logBeta(a + candidate, b + incumbent) - logBeta(a, b) - under;
}

export const isMismatched = (split: Split): boolean => logMismatch(split) >= Math.log(1 / MISMATCH_ALPHA);
