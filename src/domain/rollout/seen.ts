/** What was seen of a release's tasks, as the metrics of a canary. */
import { freeze, type CanaryRules, type MetricSetting } from './canary';
import type { Counts } from './outcomes';
import type { Pairs } from './paired';
import { badShare, type Condition } from './strategy';
import type { Sighted } from './tripwires';
import { inBlocks, type Blocks } from './two-sample';

/** One attempt of a task that is over. */
export interface TaskSeen {
  ok: boolean;
  timedOut?: true;
  intervened?: true;
  /** It did what its agent may not do. */
  violated?: true;
  /** Its process went away with it. */
  crashed?: true;
  /** US dollars. */
  costUsd: number;
  durationMs: number;
  at: number;
}

/** What a canary is judged by, fixed when it begins. */
export interface Frozen {
  /** Tasks of the candidate count from here on. */
  since: number;
  /** Nine in ten of the incumbent's tasks cost at most this; undefined: nothing is known to cost anything. */
  costlyAbove?: number;
  metrics: readonly MetricSetting[];
  /** How tasks came out that both did, in replay and in the shadow, before any work was at stake. */
  replayed?: Pairs;
}

/** What a condition of the strategy aborts on is its own limit, whatever the incumbent does. */
const ofCondition = (condition: Condition, tasks: readonly TaskSeen[], rules: CanaryRules): MetricSetting => {
  const above = badShare(condition);
  const { runs, bad } = countOf(condition.text, tasks, {}, [condition]);
  return {
    metric: condition.text,
    abortAbove: above,
    passBelow: Math.min(0.99, above + rules.promotionMargin),
    expected: runs === 0 ? above : Math.min(above, bad / runs),
  };
};

/** @returns no metrics where too little is known of the incumbent to compare with */
export function frozenOf(
  incumbent: readonly TaskSeen[],
  conditions: readonly Condition[],
  rules: CanaryRules,
  now: number,
): Frozen {
  const costs = incumbent.map((t) => t.costUsd).sort((a, b) => a - b);
  const p90 = costs[Math.max(0, Math.ceil(0.9 * costs.length) - 1)];
  const costlyAbove = p90 !== undefined && p90 > 0 ? p90 : undefined;
  const limits = costlyAbove === undefined ? {} : { costlyAbove };
  const names = ['failed', 'intervened', ...(costlyAbove === undefined ? [] : ['costly'])];
  const own = names.flatMap((metric) => freeze(metric, countOf(metric, incumbent, limits), rules) ?? []);
  const metrics =
    own.length < names.length ? [] : [...own, ...conditions.map((c) => ofCondition(c, incumbent, rules))];
  return { since: now, ...limits, metrics };
}

/** How often a metric was bad. */
export function countOf(
  metric: string,
  tasks: readonly TaskSeen[],
  { costlyAbove = Infinity }: Pick<Frozen, 'costlyAbove'>,
  conditions: readonly Condition[] = [],
): Counts {
  const isBad = badIn(metric, { costlyAbove }, conditions);
  return { runs: tasks.length, bad: tasks.filter(isBad).length };
}

/** Which tasks are bad in a metric. */
function badIn(
  metric: string,
  { costlyAbove = Infinity }: Pick<Frozen, 'costlyAbove'>,
  conditions: readonly Condition[],
): (task: TaskSeen) => boolean {
  const condition = conditions.find((c) => c.text === metric);
  return condition ? badBy(condition) : (BAD[metric] ?? ((t) => t.costUsd > costlyAbove));
}

/** Below this share the candidate's tasks come too seldom to be set beside the incumbent's. */
const BESIDE_FROM = 20;

/**
 * Candidate and incumbent at the same time, in blocks by their order.
 * @param weight percent of the work that the candidate gets
 * @returns undefined where that is too little
 */
export function besideOf(
  metric: string,
  tasks: { candidate: readonly TaskSeen[]; incumbent: readonly TaskSeen[]; weight: number },
  frozen: Pick<Frozen, 'costlyAbove'>,
  conditions: readonly Condition[] = [],
): Blocks | undefined {
  const { candidate, incumbent, weight } = tasks;
  if (weight < BESIDE_FROM || weight >= 100) return undefined;
  const isBad = badIn(metric, frozen, conditions);
  const inOrder = (list: readonly TaskSeen[]) => [...list].sort((a, b) => a.at - b.at).map(isBad);
  const ratio = Math.max(1, Math.round((100 - weight) / weight));
  return inBlocks(inOrder(candidate), inOrder(incumbent), ratio);
}

const BAD: Readonly<Record<string, (task: TaskSeen) => boolean>> = {
  failed: (t) => !t.ok,
  intervened: (t) => t.intervened === true,
};

function badBy(condition: Condition): (task: TaskSeen) => boolean {
  if (condition.kind === 'quantile') {
    const { metric, above } = condition;
    return (t) => (metric === 'latency' ? t.durationMs : t.costUsd) > above;
  }
  switch (condition.metric) {
    case 'error':
      return (t) => !t.ok;
    case 'timeout':
      return (t) => t.timedOut === true;
    case 'intervention':
      return (t) => t.intervened === true;
  }
}

/** What ends a canary without statistics. */
export const sightedOf = (tasks: readonly TaskSeen[], switchedOff: string | undefined): Sighted => ({
  policyViolations: tasks.filter((t) => t.violated).length,
  costUsd: tasks.reduce((sum, t) => sum + t.costUsd, 0),
  crashes: tasks.filter((t) => t.crashed).map((t) => t.at),
  ...(switchedOff !== undefined && { switchedOff }),
});
