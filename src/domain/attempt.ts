/** The rules of one attempt: its record, its pauses, and results that come when it is over. */
import type { LastPlace, RunContext, RunOutcome, SendFailure } from './run-events';
import type { StepPlan } from './plan';
import type { AttemptRecord, ErrorKind, StepState } from './run';

/** The attempt in hand, as it is kept once it is over. */
export function attemptRecord(
  step: StepState,
  outcome: AttemptRecord['outcome'],
  now: number,
  {
    message,
    durationMs,
    capsuleId,
  }: Record<'message' | 'capsuleId', string | undefined> & {
    durationMs: number | undefined;
  },
): AttemptRecord {
  return {
    attempt: step.attempt,
    outcome,
    ...(message !== undefined && { message }),
    ...(step.generation !== undefined && { generation: step.generation }),
    ...(step.releaseId !== undefined && { releaseId: step.releaseId }),
    requestedAt: step.requestedAt ?? now,
    ...(step.grantedAt !== undefined && { grantedAt: step.grantedAt }),
    ...(step.acceptedAt !== undefined && { acceptedAt: step.acceptedAt }),
    endedAt: now,
    ...(durationMs !== undefined && { durationMs }),
    ...(capsuleId !== undefined && { capsuleId }),
    ...(step.failover && { failover: step.failover }),
    ...(step.dryRun && { kind: 'proposal' as const }),
    ...(step.status === 'parked' && step.memo?.kind === 'action' && { kind: 'approval' as const }),
  };
}

/**
 * A result for an attempt that is over: the same one again, or one that came too late. A late one is
 * noted in the attempt's record, so that it is recorded once however often it is sent.
 */
export function pastAttempt(step: StepState, attempt: number): RunOutcome {
  const record = step.history.find((h) => h.attempt === attempt);
  if (!record) return 'unchanged';
  if (record.durationMs !== undefined || record.late) return 'duplicate';
  step.history = step.history.map((h) => (h === record ? { ...h, late: true as const } : h));
  return 'late';
}

type Now = Pick<RunContext, 'now' | 'limits'>;

/** How long an agent has been offered this attempt, in milliseconds. */
export const waitedMs = (step: StepState, { now }: Now): number => now - (step.grantedAt ?? now);

/** When an attempt that could not be delivered is sent again; undefined once that was tried enough. */
export function resendAt(
  step: StepState,
  failure: Exclude<SendFailure, { kind: 'rejected' }>,
  context: Now,
): number | undefined {
  const { now, limits } = context;
  if (failure.kind === 'busy') {
    const left = limits.maxBusyMs - waitedMs(step, context);
    return left > 0 ? now + Math.min(failure.retryAfterMs ?? limits.resendMs, left) : undefined;
  }
  const sends = step.sends ?? 1;
  return sends < limits.maxSends ? now + limits.resendMs * 2 ** (sends - 1) : undefined;
}

/** The next look at a running attempt; one always falls on the agent's own timeout. */
export function nextCheck(step: StepState, { now, limits }: Now): number {
  const deadline = step.deadline ?? now;
  const ownTimeout = deadline - limits.resultGraceMs;
  const next = now + limits.checkMs;
  return now < ownTimeout ? Math.min(next, ownTimeout) : Math.min(next, deadline);
}

/** What trying again would not change. */
const FINAL: readonly ErrorKind[] = ['rejected', 'bad-data', 'declined', 'cancelled'];

export const mayRetry = (plan: StepPlan, { attempt, uncounted = 0 }: StepState, kind: ErrorKind): boolean =>
  attempt - uncounted < plan.attempts && !FINAL.includes(kind) && (plan.retryOn?.includes(kind) ?? true);

/**
 * Fixed or exponential back-off with "equal jitter": half of it fixed, half random.
 * @param random uniform in [0, 1)
 */
export function backoff(
  plan: Pick<StepPlan, 'backoffMs' | 'maxBackoffMs' | 'backoff'>,
  attempt: number,
  random: number,
): number {
  const growth = plan.backoff === 'fixed' ? 1 : 2 ** (attempt - 1);
  const full = Math.min(plan.maxBackoffMs, plan.backoffMs * growth);
  return Math.round(full / 2 + (full / 2) * random);
}

/** Removes what belonged to the lease before. */
export function forgetLease(step: StepState): void {
  const ofLease = [
    'generation',
    'grantedAt',
    'acceptedAt',
    'deadline',
    'sends',
    'bootId',
    'silentChecks',
  ] as const;
  for (const key of ofLease) delete step[key];
}

/** Where the last attempt was that was given to an agent, if that did not say how it ended: it may be at it still. */
export function lastPlaceOf({ history }: StepState): LastPlace | undefined {
  const last = history.findLast((h) => h.grantedAt !== undefined);
  if (!last || last.durationMs !== undefined) return undefined;
  const { capsuleId, generation } = last;
  return capsuleId === undefined || generation === undefined ? undefined : { capsuleId, generation };
}
