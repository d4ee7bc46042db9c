/** Sums over rows of Search Console. Pure. */
import type { Search, SearchRow } from '../schema';

/** All rows of one query on one page together. */
export interface Pair {
  query: string;
  page?: string;
  clicks: number;
  impressions: number;
  /** Weighted by impressions. */
  position: number;
}

/** By query and page, whatever other dimensions the rows were split by; rows without a query are left out. */
export function pairsOf(rows: readonly SearchRow[]): Pair[] {
  const groups = groupBy(
    rows.filter(({ query }) => query),
    ({ query, page }) => JSON.stringify([query, page]),
  );
  return [...groups.values()].map((group) => {
    const { query = '', page } = group[0] ?? {};
    const { clicks, impressions, position } = figuresOf(group);
    return { query, ...(page && { page }), clicks, impressions, position };
  });
}

/** Sums, the rate of both, and the average position weighted by impressions. */
export function figuresOf(rows: readonly Omit<SearchRow, 'query' | 'page'>[]): Search['totals'] {
  let [clicks, impressions, weighted] = [0, 0, 0];
  for (const row of rows) {
    clicks += row.clicks;
    impressions += row.impressions;
    weighted += row.position * row.impressions;
  }
  const per = (value: number): number => (impressions > 0 ? value / impressions : 0);
  return { clicks, impressions, ctr: per(clicks), position: per(weighted) };
}

export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** Undefined for no numbers. */
export function median(numbers: readonly number[]): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** Tells queries that name the brand; case, accents, spaces and hyphens make no difference. */
export function brandTest(terms: readonly string[]): (query: string) => boolean {
  const wanted = terms.map(bare).filter((term) => term !== '');
  return (query) => {
    const text = bare(query);
    return wanted.some((term) => text.includes(term));
  };
}

function bare(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[\p{M}\s\-_.]/gu, '')
    .toLowerCase();
}
