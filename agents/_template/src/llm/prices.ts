/**
 * List prices in US dollars per million tokens, standard tier. Each table names its date and source;
 * LLM_PRICES adds to them and overrides them. Whoever changes a price changes the date.
 */
import type { Tokens } from './types';

/** US dollars per million tokens; cache writes are those kept for five minutes. */
export interface Rates {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

export interface Price extends Rates {
  /** Other rates for the whole request when its input has more tokens than this. */
  above?: Rates & { tokens: number };
}

const rates = (input: number, output: number, cacheRead: number, cacheWrite: number): Rates => ({
  input,
  output,
  cacheRead,
  cacheWrite,
});

/** OpenAI bills a request of more than 272,000 input tokens at twice the input and 1.5 times the output rates. */
function openai(input: number, output: number, cacheRead: number, cacheWrite = input): Price {
  const long = rates(2 * input, 1.5 * output, 2 * cacheRead, 2 * cacheWrite);
  return { ...rates(input, output, cacheRead, cacheWrite), above: { tokens: 272_000, ...long } };
}

export interface PriceTable {
  /** Date at which the prices were looked up. */
  asOf: string;
  source: string;
  models: Readonly<Record<string, Price>>;
}

export const PRICES: Readonly<Record<'anthropic' | 'openai', PriceTable>> = {
  anthropic: {
    asOf: '2026-11-10',
    source: 'https://platform.claude.com/docs/en/about-claude/pricing',
    models: {
      'claude-fable-5-2': rates(8, 40, 0.2, 10),
      'claude-mythos-5-2': rates(8, 40, 0.2, 10),
      'claude-fable-5-1': rates(10, 50, 0.25, 12.5),
      'claude-mythos-5-1': rates(10, 50, 0.25, 12.5),
      'claude-fable-5': rates(10, 50, 1, 12.5),
      'claude-mythos-5': rates(10, 50, 1, 12.5),
      'claude-opus-5-5': rates(4, 20, 0.2, 5),
      'claude-opus-5': rates(5, 25, 0.5, 6.25),
      'claude-opus-4-8': rates(5, 25, 0.5, 6.25),
      'claude-opus-4-7': rates(5, 25, 0.5, 6.25),
      'claude-opus-4-6': rates(5, 25, 0.5, 6.25),
      'claude-opus-4-5': rates(5, 25, 0.5, 6.25),
      'claude-sonnet-5-5': rates(2, 10, 0.1, 2.5),
      'claude-sonnet-5': rates(2, 10, 0.2, 2.5),
      'claude-sonnet-4-6': rates(3, 15, 0.3, 3.75),
      'claude-haiku-5-5': {
        ...rates(0.1, 0.5, 0.01, 0.125),
        above: { tokens: 100_000, ...rates(0.5, 2.5, 0.05, 0.625) },
      },
      'claude-haiku-4-5': rates(1, 5, 0.1, 1.25),
    },
  },
  openai: {
    asOf: '2026-10-13',
    source: 'https://developers.openai.com/api/docs/pricing',
    models: {
      'gpt-6-astra': openai(10, 50, 1, 12.5),
      'gpt-6.1-sol': openai(2, 10, 0.1, 2.5),
      'gpt-6-sol': openai(2, 10, 0.2, 2.5),
      'gpt-6-luna': openai(0.1, 0.5, 0.01, 0.125),
      'gpt-5.6-sol': openai(4, 20, 0.4, 5),
      'gpt-5.6-terra': openai(2, 12, 0.2, 2.5),
      'gpt-5.6-luna': openai(0.2, 1.2, 0.02, 0.25),
      'gpt-5.5': openai(5, 30, 0.5),
      'gpt-5.4': openai(2.5, 15, 0.25),
      'gpt-5.4-mini': openai(0.75, 4.5, 0.075),
      'gpt-5.4-nano': openai(0.2, 1.25, 0.02),
    },
  },
};

/** What may follow a model's name without making it another model: a date, as in `-20251001` or `-2026-09-29`. */
const SNAPSHOT = /-(?:\d{8}|\d{4}-\d{2}-\d{2})$/;

/** The price of a model, or undefined: `claude-sonnet-5-6` is not taken for `claude-sonnet-5`. */
export function priceOf(
  family: 'anthropic' | 'openai',
  model: string,
  own: Readonly<Record<string, Price>>,
): Price | undefined {
  const base = model.replace(SNAPSHOT, '');
  const listed = PRICES[family].models;
  return own[`${family}:${model}`] ?? own[`${family}:${base}`] ?? listed[model] ?? listed[base];
}

/** US dollars, to the billionth. */
export function costOf(tokens: Tokens, price: Price): number {
  const { input, output, cacheRead, cacheWrite } = tokens;
  const rate = price.above && input > price.above.tokens ? price.above : price;
  const uncached = Math.max(0, input - cacheRead - cacheWrite);
  const micros =
    uncached * rate.input + cacheRead * rate.cacheRead + cacheWrite * rate.cacheWrite + output * rate.output;
  return Math.round(micros * 1000) / 1e9;
}
