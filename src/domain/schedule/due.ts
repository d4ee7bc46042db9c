/** Which ticks are to be decided now, and how: fire or skip, each with its reason. */
import type { CatchUp, OverlapPolicy, Schedule, Timing } from './schema';
import { ticksBetween } from './ticks';

/**
 * A tick decided less than this after its time is on time. A minute is the finest step an
 * expression can take, so at most one tick of a schedule is on time at any moment.
 */
export const ON_TIME_MS = 60_000;

/** The most ticks decided in one call; the rest is decided by the next. */
export const MAX_DUE_TICKS = 1_000;

/** The most runs that wait behind an active one under `queue`; further ticks are skipped. */
export const MAX_QUEUED_RUNS = 100;

export const TICK_REASONS = {
  'on-time': 'on time',
  'caught-up': 'missed while no orchestrator ran, and caught up',
  superseded: 'missed, and a later tick runs in its place',
  missed: 'missed, and the schedule does not catch up',
  'too-late': 'missed by more than the catch-up window',
} as const;
export type TickReason = keyof typeof TICK_REASONS;

export interface TickDecision {
  /** Epoch ms. */
  readonly scheduledFor: number;
  readonly action: 'fire' | 'skip';
  readonly reason: TickReason;
  /** How long after its time the tick is decided. */
  readonly lateMs: number;
}

/**
 * Decides every tick in `(lastDecidedTick, now]`, oldest first, by the schedule's catch-up policy.
 * A new schedule starts with the time it was registered as its `lastDecidedTick`. When exactly
 * `limit` decisions come back there may be more: call again with the last one's `scheduledFor`. A clock
 * that was set back decides nothing until it has caught up with `lastDecidedTick`.
 */
export function dueTicks(
  schedule: Timing & Pick<Schedule, 'catchUp'>,
  lastDecidedTick: number,
  now: number,
  limit = MAX_DUE_TICKS,
): TickDecision[] {
  if (now <= lastDecidedTick) return [];
  // One more than is decided, to know whether the last of this batch is the latest of all.
  const due = ticksBetween(schedule, lastDecidedTick, now, limit + 1);
  return due.slice(0, limit).map((scheduledFor, i) => {
    const lateMs = now - scheduledFor;
    const reason = reasonFor(schedule.catchUp, lateMs, i === due.length - 1);
    return {
      scheduledFor,
      action: reason === 'on-time' || reason === 'caught-up' ? 'fire' : 'skip',
      reason,
      lateMs,
    };
  });
}

function reasonFor({ mode, windowSeconds }: CatchUp, lateMs: number, isLatest: boolean): TickReason {
  if (lateMs < ON_TIME_MS) return 'on-time';
  if (mode === 'none') return 'missed';
  if (mode === 'latest' && !isLatest) return 'superseded';
  return lateMs <= windowSeconds * 1000 ? 'caught-up' : 'too-late';
}

export type OverlapReason =
  'idle' | 'overlap-allowed' | 'active-run' | 'behind-active-run' | 'queue-full' | 'replaces-active-run';

export interface OverlapDecision {
  readonly action: 'fire' | 'skip' | 'queue' | 'replace';
  readonly reason: OverlapReason;
}

/**
 * What a tick that is to fire does about runs of the same workflow that are not over.
 * `queue`: make the run, and start it when those before it are over. `replace`: make the run, and
 * cancel those.
 * @param activeRuns runs of the workflow that have started and are not over
 * @param queuedRuns runs of the workflow that wait behind those
 */
export function overlapDecision(policy: OverlapPolicy, activeRuns: number, queuedRuns = 0): OverlapDecision {
  if (activeRuns + queuedRuns === 0) return { action: 'fire', reason: 'idle' };
  switch (policy) {
    case 'allow':
      return { action: 'fire', reason: 'overlap-allowed' };
    case 'skip':
      return { action: 'skip', reason: 'active-run' };
    case 'replace':
      return { action: 'replace', reason: 'replaces-active-run' };
    case 'queue':
      if (queuedRuns >= MAX_QUEUED_RUNS) return { action: 'skip', reason: 'queue-full' };
      return { action: 'queue', reason: 'behind-active-run' };
  }
}

/** The span of instants in which a tick's wake may be started, epoch ms, both ends included. */
export interface WakeWindow {
  readonly opensAt: number;
  readonly closesAt: number;
}

/**
 * A schedule with slack declares that its run may start up to `slackSeconds` late. Wakes whose
 * windows overlap can be one wake; nothing is drawn at random.
 */
export function wakeWindow(schedule: Pick<Schedule, 'slackSeconds'>, scheduledFor: number): WakeWindow {
  return { opensAt: scheduledFor, closesAt: scheduledFor + schedule.slackSeconds * 1000 };
}
