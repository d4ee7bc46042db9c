/**
 * Promotion is a test of its own: that nothing was proved against a candidate is no proof for it. The rate of a
 * candidate is taken to be distributed as Beta(bad + ½, good + ½), Jeffreys' prior with what was seen; it passes
 * when it is at most the limit with a minimum probability. What repeated looks do to the errors is simulated
 * (docs/canary.md).
 */
import { betaCdf } from './numbers';
import { MAX_AHEAD, type Counts } from './outcomes';

/** P(rate ≤ limit), after what was seen. Without any outcome there is no probability: 0. */
export const probabilityWithin = ({ runs, bad }: Counts, limit: number): number =>
  runs === 0 ? 0 : betaCdf(limit, bad + 0.5, runs - bad + 0.5);

/**
 * How many more runs are needed for a pass if they turn out bad at `rate`; `undefined` when no number the search
 * goes up to would do.
 */
export function runsToPass(
  { runs, bad }: Counts,
  goal: { limit: number; probability: number; rate: number },
): number | undefined {
  const passes = (more: number): boolean =>
    probabilityWithin({ runs: runs + more, bad: bad + more * goal.rate }, goal.limit) >= goal.probability;
  if (runs > 0 && passes(0)) return 0;
  let high = 1;
  while (!passes(high)) {
    high *= 2;
    if (high > MAX_AHEAD) return undefined;
  }
  let low = high >> 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}
