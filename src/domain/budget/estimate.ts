/** What a step may cost before it is known: what is set aside for it. */
import { capsuleCost, ofUsd } from '../cost/money';

/** Fewer jobs say nothing about the next. */
export const MIN_LEARNED = 5;

/** What the last jobs of an agent cost (money) and how long they took (milliseconds). */
export interface Learned {
  costs: readonly bigint[];
  ms: readonly number[];
}

export interface EstimateInput {
  /** By the step, or else by its agent; US dollars. */
  maxCostUsd?: number | undefined;
  /** US dollars per replica-hour. */
  price?: number | undefined;
  timeoutMs: number;
  learned?: Learned | undefined;
}

/**
 * What models and actions may cost: what is declared, or else what 95 of 100 such jobs stayed below. And the
 * capsule's time at its price: as long as 95 of 100 took, or else until the step's time limit.
 */
export function estimate({ maxCostUsd, price = 0, timeoutMs, learned }: EstimateInput): bigint {
  const cost = maxCostUsd === undefined ? (p95(learned?.costs ?? []) ?? 0n) : ofUsd(maxCostUsd);
  const ms = Math.min(timeoutMs, p95(learned?.ms ?? []) ?? timeoutMs);
  return cost + capsuleCost(price, Math.ceil(ms));
}

/** The value that 95 of 100 do not exceed; undefined where too few are known. */
export function p95<T extends bigint | number>(values: readonly T[]): T | undefined {
  if (values.length < MIN_LEARNED) return undefined;
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
}
