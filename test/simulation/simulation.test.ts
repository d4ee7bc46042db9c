import { CAMPAIGN } from './campaign';
import { simulate, type SimulationReport } from './simulate';

describe('the whole engine under a virtual clock with faults at every port', () => {
  it('keeps every invariant while runs crowd', async () => {
    const report = await simulate({ seed: 1, hours: 0.5, runsPerHour: 200, faultRate: 0.05 });
    expect(report.violations).toEqual([]);
    expect(report.runs).toBeGreaterThanOrEqual(90);
    expect(report.succeeded / report.runs).toBeGreaterThan(0.5);
    expect(Math.min(report.flow.ranked, report.flow.fired, report.flow.debounced)).toBeGreaterThan(3);
  }, 900_000);

  it('gives the same trace for the same seed, and another for another', async () => {
    const options = { ...CAMPAIGN, seed: 42, hours: 10, runsPerHour: 2, keepTrace: true };
    const first = await simulate(options);
    expect(first.lines.length).toBeGreaterThan(100);
    expect(await simulate(options)).toEqual(first);
    expect((await simulate({ ...options, seed: 43 })).trace).not.toBe(first.trace);
  }, 900_000);

  it('succeeds with every run when nothing fails', async () => {
    const report = await simulate({ seed: 7, hours: 1, runsPerHour: 40, faultRate: 0 });
    expect(report.violations).toEqual([]);
    expect(report.strikes).toBe(0);
    // A few are cancelled on purpose.
    expect(report.succeeded / report.runs).toBeGreaterThan(0.85);
  }, 900_000);

  it('keeps pointers and runs right while people roll out, abort, roll back and switch off', async () => {
    const options = { hours: 0.5, runsPerHour: 120, faultRate: 0.05, cron: CAMPAIGN.cron, releases: true };
    const reports = [await simulate({ ...options, seed: 8 }), await simulate({ ...options, seed: 9 })];
    expect(reports.flatMap((r) => r.violations)).toEqual([]);
    const sum = (of: (r: SimulationReport) => number) => reports.reduce((n, r) => n + of(r), 0);
    expect(sum((r) => r.succeeded) / sum((r) => r.runs)).toBeGreaterThan(0.7);
    expect(sum((r) => r.rollouts.done)).toBeGreaterThan(3);
    expect(sum((r) => r.rollouts.rolledBack)).toBeGreaterThan(3);
    expect(sum((r) => r.failovers)).toBeGreaterThan(2);
  }, 900_000);
});
