/** Bounds of the pause between two probes, in milliseconds. */
const DENSEST = 15;
const SPARSEST = 1_000;
/** Near the learned boot time no pause is longer than this. */
const NEAR = 250;

/**
 * How long to wait before the next `GET /health` of a capsule that boots, in milliseconds.
 * Dense around the learned median, sparser with the distance from it; without anything learned, in
 * proportion to the time already waited (a boot of T is noticed within about 6 % of T).
 */
export function probeInterval(elapsedMs: number, learnedMedianMs: number | undefined): number {
  if (learnedMedianMs === undefined) return clamp(elapsedMs * 0.06, DENSEST, SPARSEST);
  const distance = Math.abs(elapsedMs - learnedMedianMs);
  const near = distance <= Math.max(NEAR, learnedMedianMs / 2);
  return clamp(distance / 8, DENSEST, near ? NEAR : SPARSEST);
}

const clamp = (value: number, low: number, high: number): number =>
  Math.round(Math.min(Math.max(value, low), high));
