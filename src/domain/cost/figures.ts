/** What is added up: replica-milliseconds by kind, tokens, and money (in the units of `money.ts`). */
export const KINDS = ['bootMs', 'prewarmMs', 'workMs', 'lingerMs', 'drainMs'] as const;
export type Kind = (typeof KINDS)[number];
export type Milliseconds = Record<Kind, number>;

export interface Figures extends Milliseconds {
  /** The part of the milliseconds that did no work for anybody: see {@link wasted}. */
  wastedMs: number;
  /** The part whose agent had no price. */
  unpricedMs: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  capsuleCost: bigint;
  modelCost: bigint;
}

export const NOTHING: Milliseconds = { bootMs: 0, prewarmMs: 0, workMs: 0, lingerMs: 0, drainMs: 0 };

export const NO_FIGURES: Figures = {
  ...NOTHING,
  wastedMs: 0,
  unpricedMs: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  capsuleCost: 0n,
  modelCost: 0n,
};

export function add(a: Figures, b: Figures): Figures {
  const sum = { ...a };
  for (const key of NUMBERS) sum[key] += b[key];
  for (const key of MONEYS) sum[key] += b[key];
  return sum;
}

export const NUMBERS = [
  ...KINDS,
  'wastedMs',
  'unpricedMs',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
] as const;
export const MONEYS = ['capsuleCost', 'modelCost'] as const;

export const billed = (ms: Milliseconds): number => KINDS.reduce((sum, kind) => sum + ms[kind], 0);

/**
 * Boot, linger and drain; and prewarming that no step came for. Where one came, being warm is what it
 * was bought for.
 */
export const wasted = (ms: Milliseconds, used: boolean): number =>
  ms.bootMs + ms.lingerMs + ms.drainMs + (used ? 0 : ms.prewarmMs);
