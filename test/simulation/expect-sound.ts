/** What half of the 10,000 simulated hours has to show. In two test files, so that both workers share them. */
import { runSeedsApart } from './apart';
import { FAULTS } from './faults';

const HOURS = 5_000;
/** Each kind of fault strikes at least so often. */
const LEAST_HITS = 10;

export async function expectSound(firstSeed: number, seeds: number): Promise<void> {
  const { hours, runs, succeeded, proved, flow, hits, violations } = await runSeedsApart(firstSeed, seeds);
  expect(violations).toEqual([]);
  expect(hours).toBeGreaterThanOrEqual(HOURS);
  // Not for nothing: there was work, most of it succeeded in spite of the faults, and each kind of fault struck.
  expect(runs).toBeGreaterThan(HOURS * 0.3);
  expect(succeeded / runs).toBeGreaterThan(0.7);
  expect(FAULTS.filter((fault) => (hits.get(fault) ?? 0) < LEAST_HITS)).toEqual([]);
  // Lines in which some had to wait, and bursts of which some gave way.
  expect(Math.min(flow.ranked, flow.fired, flow.debounced)).toBeGreaterThan(LEAST_HITS);
  // Quiet hours were left out, and often enough lived through to see that nothing happens in them.
  expect(proved).toBeGreaterThan(1_000);
}
