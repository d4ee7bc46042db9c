/** How durations, shares and limits are written: `90s`, `5%`, `p99_latency > 100ms`. */
import { durationMs } from '../duration';
import {
  QUANTILE_METRICS,
  RATE_METRICS,
  type Condition,
  type QuantileMetric,
  type RateMetric,
} from './strategy';

/** The longest time anything of a rollout may take: 90 days. */
export const MAX_DURATION_MS = 90 * 86_400_000;

/** Milliseconds of a time; `instant` is 0. Undefined when it is none, or longer than a rollout may take. */
export function rolloutMs(text: unknown): number | undefined {
  if (text === 'instant') return 0;
  const ms = typeof text === 'string' ? durationMs(text) : undefined;
  return ms !== undefined && ms <= MAX_DURATION_MS ? ms : undefined;
}

/** Percent of `5%` or of the number 5: above 0, at most 100, with two decimals at most. */
export function percentOf(text: unknown): number | undefined {
  const [, number] = /^(\d{1,3}(?:\.\d{1,2})?)\s*%?$/.exec(String(text)) ?? [];
  const value = Number(number);
  return number !== undefined && value > 0 && value <= 100 ? value : undefined;
}

const RATE = new RegExp(`^(${RATE_METRICS.join('|')})_rate$`);
const QUANTILE = new RegExp(`^(?:p(50|75|90|95|99)_(${QUANTILE_METRICS.join('|')}))$`);

const SHAPES = `write ${RATE_METRICS.map((m) => `${m}_rate`).join(', ')} > 1%, or p50, p75, p90, p95 or p99 with _latency > 100ms or _cost > 0.10`;

/** A condition as `rollback_on` lists them, or what is wrong with it and how it is mended. */
export function conditionOf(text: unknown): { condition: Condition } | { problem: string } {
  const [, metric = '', limit = ''] =
    (typeof text === 'string' && text.length <= 200 && /^\s*(\S+)\s*>\s*(.*\S)\s*$/.exec(text)) || [];
  const source = String(text).trim();
  const rate = RATE.exec(metric)?.[1];
  if (rate !== undefined) {
    const above = limit.endsWith('%') ? percentOf(limit) : undefined;
    if (above === undefined || above === 100)
      return { problem: `"${limit}" is no share of tasks: write e.g. ${metric} > 1%` };
    return { condition: { kind: 'rate', metric: rate as RateMetric, above: above / 100, text: source } };
  }
  const [, quantile, figure] = QUANTILE.exec(metric) ?? [];
  if (figure === undefined) return { problem: `"${source.slice(0, 80)}" is not known here: ${SHAPES}` };
  const above = figure === 'latency' ? rolloutMs(limit) : dollars(limit);
  if (above === undefined) {
    const example = figure === 'latency' ? '100ms' : '0.10';
    return { problem: `"${limit}" is no ${figure}: write e.g. ${metric} > ${example}` };
  }
  const of = { quantile: Number(quantile) / 100, metric: figure as QuantileMetric };
  return { condition: { kind: 'quantile', ...of, above, text: source } };
}

/** `0.10`, `$0.10` or `0.10 usd`. */
export function dollars(text: string): number | undefined {
  const [, number] = /^\$?(\d{1,6}(?:\.\d{1,6})?)(?:\s*usd)?$/i.exec(text) ?? [];
  return number === undefined ? undefined : Number(number);
}
