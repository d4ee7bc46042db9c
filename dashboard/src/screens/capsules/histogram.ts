/** Bins of equal width: small numbers of samples, shown as they are. */
export interface Bin {
  from: number;
  to: number;
  count: number;
}

const MAX_BINS = 8;

/** @param values at least one; the highest belongs to the last bin */
export function histogram(values: readonly number[]): Bin[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const bins = high === low ? 1 : Math.min(MAX_BINS, values.length);
  const width = (high - low) / bins || 1;
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) {
    const at = Math.min(bins - 1, Math.floor((value - low) / width));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts.map((count, i) => ({ from: low + i * width, to: low + (i + 1) * width, count }));
}
