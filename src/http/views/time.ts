/** Epoch milliseconds as the API shows them. */
export const iso = (at: number): string => new Date(at).toISOString();

/** Null where it is not reached yet, or not known. */
export const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : iso(at));

/** The time between two moments, null while one is missing. Clocks of two machines may differ: never negative. */
export const between = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : Math.max(0, to - from);
