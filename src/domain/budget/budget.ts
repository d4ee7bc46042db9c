/**
 * Budgets and caps: how much may be spent, or done outside, in a period. A budget is named by what it measures,
 * whose work it is over, and its period; its id is that name.
 * Money is in the units of `cost/money.ts`, caps are counts of actions; both are whole numbers.
 */
import { dateAt, startOfDay } from '../cost/days';
import { toUsd } from '../cost/money';

export const MEASURES = ['usd', 'actions'] as const;
export type Measure = (typeof MEASURES)[number];
export const MONEY_SCOPES = ['installation', 'workflow', 'agent', 'run'] as const;
export const CAP_SCOPES = ['installation', 'agent', 'action-type', 'platform'] as const;
export type BudgetScope = (typeof MONEY_SCOPES)[number] | (typeof CAP_SCOPES)[number];
export const PERIODS = ['per-run', 'day', 'month'] as const;
export type Period = (typeof PERIODS)[number];

export interface BudgetName {
  measure: Measure;
  scope: BudgetScope;
  /** Of which one; empty for the installation. */
  subject: string;
  period: Period;
}

/** How much a budget allows. A person's word goes before what is declared. */
export interface Budget extends BudgetName {
  declared?: bigint;
  assigned?: bigint;
}

/** How one period of a budget stands. */
export interface BudgetUse {
  budget: Budget;
  /** Of the period: its date, its month, or the run. */
  key: string;
  /** What a person added, for this period only. */
  raised: bigint;
  spent: bigint;
  reserved: bigint;
}

/** Whose work something is, and when; what budgets are matched with. */
export interface BudgetWho {
  agent: string;
  workflow: string;
  /** The run at the head of the family, and its workflow. */
  root: string;
  rootWorkflow: string;
  day: string;
  month: string;
}

/** Longer names are no budget's. */
const MAX_SUBJECT = 200;

/** `agent:writer:day`, `installation:month`, `cap:platform:example.com`. */
export function budgetId({ measure, scope, subject, period }: BudgetName): string {
  const whose = subject === '' ? scope : `${scope}:${subject}`;
  return measure === 'actions' ? `cap:${whose}` : `${whose}:${period}`;
}

/** Reads an id back; undefined where it is none. */
export function parseBudgetId(id: string): BudgetName | undefined {
  const isCap = id.startsWith('cap:');
  const rest = isCap ? id.slice(4) : id.slice(0, Math.max(0, id.lastIndexOf(':')));
  const period = isCap ? 'day' : PERIODS.find((p) => p === id.slice(id.lastIndexOf(':') + 1));
  const colon = rest.indexOf(':');
  const named = colon < 0 ? rest : rest.slice(0, colon);
  const subject = colon < 0 ? '' : rest.slice(colon + 1);
  const scopes: readonly BudgetScope[] = isCap ? CAP_SCOPES : MONEY_SCOPES;
  const scope = scopes.find((s) => s === named);
  if (scope === undefined || period === undefined || subject.length > MAX_SUBJECT) return undefined;
  if ((scope === 'installation') !== (subject === '')) return undefined;
  if (scope === 'run' && period !== 'per-run') return undefined;
  return { measure: isCap ? 'actions' : 'usd', scope, subject, period };
}

/** The names of the day and the month in a zone. */
export function periodKeys(zone: string, at: number): { day: string; month: string } {
  const day = dateAt(zone, at);
  return { day, month: day.slice(0, 7) };
}

/** When the day or the month that is now ends, epoch milliseconds; undefined where the period is a run. */
export function periodEnd(period: Period, zone: string, at: number): number | undefined {
  if (period === 'per-run') return undefined;
  const today = dateAt(zone, at);
  const [year = 0, month = 1, day = 1] = today.split('-').map(Number);
  const next = period === 'day' ? Date.UTC(year, month - 1, day + 1) : Date.UTC(year, month, 1);
  return startOfDay(zone, new Date(next).toISOString().slice(0, 10));
}

export const keyOf = ({ period }: Pick<BudgetName, 'period'>, who: BudgetWho): string =>
  period === 'per-run' ? who.root : who[period];

/** Whether a budget is over somebody's work. @param acts kinds of actions the agent was seen to do */
export function isOver(
  { scope, subject }: Pick<BudgetName, 'scope' | 'subject'>,
  who: BudgetWho,
  acts: (scope: string, subject: string) => boolean,
): boolean {
  switch (scope) {
    case 'installation':
      return true;
    case 'agent':
      return subject === who.agent;
    case 'workflow':
      return subject === who.workflow || subject === who.rootWorkflow;
    case 'run':
      return subject === who.root;
    default:
      return acts(scope, subject);
  }
}

/** What it allows in this period; undefined where it has no limit. */
export function allowed({ budget, raised }: Pick<BudgetUse, 'budget' | 'raised'>): bigint | undefined {
  const limit = budget.assigned ?? budget.declared;
  return limit === undefined ? undefined : limit + raised;
}

/** What is left to be reserved; never below zero. */
export function left(use: BudgetUse): bigint | undefined {
  const limit = allowed(use);
  if (limit === undefined) return undefined;
  const rest = limit - use.spent - use.reserved;
  return rest > 0n ? rest : 0n;
}

/**
 * Whether a step may not be let in: money has to be there for all of it, a cap must not be reached. An estimate
 * of nothing needs something left, too.
 */
export function refuses(use: BudgetUse, amount: bigint): boolean {
  const limit = allowed(use);
  if (limit === undefined) return false;
  if (use.budget.measure === 'actions') return use.spent >= limit;
  const used = use.spent + use.reserved;
  return used >= limit || used + amount > limit;
}

/** Parts of a hundred of what is allowed that are spent; 100 where nothing is allowed. */
export function percentSpent(use: BudgetUse): number {
  const limit = allowed(use);
  if (limit === undefined) return 0;
  return limit === 0n ? 100 : Number((use.spent * 100n) / limit);
}

/** What will be spent by the end of the period if it goes on like this; undefined where the period is a run. */
export function forecast(use: BudgetUse, zone: string, now: number): bigint | undefined {
  const { period } = use.budget;
  const end = periodEnd(period, zone, now);
  if (end === undefined) return undefined;
  const begin = startOfDay(zone, period === 'day' ? use.key : `${use.key}-01`);
  const passed = Math.max(1, now - begin);
  return (use.spent * BigInt(Math.max(passed, end - begin))) / BigInt(passed);
}

/** `4.2 US dollars` or `12 actions`. */
export const amountText = (measure: Measure, amount: bigint): string =>
  measure === 'usd' ? `${usdText(amount)} US dollars` : `${amount} ${amount === 1n ? 'action' : 'actions'}`;

/** Without the zeros at its end, two decimals at least. */
const usdText = (amount: bigint): string => toUsd(amount).replace(/0{1,4}$/, '');

/** `the budget of agent writer for the day 2026-03-01`. */
export function budgetText({ budget, key }: Pick<BudgetUse, 'budget' | 'key'>): string {
  const { measure, scope, subject, period } = budget;
  const whose = scope === 'installation' ? 'the installation' : `${scope} ${subject}`;
  const what = measure === 'usd' ? 'the budget' : 'the cap on actions';
  const when = period === 'per-run' ? `run ${key}` : `the ${period} ${key}`;
  return scope === 'run' ? `${what} of run ${subject}` : `${what} of ${whose} for ${when}`;
}

/** What lets those go on that it holds. */
export function releaseText(use: Pick<BudgetUse, 'budget' | 'key'>, zone: string, now: number): string {
  const { budget, key } = use;
  const end = periodEnd(budget.period, zone, now);
  const run = budget.period === 'per-run' && budget.scope !== 'run' ? ` --run ${key}` : '';
  const raise = `a person raises it: reveille budgets raise ${budgetId(budget)} <amount>${run}`;
  return end === undefined
    ? `until ${raise}`
    : `until ${new Date(end).toISOString()} (midnight in ${zone}), or ${raise}`;
}

/** Why a step is held, in one sentence. */
export function heldText(use: BudgetUse, zone: string, now: number, estimate = 0n): string {
  const limit = allowed(use) ?? 0n;
  const { measure } = use.budget;
  const reserved = use.reserved > 0n ? ` and ${amountText(measure, use.reserved)} reserved` : '';
  const needs =
    measure === 'usd' && estimate > 0n ? `; the step may need ${amountText(measure, estimate)}` : '';
  return `${budgetText(use)} holds it: ${amountText(measure, use.spent)} of ${amountText(measure, limit)} spent${reserved}${needs}; ${releaseText(use, zone, now)}`;
}
