/** Which alerts budgets are worth. */
import type { NewAlert } from '../alert';
import {
  amountText,
  allowed,
  budgetId,
  budgetText,
  percentSpent,
  releaseText,
  type BudgetUse,
} from './budget';

/** From here on people are told, percent of what is allowed. */
export const NEAR_PERCENT = 80;

export const BUDGET_ALERTS = ['budget-near', 'budget-reached', 'cap-reached'] as const;

/** What is said of a budget at 80 % and at 100 %, or when it holds somebody; undefined below. */
export function budgetAlert(
  use: BudgetUse,
  { zone, now, holds }: { zone: string; now: number; holds: boolean },
): NewAlert | undefined {
  const { measure } = use.budget;
  const percent = percentSpent(use);
  const isReached = percent >= 100 || holds;
  if (!isReached && percent < NEAR_PERCENT) return undefined;
  const spent = `${amountText(measure, use.spent)} of ${amountText(measure, allowed(use) ?? 0n)}`;
  const text = budgetText(use);
  const said = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  const subject = `${budgetId(use.budget)}@${use.key}`;
  if (!isReached) return { kind: 'budget-near', subject, message: `${said}: ${spent} spent (${percent} %).` };
  const kind = measure === 'usd' ? 'budget-reached' : 'cap-reached';
  const message = `${said}: ${spent} used. Further steps are held ${releaseText(use, zone, now)}.`;
  return { kind, subject, message };
}
