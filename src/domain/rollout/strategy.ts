/** Strategies are lists of stages, as data: how a release comes to get the work of an environment. */
import type { Tolerance } from './tolerance';

export const STRATEGIES = ['direct', 'blue-green', 'canary', 'shadow'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/** What is compared with the incumbent while a candidate does copies of its work. */
export const COMPARISONS = ['output_equivalence', 'performance_metrics', 'resource_usage'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** Where a task of the past is done once more. */
export const REPLAY_PLACES = ['capsule', 'sandbox'] as const;
export type ReplayPlace = (typeof REPLAY_PLACES)[number];
/** What comes of a tool call that has no record. */
export const UNRECORDED = ['refuse', 'ask'] as const;
export type Unrecorded = (typeof UNRECORDED)[number];

/** Times in milliseconds. */
export type Stage =
  /** All of the validation pipeline, within the time. */
  | { kind: 'validate'; withinMs: number }
  /** The candidate's capsule is woken and kept awake. */
  | { kind: 'warm-up'; withinMs: number }
  /**
   * The candidate does once more what the incumbent did: its last `tasks` tasks that are no older than `sinceMs`,
   * within `withinMs`, with `dryRun`. It passes when it is shown to be worse in no more than the share `margin`.
   * In the sandbox nothing outside is reached; on its capsule, a tool call without a record is refused unless the
   * agent may `ask`.
   */
  | {
      kind: 'replay';
      tasks: number;
      sinceMs: number;
      withinMs: number;
      margin: number;
      compare: readonly Comparison[];
      tolerance: Tolerance;
      where: ReplayPlace;
      unrecorded: Unrecorded;
    }
  /** The candidate gets a copy of the work with `dryRun`; its results are compared and not used. */
  | { kind: 'shadow'; forMs: number; compare: readonly Comparison[]; tolerance?: Tolerance }
  /** So many people say yes, within the time: asked for by the environment's policy. */
  | { kind: 'approval'; quorum: number; withinMs: number }
  /** The candidate gets `weight` percent of the work, for at least `forMs` and `tasks` tasks, at most to the deadline. */
  | { kind: 'canary'; weight: number; forMs: number; tasks: number; deadlineMs: number }
  /** The pointer moves. */
  | { kind: 'switch' }
  /** What the incumbent has in hand ends; then it may sleep. */
  | { kind: 'cleanup'; withinMs: number };
export type StageKind = Stage['kind'];
export type ReplayStage = Extract<Stage, { kind: 'replay' }>;

/** A limit that a rollout is rolled back on. `rate`: share of tasks; `quantile`: of a figure per task. */
export type Condition =
  | { kind: 'rate'; metric: RateMetric; above: number; text: string }
  | { kind: 'quantile'; metric: QuantileMetric; quantile: number; above: number; text: string };
export const RATE_METRICS = ['error', 'timeout', 'intervention'] as const;
export type RateMetric = (typeof RATE_METRICS)[number];
/** `latency` in milliseconds, `cost` in US dollars. */
export const QUANTILE_METRICS = ['latency', 'cost'] as const;
export type QuantileMetric = (typeof QUANTILE_METRICS)[number];

export interface Strategy {
  name: StrategyName;
  stages: readonly Stage[];
  rollbackOn: readonly Condition[];
  /** US dollars that the tasks of a canary may cost together; undefined: no cap. */
  costCapUsd?: number;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A canary without a deadline of its own is put before a person after so long. */
export const CANARY_DEADLINE_MS = 7 * DAY;
/** Tasks a stage of a canary sees unless it says otherwise. */
export const CANARY_TASKS = 20;
/** Tasks that are replayed unless a stage says otherwise, and at most; how old they are, and how long it may take. */
export const REPLAY_TASKS = 100;
export const MAX_REPLAY_TASKS = 200;
export const REPLAY_SINCE_MS = 30 * DAY;
export const REPLAY_WITHIN_MS = 60 * MINUTE;

const canary = (weight: number): Stage => ({
  ...{ kind: 'canary', weight, forMs: 0 },
  ...{ tasks: CANARY_TASKS, deadlineMs: CANARY_DEADLINE_MS },
});

/** What a strategy is where nothing but its name is given. */
export const STRATEGY_DEFAULTS: Readonly<Record<StrategyName, Strategy>> = {
  direct: { name: 'direct', stages: [{ kind: 'switch' }], rollbackOn: [] },
  'blue-green': {
    name: 'blue-green',
    stages: [
      { kind: 'validate', withinMs: MINUTE },
      { kind: 'warm-up', withinMs: 2 * MINUTE },
      { kind: 'switch' },
      { kind: 'cleanup', withinMs: 5 * MINUTE },
    ],
    rollbackOn: [],
  },
  canary: {
    name: 'canary',
    stages: [{ kind: 'validate', withinMs: MINUTE }, canary(5), canary(25), canary(50), { kind: 'switch' }],
    rollbackOn: [],
  },
  shadow: {
    name: 'shadow',
    stages: [
      { kind: 'validate', withinMs: MINUTE },
      { kind: 'shadow', forMs: 60 * MINUTE, compare: [...COMPARISONS] },
    ],
    rollbackOn: [],
  },
};

/**
 * A condition as a metric of yes and no: a quantile is above its limit exactly when more than its share of tasks
 * is. So each condition is judged by the same test, with few tasks as with many.
 */
export const badShare = (condition: Condition): number =>
  condition.kind === 'rate' ? condition.above : 1 - condition.quantile;

/** One that has to hold whatever the strategy: the pointer moves last, once, and weights only rise. */
export function stageProblems(stages: readonly Stage[]): Array<{ index: number; message: string }> {
  const problems: Array<{ index: number; message: string }> = [];
  const order: Record<StageKind, number> = {
    ...{ validate: 0, 'warm-up': 1, replay: 2, shadow: 3, approval: 4, canary: 5, switch: 6, cleanup: 7 },
  };
  stages.forEach((stage, index) => {
    const before = stages[index - 1];
    if (!before) return;
    const repeated = stage.kind === before.kind && stage.kind !== 'canary';
    if (repeated) problems.push({ index, message: `${stage.kind} comes twice: leave one out` });
    if (order[stage.kind] < order[before.kind])
      problems.push({ index, message: `${stage.kind} comes after ${before.kind}: put it before` });
    if (stage.kind === 'canary' && before.kind === 'canary' && stage.weight <= before.weight)
      problems.push({
        index,
        message: `its weight ${stage.weight} % is not above the ${before.weight} % before: let weights rise`,
      });
  });
  return problems;
}
