/**
 * The plan of a run: the steps of the definition it is pinned to, as the rules of a run read them.
 * Durations are milliseconds.
 */
import type { Condition, Path } from './condition';
import type { ErrorKind } from './run';

/**
 * When a step has its turn: in the run proper, after the run proper failed, or at the end, whatever
 * came of it. Each phase begins once the one before is over.
 */
export const PHASES = ['main', 'on-failure', 'finally'] as const;
export type Phase = (typeof PHASES)[number];

interface AnyStep {
  id: string;
  /** Default: main. */
  phase?: Phase;
  /** Steps of the same phase that have to be settled first; default: the one written before it. */
  needs?: readonly string[];
  /** How many of `needs` have to succeed; default: all of them, where skipped ones are passed over. */
  atLeast?: number;
  /** Skipped unless it holds. */
  when?: Condition;
  /** Its failure does not fail the run. */
  optional?: true;
  /** Static input, merged under the run's own. */
  input?: Record<string, unknown>;
  /** How long one attempt may take; of a wait, how long it may last. */
  timeoutMs: number;
  /** How many attempts may be made in all, the first included. */
  attempts: number;
  backoffMs: number;
  maxBackoffMs: number;
  /** Default: exponential. */
  backoff?: 'fixed';
  /** Which failures are tried again; default: all that can be. */
  retryOn?: readonly ErrorKind[];
}

export interface AgentStep extends AnyStep {
  kind: 'agent';
  agentId: string;
  /** What an attempt may cost in models and actions, US dollars. */
  maxCostUsd?: number;
  /** The release that alone may do it, and only with `dryRun`: a copy of work that another does for real. */
  shadowOf?: string;
}

/** Done by runs of its own: one of another workflow, or one for each member of a list. */
export interface RunsStep extends AnyStep {
  kind: 'runs';
  /** The workflow and the definition its runs are pinned to. */
  workflowId: string;
  definition: string;
  steps: readonly StepPlan[];
  forEach?: ForEach;
}

export interface ForEach {
  /** Where the list is. */
  items: Path;
  /** A longer list fails the step. */
  maxItems: number;
  /** How many at once. */
  concurrency: number;
  /** How many may fail; then their place in the results holds null. */
  tolerate: number;
}

/** Waits for a time: a pause, or the time at a path (ISO 8601 or epoch milliseconds). */
export interface SleepStep extends AnyStep {
  kind: 'sleep';
  until: { afterMs: number } | { at: Path };
}

/** Waits for an event of this name, and of this key where one is given. Its payload is the output. */
export interface EventStep extends AnyStep {
  kind: 'event';
  event: string;
  key?: Path;
}

/** Waits for a person's word. */
export interface ApprovalStep extends AnyStep {
  kind: 'approval';
  /** What is asked, for whoever decides. */
  title: string;
  /** How many people have to approve; default: one. */
  quorum?: number;
  /** When more people are told; default: never. */
  escalateMs?: number;
}

export type StepPlan = AgentStep | RunsStep | SleepStep | EventStep | ApprovalStep;

export const phaseOf = (step: Pick<AnyStep, 'phase'>): Phase => step.phase ?? 'main';

/** Whether deciding about a plan takes the run's input and outputs. */
export const readsData = (plan: readonly StepPlan[]): boolean =>
  plan.some(
    (s) =>
      s.when !== undefined ||
      (s.kind === 'runs' && s.forEach !== undefined) ||
      (s.kind === 'sleep' && 'at' in s.until) ||
      (s.kind === 'event' && s.key !== undefined),
  );
