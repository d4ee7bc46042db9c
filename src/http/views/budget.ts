/** Budgets and caps as the API shows them. */
import { z } from 'zod';
import {
  allowed,
  budgetId,
  CAP_SCOPES,
  forecast,
  left,
  MONEY_SCOPES,
  percentSpent,
  periodEnd,
  PERIODS,
  type BudgetUse,
} from '../../domain/budget';
import { toUsd } from '../../domain/cost/money';
import { maybeTime, shape } from '../schema';
import { isoOrNull } from './time';

/** US dollars with six decimals, or a count. */
const amount = z.string();

export const BudgetView = shape('Budget', () =>
  z.object({
    id: z.string().describe('Scope, subject and period: `agent:writer:day`; of a cap `cap:platform:x.com`.'),
    scope: z.enum([...new Set([...MONEY_SCOPES, ...CAP_SCOPES])]),
    subject: z.string().nullable().describe('Of which one; null for the whole installation.'),
    period: z.enum(PERIODS),
    key: z.string().nullable().describe('The present date or month, or the run; null while no run used any.'),
    until: maybeTime.describe('When the period ends; null where it is a run.'),
    declared: amount.nullable().describe('By the registry or the environment.'),
    set: amount.nullable().describe('By a person; goes before what is declared.'),
    raised: amount.describe('By a person, for this period only.'),
    allowed: amount.describe('In this period, all in all.'),
    spent: amount,
    reserved: amount.describe('Set aside for steps that wait for their agent or are under way.'),
    left: amount,
    percent: z.number().int().describe('Spent, of a hundred of what is allowed.'),
    forecast: amount.nullable().describe('At the end of the period, if it goes on like this.'),
  }),
);

export function budgetView(use: BudgetUse, zone: string, now: number): z.infer<typeof BudgetView> {
  const { budget, key } = use;
  const text = (value: bigint): string => (budget.measure === 'usd' ? toUsd(value) : value.toString());
  const maybe = (value: bigint | undefined) => (value === undefined ? null : text(value));
  const { scope, subject, period } = budget;
  return {
    ...{ id: budgetId(budget), scope, subject: subject || null, period, key: key || null },
    until: isoOrNull(periodEnd(period, zone, now)),
    declared: maybe(budget.declared),
    set: maybe(budget.assigned),
    raised: text(use.raised),
    allowed: text(allowed(use) ?? 0n),
    spent: text(use.spent),
    reserved: text(use.reserved),
    left: text(left(use) ?? 0n),
    percent: percentSpent(use),
    forecast: maybe(forecast(use, zone, now)),
  };
}
