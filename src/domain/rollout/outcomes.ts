/**
 * Live abort: an anytime-valid test on outcomes that are yes or no. Was the task failed, did a person
 * intervene, did it cost more than the incumbent's nine in ten?
 *
 * The null hypothesis is a rate of at most q0. Against each rate q above q0 the likelihood ratio of what was seen is
 * a non-negative supermartingale that starts at 1, and so is their mean over a grid of q (Robbins 1970, "Statistical
 * methods related to the law of the iterated logarithm"). By Ville's inequality it ever reaches 1/α with
 * probability α at most, however often it is looked at.
 */
import { betaQuantile, grid, logMeanExp } from './numbers';

/** Outcomes of one metric: of `runs`, how many were `bad`. */
export interface Counts {
  runs: number;
  bad: number;
}

/** Rates above q0 that the evidence is gathered against, all alike. */
const RATES = 64;
/** A rate that nothing is left above cannot be tested. */
export const MAX_REFERENCE = 0.95;
/** Looked ahead at most, for the report. */
export const MAX_AHEAD = 10_000;

/** ln E after these outcomes; E is the evidence that the rate is above q0. */
export function logEvidence({ runs, bad }: Counts, q0: number): number {
  if (runs === 0) return 0;
  return logMeanExp(
    grid(q0, 1, RATES).map((q) => bad * Math.log(q / q0) + (runs - bad) * Math.log((1 - q) / (1 - q0))),
  );
}

/** The exact upper bound of a rate (Clopper and Pearson 1934); 1 where nothing was seen. */
export function upperBound({ runs, bad }: Counts, confidence: number): number {
  return bad >= runs ? 1 : betaQuantile(confidence, bad + 1, runs - bad);
}

/**
 * q0 for a canary: the incumbent's upper bound plus a margin, fixed before the first outcome is seen.
 * @returns undefined when too little is known of the incumbent to tell worse from it
 */
export function frozenReference(incumbent: Counts, confidence: number, margin: number): number | undefined {
  const q0 = upperBound(incumbent, confidence) + margin;
  return q0 > 0 && q0 <= MAX_REFERENCE ? q0 : undefined;
}

/** The E at which a canary is aborted: each of k metrics has its share of the errors that are allowed (Bonferroni). */
export const abortAt = (alpha: number, metrics: number): number => metrics / alpha;

/** How many runs more are needed for an abort if each of them is bad. */
export function badRunsToAbort({ runs, bad }: Counts, q0: number, threshold: number): number {
  const limit = Math.log(threshold);
  for (let more = 0; more < MAX_AHEAD; more += 1)
    if (logEvidence({ runs: runs + more, bad: bad + more }, q0) >= limit) return more;
  return MAX_AHEAD;
}
