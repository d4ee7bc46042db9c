/**
 * Candidate against incumbent at the same time, where the candidate gets enough of the work: what changes for both
 * (a slow day of a provider) then counts against neither.
 *
 * Outcomes are taken in blocks of one task of the candidate and `ratio` of the incumbent. For rates a > b the
 * likelihood of a block under (a, b), divided by that under their weighted mean for both, is an e-variable for
 * "the candidate's rate is not above the incumbent's" (Turner, Ly and Grünwald 2024, "Generic E-variables for exact
 * sequential k-sample tests that allow for optional stopping"): the product over blocks may be looked at after each.
 */
import { grid, logMeanExp } from './numbers';

/** Outcomes in blocks: `candidateBad` of `blocks`, and `incumbentBad` of `blocks × ratio`. */
export interface Blocks {
  blocks: number;
  ratio: number;
  candidateBad: number;
  incumbentBad: number;
}

const RATES = 24;

/** ln of what a task brings under a pair of rates, against under their mean for both: of each side, bad and good. */
interface Terms {
  mine: readonly [bad: number, good: number];
  theirs: readonly [bad: number, good: number];
}

function termsOf(ratio: number): Terms[] {
  const rates = grid(0, 1, RATES);
  const against = (rate: number, both: number) =>
    [Math.log(rate / both), Math.log((1 - rate) / (1 - both))] as const;
  return rates.flatMap((a) =>
    rates
      .filter((b) => b < a)
      .map((b) => {
        const both = (a + ratio * b) / (1 + ratio);
        return { mine: against(a, both), theirs: against(b, both) };
      }),
  );
}

/** ln E that the candidate's rate is above the incumbent's, for any number of blocks of one ratio. */
export function twoSample(ratio: number): (seen: Omit<Blocks, 'ratio'>) => number {
  const terms = termsOf(ratio);
  return ({ blocks, candidateBad, incumbentBad }) =>
    logMeanExp(
      terms.map(
        ({ mine, theirs }) =>
          candidateBad * mine[0] +
          (blocks - candidateBad) * mine[1] +
          incumbentBad * theirs[0] +
          (blocks * ratio - incumbentBad) * theirs[1],
      ),
    );
}

/** ln E that the candidate's rate is above the incumbent's. */
export const logTwoSample = ({ ratio, ...seen }: Blocks): number =>
  seen.blocks === 0 ? 0 : twoSample(ratio)(seen);

/**
 * Puts outcomes into blocks in the order they came; `true` is bad. What does not fill a block waits for the next look.
 * @param ratio tasks of the incumbent in a block, a whole number fixed before the first outcome
 */
export function inBlocks(
  candidate: readonly boolean[],
  incumbent: readonly boolean[],
  ratio: number,
): Blocks {
  const blocks = Math.min(candidate.length, Math.floor(incumbent.length / ratio));
  const bad = (outcomes: readonly boolean[]) => outcomes.filter(Boolean).length;
  return {
    blocks,
    ratio,
    candidateBad: bad(candidate.slice(0, blocks)),
    incumbentBad: bad(incumbent.slice(0, blocks * ratio)),
  };
}
