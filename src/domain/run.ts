/**
 * A run: one execution of a workflow. This file holds its shape; `decide-run.ts` holds its rules.
 * Times are epoch milliseconds throughout the domain.
 */
import { z } from 'zod';
import type { Memo } from './approval/memo';
import type { Outcomes } from './children';
import type { RunFlow } from './flow';
import type { Bounds } from './oversight/bounds';
import type { AgentStep, StepPlan } from './plan';

export type { StepPlan } from './plan';

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const STEP_STATUSES = [
  'pending', // what it needs is not settled yet
  'waiting', // has asked for a lease on a capsule
  'dispatching', // holds a lease; `POST /run` is being sent
  'running', // the agent accepted the job
  'parked', // waits for a time, an event, a person or runs of its own; holds nothing awake
  'backing-off', // an attempt failed; the next one is due later
  'succeeded',
  'failed',
  'cancelled',
  'skipped', // never ran: its condition did not hold, or the run ended before its turn
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

export const isTerminal = (status: RunStatus): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled';

/** Statuses in which a step has a claim on a capsule: asked for, or held. */
export const isActive = (status: StepStatus): boolean =>
  status === 'waiting' || status === 'dispatching' || status === 'running';

/** Why an attempt ended without success. */
export const ErrorKind = z.enum([
  'agent-error', // the agent reported an error
  'timeout', // the agent reported a timeout, or no result came in time
  'lost', // the agent restarted or vanished with the job in hand
  'rejected', // the agent refused the request for good (4xx)
  'unreachable', // the job could not be delivered
  'wake-failed', // the capsule never became healthy
  'wait-too-long', // no capsule became free within the limit
  'child-failed', // too many of the step's own runs failed
  'declined', // a person said no
  'bad-data', // the input or an earlier output lacks what the step is made of
  'cancelled',
]);
export type ErrorKind = z.infer<typeof ErrorKind>;

export interface RunError {
  kind: ErrorKind;
  message: string;
}

/** An attempt that is over, kept for the record. */
export interface AttemptRecord {
  attempt: number;
  outcome: 'success' | ErrorKind;
  message?: string;
  generation?: number;
  releaseId?: string;
  requestedAt: number;
  grantedAt?: number;
  acceptedAt?: number;
  endedAt: number;
  /** What the agent itself measured. */
  durationMs?: number;
  /** Where it was done, of an agent that may be on several; and in place of which capsule, and why. */
  capsuleId?: string;
  failover?: FailedOver;
  /** Its result came when it was over, and is recorded. */
  late?: true;
  /** No try of the work itself: what the agent proposed, or the wait for a person's word on it. */
  kind?: 'proposal' | 'approval';
}

/** The capsule that does not do the work although it belongs there, and why. */
export interface FailedOver {
  capsuleId: string;
  reason: string;
}

/** What an agent may do for real. */
export interface Grant {
  bounds: Bounds;
  /** Undefined: no rule asked for a person. */
  memo?: { id: string; by: string; comment?: string };
}

/** What a person said to the proposal before. */
export interface Revision {
  memoId: string;
  verdict: 'revise' | 'reject';
  by: string;
  comment?: string;
  /** Of the next proposal. */
  round: number;
}

export interface StepState {
  id: string;
  status: StepStatus;
  /** The current or last attempt's number; 0 before the first. */
  attempt: number;
  /** The release of its agent that does its work, where the agent has releases. */
  releaseId?: string;
  /** Set while the step has asked for or holds a lease. */
  capsuleId?: string;
  /** Its work is done there in place of this capsule. */
  failover?: FailedOver;
  /** How often this attempt went on to another capsule before it was begun. */
  moves?: number;
  generation?: number;
  /** The agent process that holds the job; a different one means the job is lost. */
  bootId?: string;
  requestedAt?: number;
  grantedAt?: number;
  acceptedAt?: number;
  /** When the attempt is given up. */
  deadline?: number;
  /** How often `POST /run` was sent for this attempt. */
  sends?: number;
  /** How often in a row the agent did not say how it stands. */
  silentChecks?: number;
  /** How often this attempt lost its lease before the agent accepted the job. */
  evictions?: number;
  /** The attempt in hand is to propose, not to act. */
  dryRun?: true;
  /** What a person is asked, or was asked last. */
  memo?: Memo;
  grant?: Grant;
  revision?: Revision;
  /** Attempts that were no tries of the work itself. */
  uncounted?: number;
  /** How the runs that do the step's work stand. */
  children?: Outcomes;
  /** Why it was skipped. */
  reason?: string;
  /** When something has to be looked at, whoever is alive by then. */
  dueAt?: number;
  finishedAt?: number;
  error?: RunError;
  /** The run this step's output was taken from, when a rerun did not redo it. */
  reusedFrom?: string;
  history: AttemptRecord[];
}

/** A copy of a step's work, done by a candidate without effect; its outcome counts for nothing but the rollout. */
export interface ShadowTrigger {
  kind: 'shadow';
  of: string;
  stepId: string;
  attempt: number;
  rolloutId: string;
  /** Its tools answer from what was recorded, and from nothing else. */
  unrecorded?: 'refuse';
}

export type Trigger =
  | { kind: 'api' }
  | { kind: 'schedule'; scheduledFor: number }
  | { kind: 'rerun'; of: string; fromStep: string }
  /** `delivery`: its sender's id for it. */
  | { kind: 'webhook'; delivery?: string }
  | { kind: 'event'; eventId: string; name: string }
  /** Another run ended. `depth`: how many runs in a row were started so, this one included. */
  | { kind: 'run'; of: string; depth: number }
  | ShadowTrigger
  /** Does the work of a step of another run: the `index`-th of its list. */
  | { kind: 'step'; runId: string; stepId: string; attempt: number; index: number };

/** What a transition leaves to be done to other runs. Kept in the run until it is done. */
export type Todo =
  | { kind: 'tell-parent' }
  /** Starts the workflows that wait for the end of this run. */
  | { kind: 'start-followers' }
  | { kind: 'stop-children'; stepId: string; attempt: number; places: number[] };

/** How the run proper ended, while the steps that come after it have their turn. */
export interface Ending {
  status: 'succeeded' | 'failed' | 'cancelled';
  error?: RunError;
  /** The step whose failure it was. */
  stepId?: string;
}

export interface RunState {
  id: string;
  workflowId: string;
  /** SHA-256 of the definition the run is pinned to. */
  definition: string;
  plan: StepPlan[];
  trigger: Trigger;
  /** The person who started it; undefined: no person did. */
  startedBy?: string;
  /** Higher starts first and gets agents first; default 0. */
  priority?: number;
  /** What it has to wait for before it starts. */
  flow?: RunFlow;
  /** Its end starts runs of other workflows, as the registry had it at its beginning. */
  followed?: true;
  status: RunStatus;
  steps: StepState[];
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** When the whole run is given up, if its workflow sets a limit. */
  deadline?: number;
  error?: RunError;
  ending?: Ending;
  todo?: Todo[];
  /** When what is left to be done is taken up by whoever is there. */
  todoAt?: number;
}

/** When the run next needs a look, or undefined while it waits for something that will come to it. */
export function runDueAt(run: RunState): number | undefined {
  const times = run.todoAt === undefined ? [] : [run.todoAt];
  if (!isTerminal(run.status)) {
    times.push(...run.steps.flatMap((s) => (s.dueAt === undefined ? [] : [s.dueAt])));
    if (run.deadline !== undefined) times.push(run.deadline);
  }
  return times.length ? Math.min(...times) : undefined;
}

export const stepOf = (run: RunState, stepId: string): StepState | undefined =>
  run.steps.find((s) => s.id === stepId);

export function planOf(run: RunState, stepId: string): StepPlan {
  const plan = run.plan.find((s) => s.id === stepId);
  if (!plan) throw new Error(`run ${run.id} has no step ${stepId}`);
  return plan;
}

/** The plan of a step that an agent does. @throws when the step is of another kind */
export function agentStepOf(run: RunState, stepId: string): AgentStep {
  const plan = planOf(run, stepId);
  if (plan.kind !== 'agent') throw new Error(`step ${stepId} of run ${run.id} is not done by an agent`);
  return plan;
}
