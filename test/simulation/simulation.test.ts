import { FAULTS } from './faults';
import { simulate } from './simulate';

describe('the whole engine under a virtual clock with faults at every port', () => {
  it('keeps every invariant over a thousand runs, and hits every fault', async () => {
    const hits = new Map<string, number>();
    let runs = 0;
    let succeeded = 0;
    for (const seed of [1, 2, 3, 4, 5]) {
      const report = await simulate({ seed, hours: 3, runsPerHour: 50, faultRate: 0.05 });
      expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
      runs += report.runs;
      succeeded += report.succeeded;
      for (const [fault, n] of Object.entries(report.hits)) hits.set(fault, (hits.get(fault) ?? 0) + n);
    }
    expect(runs).toBeGreaterThanOrEqual(1_000);
    expect(succeeded / runs).toBeGreaterThan(0.5);
    expect(FAULTS.filter((fault) => !hits.has(fault))).toEqual([]);
  }, 180_000);

  it('gives the same trace for the same seed', async () => {
    const options = { seed: 42, hours: 1, runsPerHour: 40, faultRate: 0.1 };
    expect(await simulate(options)).toEqual(await simulate(options));
  });

  it('succeeds with every run when nothing fails', async () => {
    const report = await simulate({ seed: 7, hours: 1, runsPerHour: 40, faultRate: 0 });
    expect(report.violations).toEqual([]);
    // A few are cancelled on purpose.
    expect(report.succeeded / report.runs).toBeGreaterThan(0.85);
  });
});
