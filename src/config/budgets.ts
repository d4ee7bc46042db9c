/** The part of the configuration that says how much the whole installation may spend and do. */
import { z } from 'zod';
import { offsetAt } from '../domain/schedule/zone';
import type { Kind } from './kinds';
import type { Values, Variable } from './variables';

/** The most that is declared, US dollars and actions. */
const MAX_USD = 100_000_000;
const MAX_ACTIONS = 1_000_000_000;

export interface BudgetConfig {
  /** IANA name: where the day and the month of budgets and caps begin. */
  readonly zone: string;
  readonly perDayUsd?: number;
  readonly perMonthUsd?: number;
  readonly perRunUsd?: number;
  readonly maxActionsPerDay?: number;
}

function amount(): Kind<number | undefined> {
  const schema = () =>
    z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .transform(Number)
      .pipe(z.number().min(0).max(MAX_USD))
      .optional();
  return { schema, accepts: 'an amount of US dollars, such as 25 or 0.5' };
}

function count(): Kind<number | undefined> {
  const whole = () => z.string().regex(/^\d+$/).transform(Number).pipe(z.number().max(MAX_ACTIONS));
  return { schema: () => whole().optional(), accepts: `a whole number from 0 to ${MAX_ACTIONS}` };
}

function timeZone(fallback: string): Kind<string> {
  const isZone = (text: string): boolean => {
    try {
      return Number.isFinite(offsetAt(text, 0));
    } catch {
      return false;
    }
  };
  const schema = () => z.string().refine(isZone).default(fallback);
  return { schema, accepts: 'a time zone, such as Europe/Berlin', fallback };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'budgets', ...kind, about });

export const BUDGET_VARIABLES = {
  BUDGET_TIME_ZONE: variable(timeZone('UTC'), 'Where the days and months of budgets and caps begin.'),
  BUDGET_DAY_USD: variable(
    amount(),
    'What everything together may cost in a day; then steps are held. Unset: no limit.',
  ),
  BUDGET_MONTH_USD: variable(amount(), 'The same for a month.'),
  BUDGET_RUN_USD: variable(amount(), 'What one run may cost, with the runs of its steps. Unset: no limit.'),
  MAX_ACTIONS_PER_DAY: variable(
    count(),
    'How many actions all agents together may take in a day; then steps are held. Unset: no cap.',
  ),
} as const satisfies Record<string, Variable>;

export function arrangeBudgets(values: Values): { readonly budgets: BudgetConfig } {
  const { BUDGET_TIME_ZONE: zone, BUDGET_DAY_USD, BUDGET_MONTH_USD, BUDGET_RUN_USD } = values;
  const { MAX_ACTIONS_PER_DAY } = values;
  return {
    budgets: {
      zone,
      ...(BUDGET_DAY_USD !== undefined && { perDayUsd: BUDGET_DAY_USD }),
      ...(BUDGET_MONTH_USD !== undefined && { perMonthUsd: BUDGET_MONTH_USD }),
      ...(BUDGET_RUN_USD !== undefined && { perRunUsd: BUDGET_RUN_USD }),
      ...(MAX_ACTIONS_PER_DAY !== undefined && { maxActionsPerDay: MAX_ACTIONS_PER_DAY }),
    },
  };
}
