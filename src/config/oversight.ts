/** The part of the configuration that says what agents may do without asking. */
import { z } from 'zod';
import type { Kind } from './kinds';
import type { Values, Variable } from './variables';

export interface OversightConfig {
  /** US dollars; one action that costs more is asked for. */
  readonly spendUsd: number;
  /** 0 to 1; whoever is less sure asks. */
  readonly confidence: number;
}

function decimal(max: number, fallback: number): Kind<number> {
  const schema = () =>
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().min(0).max(max))
      .default(fallback);
  return { schema, accepts: `a number from 0 to ${max}`, fallback: String(fallback) };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'approvals', ...kind, about });

export const OVERSIGHT_VARIABLES = {
  AUTO_SPEND_LIMIT_USD: variable(
    decimal(1_000_000, 10),
    'A single action that costs more has to be approved by a person, in US dollars. See docs/approvals.md.',
  ),
  CONFIDENCE_AUTO_THRESHOLD: variable(
    decimal(1, 0.8),
    'An agent that is less sure of what it proposes has to be approved by a person.',
  ),
} as const satisfies Record<string, Variable>;

export const arrangeOversight = (values: Values): { readonly oversight: OversightConfig } => ({
  oversight: {
    spendUsd: values.AUTO_SPEND_LIMIT_USD,
    confidence: values.CONFIDENCE_AUTO_THRESHOLD,
  },
});
