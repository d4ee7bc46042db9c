/** What results report as spent and done, and what of it is believed. */
import { ofUsd } from '../cost/money';

/** No single line of a bill above this is believed, US dollars. */
export const MAX_COST_USD = 100_000;

export interface ReportedAction {
  type: string;
  platform?: string | undefined;
  costUsd?: number | undefined;
  recurring?: boolean | undefined;
}

/** A result's, or a heartbeat's, as far as it concerns money. */
export interface Reported {
  usage?: ReadonlyArray<{ costUsd: number }> | undefined;
  actions?: readonly ReportedAction[] | undefined;
}

/** How many actions of which kind: `all`, of a type, on a platform. */
export interface ActionCount {
  scope: 'all' | 'action-type' | 'platform';
  subject: string;
  count: number;
}

export interface Spent {
  cost: bigint;
  actions: ActionCount[];
  /** What was not believed, in words. */
  refused: string[];
}

/** Whether an amount of US dollars can be meant: a number, not negative, not absurd. */
export const isCredible = (usd: number): boolean => Number.isFinite(usd) && usd >= 0 && usd <= MAX_COST_USD;

/** Adds up a report. Amounts nobody can mean are left out, and named. */
export function spentBy({ usage = [], actions = [] }: Reported): Spent {
  const refused: string[] = [];
  const believed = (usd: number, what: string): bigint => {
    if (isCredible(usd)) return ofUsd(usd);
    refused.push(`${what} is said to cost ${usd} US dollars`);
    return 0n;
  };
  let cost = usage.reduce((sum, { costUsd }, i) => sum + believed(costUsd, `usage[${i}]`), 0n);
  for (const [i, { costUsd = 0 }] of actions.entries()) cost += believed(costUsd, `actions[${i}]`);
  return { cost, actions: countActions(actions), refused };
}

/** Names come from outside; longer ones are cut, as they are where caps are declared. */
const MAX_NAME = 200;

function countActions(actions: readonly ReportedAction[]): ActionCount[] {
  const counts = new Map<string, ActionCount>();
  const count = (scope: ActionCount['scope'], name: string) => {
    const subject = name.slice(0, MAX_NAME);
    const known = counts.get(`${scope}:${subject}`) ?? { scope, subject, count: 0 };
    counts.set(`${scope}:${subject}`, { ...known, count: known.count + 1 });
  };
  for (const { type, platform } of actions) {
    count('all', '');
    count('action-type', type);
    if (platform !== undefined) count('platform', platform);
  }
  return [...counts.values()];
}

/**
 * Why an action needs a person's yes before it is done, or should have had one: `undefined` if it needs none.
 * A charge that comes again needs one whatever it costs; so does a cost nobody can mean.
 * @param limitUsd AUTO_SPEND_LIMIT_USD; undefined where there is none
 */
export function needsApproval(
  { type, costUsd = 0, recurring = false }: ReportedAction,
  limitUsd: number | undefined,
): string | undefined {
  if (recurring) return `${type} is a recurring charge`;
  if (!isCredible(costUsd)) return `${type} is said to cost ${costUsd} US dollars`;
  if (limitUsd !== undefined && costUsd > limitUsd)
    return `${type} costs ${costUsd} US dollars, more than ${limitUsd} may be spent without asking`;
  return undefined;
}
