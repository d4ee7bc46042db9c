/**
 * A run: one execution of a workflow. This file holds its shape; `decide-run.ts` holds its rules.
 * Times are epoch milliseconds throughout the domain.
 */
import { z } from 'zod';

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const STEP_STATUSES = [
  'pending', // an earlier step has to succeed first
  'waiting', // has asked for a lease on a capsule
  'dispatching', // holds a lease; `POST /run` is being sent
  'running', // the agent accepted the job
  'backing-off', // an attempt failed; the next one is due later
  'succeeded',
  'failed',
  'cancelled',
  'skipped', // never ran, because the run ended before its turn
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
  'cancelled',
]);
export type ErrorKind = z.infer<typeof ErrorKind>;

export interface RunError {
  kind: ErrorKind;
  message: string;
}

/** One node of the run's pinned definition. Durations are milliseconds. */
export interface StepPlan {
  id: string;
  agentId: string;
  timeoutMs: number;
  /** How many attempts may be made in all, the first included. */
  attempts: number;
  backoffMs: number;
  maxBackoffMs: number;
  /** Static input, merged under the run's own. */
  input?: Record<string, unknown>;
}

/** An attempt that is over, kept for the record. */
export interface AttemptRecord {
  attempt: number;
  outcome: 'success' | ErrorKind;
  message?: string;
  generation?: number;
  requestedAt: number;
  grantedAt?: number;
  acceptedAt?: number;
  endedAt: number;
  /** What the agent itself measured. */
  durationMs?: number;
  /** Its result came when it was over, and is recorded. */
  late?: true;
}

export interface StepState {
  id: string;
  status: StepStatus;
  /** The current or last attempt's number; 0 before the first. */
  attempt: number;
  /** Set while the step has asked for or holds a lease. */
  capsuleId?: string;
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
  /** When something has to be looked at, whoever is alive by then. */
  dueAt?: number;
  finishedAt?: number;
  error?: RunError;
  /** The run this step's output was taken from, when a rerun did not redo it. */
  reusedFrom?: string;
  history: AttemptRecord[];
}

export type Trigger =
  | { kind: 'api' }
  | { kind: 'schedule'; scheduledFor: number }
  | { kind: 'rerun'; of: string; fromStep: string };

export interface RunState {
  id: string;
  workflowId: string;
  /** SHA-256 of the definition the run is pinned to. */
  definition: string;
  plan: StepPlan[];
  trigger: Trigger;
  status: RunStatus;
  steps: StepState[];
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** When the whole run is given up, if its workflow sets a limit. */
  deadline?: number;
  error?: RunError;
}

/** When the run next needs a look, or undefined while it waits for something that will come to it. */
export function runDueAt(run: RunState): number | undefined {
  if (isTerminal(run.status)) return undefined;
  const times = run.steps.flatMap((s) => (s.dueAt === undefined ? [] : [s.dueAt]));
  if (run.deadline !== undefined) times.push(run.deadline);
  return times.length ? Math.min(...times) : undefined;
}

export const stepOf = (run: RunState, stepId: string): StepState | undefined =>
  run.steps.find((s) => s.id === stepId);

export function planOf(run: RunState, stepId: string): StepPlan {
  const plan = run.plan.find((s) => s.id === stepId);
  if (!plan) throw new Error(`run ${run.id} has no step ${stepId}`);
  return plan;
}

/**
 * What a step is given: the run's input, the outputs before it merged over it in order, and the
 * same outputs by step under `steps`, so that a name clash loses nothing.
 */
export function stepInput(
  plan: readonly StepPlan[],
  stepId: string,
  runInput: Record<string, unknown>,
  outputs: ReadonlyMap<string, Record<string, unknown>>,
): Record<string, unknown> {
  const before = plan.slice(
    0,
    plan.findIndex((s) => s.id === stepId),
  );
  const known = before.flatMap(({ id }) => {
    const output = outputs.get(id);
    return output ? [{ id, output }] : [];
  });
  const own = plan.find((s) => s.id === stepId)?.input ?? {};
  const layers = [own, runInput, ...known.map((k) => k.output)];
  // By entries: a key such as __proto__, which an agent may send, stays a key.
  return Object.fromEntries([
    ...layers.flatMap((layer) => Object.entries(layer)),
    ['steps', Object.fromEntries(known.map((k) => [k.id, k.output]))],
  ]);
}
