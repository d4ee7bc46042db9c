/** Long campaigns for the test suite and the command line: bursts of work, and the quiet hours between them. */
import type { Fault } from './faults';
import { simulate, type SimulationReport } from './simulate';

export const CAMPAIGN = {
  hours: 125,
  runsPerHour: 0.2,
  burst: 15,
  faultRate: 0.1,
  /** Twice a day; one of them is the hour that clocks are changed in. */
  cron: '30 2,14 * * *',
} as const;

export interface Totals {
  hours: number;
  runs: number;
  succeeded: number;
  proved: number;
  flow: SimulationReport['flow'];
  violations: string[];
  hits: Map<Fault, number>;
}

/** Simulates one seed after the other. */
export async function runSeeds(first: number, count: number): Promise<Totals> {
  const totals: Totals = {
    ...{ hours: 0, runs: 0, succeeded: 0, proved: 0, violations: [], hits: new Map() },
    flow: { ranked: 0, fired: 0, debounced: 0 },
  };
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await simulate({ ...CAMPAIGN, seed });
    totals.hours += CAMPAIGN.hours;
    totals.runs += report.runs;
    totals.succeeded += report.succeeded;
    totals.proved += report.proved;
    for (const kind of ['ranked', 'fired', 'debounced'] as const) totals.flow[kind] += report.flow[kind];
    totals.violations.push(...report.violations.map((violation) => `seed ${seed} ${violation}`));
    addHits(totals.hits, report);
  }
  return totals;
}

export function addHits(sum: Map<Fault, number>, { hits }: Pick<SimulationReport, 'hits'>): void {
  for (const [fault, n] of Object.entries(hits)) sum.set(fault as Fault, (sum.get(fault as Fault) ?? 0) + n);
}
