/**
 * How often this site's results are clicked at each position, from its own rows. Published curves differ by
 * industry, device and year; the site's own results are compared with each other instead. The median is
 * taken, because a few queries for a brand would pull an average far up.
 */
import type { Search } from '../schema';
import { groupBy, median, type Pair } from './rows';

/** Rows with fewer impressions tell little; a result is compared with five others at least. */
const LIMITS = { impressions: 50, rows: 6, positions: 20, widest: 2 };

export interface Curve {
  points: Search['ctrCurve'];
  /** Rate to expect at a position; undefined when the site has too few results around it. */
  expected(position: number): number | undefined;
}

export function curveOf(pairs: readonly Pair[]): Curve {
  const telling = pairs.filter(({ impressions }) => impressions >= LIMITS.impressions);
  const byPosition = groupBy(telling, ({ position }) => String(Math.round(position)));
  const around = (position: number, width: number): Pair[] =>
    Array.from(
      { length: 2 * width + 1 },
      (_, n) => byPosition.get(String(position - width + n)) ?? [],
    ).flat();
  const rate = (found: readonly Pair[]): number | undefined =>
    found.length < LIMITS.rows ? undefined : median(found.map((pair) => pair.clicks / pair.impressions));
  const known = new Map<number, number | undefined>();
  const nearest = (position: number): number | undefined => {
    for (let width = 0; width <= LIMITS.widest; width++) {
      const ctr = rate(around(position, width));
      if (ctr !== undefined) return ctr;
    }
    return undefined;
  };
  return {
    points: Array.from({ length: LIMITS.positions }, (_, n) => n + 1).flatMap((position) => {
      const found = around(position, 0);
      const ctr = rate(found);
      return ctr === undefined ? [] : [{ position, ctr, rows: found.length }];
    }),
    expected(position) {
      const rounded = Math.round(position);
      if (!known.has(rounded)) known.set(rounded, nearest(rounded));
      return known.get(rounded);
    },
  };
}
