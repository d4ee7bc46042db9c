/** The budgets and caps that the registry and the environment declare. */
import { budgetId, type Budget, type BudgetName } from '../../domain/budget';
import { ofUsd } from '../../domain/cost/money';
import type { Registry } from '../../registry';

/** Of the whole installation, from the environment. */
export interface BudgetDefaults {
  perDayUsd?: number;
  perMonthUsd?: number;
  perRunUsd?: number;
  maxActionsPerDay?: number;
}

type Amounts = { readonly [key in 'perRunUsd' | 'perDayUsd' | 'perMonthUsd']?: number | undefined };

const PERIOD_OF = { perRunUsd: 'per-run', perDayUsd: 'day', perMonthUsd: 'month' } as const;

/**
 * By id, each once.
 * @param capPercent how much of the declared caps is allowed just now
 */
export function declaredBudgets(
  registry: Registry,
  defaults: BudgetDefaults = {},
  capPercent = 100,
): Map<string, Budget> {
  const cap = (scope: BudgetName['scope'], subject: string, count: number | undefined): Budget[] =>
    count === undefined
      ? []
      : [
          {
            measure: 'actions',
            scope,
            subject,
            period: 'day',
            declared: (BigInt(count) * BigInt(capPercent)) / 100n,
          },
        ];
  const named = (scope: 'action-type' | 'platform', caps: { readonly [name: string]: number } = {}) =>
    Object.entries(caps).flatMap(([name, count]) => cap(scope, name, count));
  const all = [
    ...amounts('installation', '', defaults),
    ...cap('installation', '', defaults.maxActionsPerDay),
    ...registry.agents.flatMap(({ id, budget, maxActionsPerDay }) => [
      ...amounts('agent', id, budget),
      ...cap('agent', id, maxActionsPerDay),
    ]),
    ...registry.workflows.flatMap(({ id, budget }) => amounts('workflow', id, budget)),
    ...named('action-type', registry.caps?.actionTypes),
    ...named('platform', registry.caps?.platforms),
  ];
  return new Map(all.map((budget) => [budgetId(budget), budget]));
}

function amounts(
  scope: 'installation' | 'agent' | 'workflow',
  subject: string,
  given: Amounts = {},
): Budget[] {
  return (Object.keys(PERIOD_OF) as Array<keyof Amounts>).flatMap((key) => {
    const usd = given[key];
    return usd === undefined
      ? []
      : [{ measure: 'usd' as const, scope, subject, period: PERIOD_OF[key], declared: ofUsd(usd) }];
  });
}
