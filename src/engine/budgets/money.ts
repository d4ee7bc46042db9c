/** What a change of a run means for budgets: what its leases may cost, and what its results report. */
import { estimate, periodEnd, periodKeys, spentBy, type Learned } from '../../domain/budget';
import { capsuleCost } from '../../domain/cost/money';
import type { LeaseChange } from '../../domain/decide-run';
import { planOf, stepOf, type RunState } from '../../domain/run';
import type { Registry } from '../../registry';
import type { Demand, MoneyChange, Spend } from '../../store/budgets';
import type { StepResult } from '../../store/store';

interface Known {
  registry: Pick<Registry, 'findAgent'>;
  learned: ReadonlyMap<string, Learned>;
}

/** The present day and month of a zone; worked out once a day. */
export class Today {
  private known = { day: '', month: '', from: 0, to: 0 };

  constructor(readonly zone: string) {}

  keys(now: number): { day: string; month: string } {
    if (now < this.known.from || now >= this.known.to)
      this.known = { ...periodKeys(this.zone, now), from: now, to: periodEnd('day', this.zone, now) ?? now };
    return { day: this.known.day, month: this.known.month };
  }
}

/** What a step's attempt may cost; undefined where no agent does it. */
export function demandOf(
  run: RunState,
  { stepId, attempt }: Pick<LeaseChange, 'stepId' | 'attempt'>,
  { registry, learned }: Known,
): Demand | undefined {
  const plan = planOf(run, stepId);
  if (plan.kind !== 'agent') return undefined;
  const agent = registry.findAgent(plan.agentId);
  const price = agent?.pricePerReplicaHourUsd;
  const amount = estimate({
    maxCostUsd: plan.maxCostUsd ?? agent?.maxCostUsd,
    price,
    timeoutMs: plan.timeoutMs,
    learned: learned.get(plan.agentId),
  });
  const perMs = String(capsuleCost(price ?? 0, 1));
  return { stepId, attempt, agentId: plan.agentId, estimate: String(amount), price: perMs };
}

/**
 * What a result reports as spent and done; undefined where it reports neither. A dry run does nothing outside:
 * what it would do is not counted. An amount nobody can mean counts as what was set aside.
 * @param before the run as the result found it
 */
export function spendOf(
  before: RunState,
  { stepId, attempt, result }: StepResult,
  known: Known,
): { spend: Spend; refused: string[] } | undefined {
  const plan = planOf(before, stepId);
  if (plan.kind !== 'agent' || (result.usage === undefined && result.actions === undefined)) return undefined;
  const step = stepOf(before, stepId);
  const isDry = step?.dryRun === true && step.attempt === attempt;
  const { cost, actions, refused } = spentBy(isDry ? { usage: result.usage } : result);
  const demand = refused.length > 0 ? demandOf(before, { stepId, attempt }, known) : undefined;
  const counted = cost + BigInt(demand?.estimate ?? 0);
  return { spend: { stepId, attempt, agentId: plan.agentId, cost: String(counted), actions }, refused };
}

/** The whole of it; undefined where the change concerns no money. */
export function moneyOf(
  run: RunState,
  keys: { day: string; month: string },
  demands: Demand[],
  spends: Spend[],
): MoneyChange | undefined {
  if (demands.length === 0 && spends.length === 0) return undefined;
  return {
    runId: run.id,
    workflowId: run.workflowId,
    ...(run.trigger.kind === 'step' && { parentId: run.trigger.runId }),
    ...keys,
    ...(demands.length > 0 && { demands }),
    ...(spends.length > 0 && { spends }),
  };
}
