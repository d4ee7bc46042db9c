/** Totals as they are asked for: by day, workflow, agent or model, against services that are always on. */
import { add, billed, NO_FIGURES, type Figures } from './figures';
import { capsuleCost } from './money';

export const COST_GROUPS = ['day', 'workflow', 'agent', 'model'] as const;
export type CostGroup = (typeof COST_GROUPS)[number];

/** What one agent cost for one key of a grouping; of days the key is the number of the day, from 0. */
export interface CostTotal {
  key: string;
  agentId: string;
  figures: Figures;
}

export interface CostRow {
  key: string;
  figures: Figures;
  /** What the agents would have cost without sleep; absent where nobody can say. */
  alwaysOn?: bigint;
  /** Always on − what their capsules cost. */
  saved?: bigint;
}

export interface CostReport {
  rows: CostRow[];
  total: CostRow;
}

export interface ReportInput {
  by: CostGroup;
  totals: readonly CostTotal[];
  /** How many milliseconds of the calendar count: of each day by its number, or of the whole time. */
  calendarMs: { days: readonly number[]; whole: number };
  /** Present price of an agent's replica-hour, US dollars. */
  price: (agentId: string) => number | undefined;
}

/**
 * Always on is compared over the agents used in the whole time, and that have a price now. Workflows and
 * models share agents, so that no one of them can claim what was saved.
 */
export function costReport({ by, totals, calendarMs, price }: ReportInput): CostReport {
  const agents = new Map<string, Figures>();
  for (const { agentId, figures } of totals)
    agents.set(agentId, add(agents.get(agentId) ?? NO_FIGURES, figures));
  const priced = [...agents].filter(([id, figures]) => price(id) !== undefined && billed(figures) > 0);
  const ids = new Set(priced.map(([id]) => id));
  const alwaysOn = (agentIds: Iterable<string>, ms: number): bigint =>
    [...agentIds].reduce((sum, id) => sum + capsuleCost(price(id) ?? 0, ms), 0n);
  const row = (key: string, of: readonly CostTotal[], always?: bigint): CostRow => {
    const figures = of.reduce((sum, each) => add(sum, each.figures), NO_FIGURES);
    if (always === undefined) return { key, figures };
    const cost = of.filter((each) => ids.has(each.agentId)).reduce((s, e) => s + e.figures.capsuleCost, 0n);
    return { key, figures, alwaysOn: always, saved: always - cost };
  };
  const groups = new Map<string, CostTotal[]>();
  // A day on which everything slept saved the most.
  if (by === 'day')
    for (const [day, ms] of calendarMs.days.entries()) if (ms > 0) groups.set(String(day), []);
  for (const each of totals) groups.set(each.key, [...(groups.get(each.key) ?? []), each]);
  const alwaysOf = (key: string): bigint | undefined => {
    if (by === 'day' && ids.size > 0) return alwaysOn(ids, calendarMs.days[Number(key)] ?? 0);
    if (by === 'agent' && ids.has(key)) return alwaysOn([key], calendarMs.whole);
    return undefined;
  };
  return {
    rows: [...groups].map(([key, of]) => row(key, of, alwaysOf(key))),
    total: row('', totals, ids.size > 0 ? alwaysOn(ids, calendarMs.whole) : undefined),
  };
}

/** The part of the billed seconds that did no work; undefined where nothing was billed. */
export const wasteRatio = (figures: Figures): number | undefined => {
  const total = billed(figures);
  return total === 0 ? undefined : figures.wastedMs / total;
};
