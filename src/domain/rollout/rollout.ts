/**
 * A rollout: one attempt to move an environment's pointer to a release. Its stages are data; this file says in
 * which order things may happen to it. `decideRollout` answers the next state and what is to be done once it is
 * committed; each thing to do may be done twice without harm.
 */
import { approvalStage, approvalText, type RolloutApproval } from './approval';
import type { ReplayPlan } from './replay';
import type { Frozen } from './seen';
import type { Stage, Strategy } from './strategy';
import type { Verdict } from './verdict';

export const ROLLOUT_STATUSES = [
  'pending',
  'gating', // validation, warm-up, approval
  'shadow',
  'canary',
  'promoting', // the pointer is being moved, and what was before cleaned up
  'paused', // no verdict could be had: a person decides
  'aborting', // the pointers are being put back
  'done',
  'rolled-back',
] as const;
export type RolloutStatus = (typeof ROLLOUT_STATUSES)[number];

export const isRolloutOver = (status: RolloutStatus): boolean =>
  status === 'done' || status === 'rolled-back';

export interface Rollout {
  id: string;
  agentId: string;
  environment: string;
  /** The release that is to become stable. */
  candidate: string;
  /** The one that was when it began; undefined for the first release of an agent. */
  incumbent?: string;
  strategy: Strategy;
  status: RolloutStatus;
  /** Which of the strategy's stages it is in; −1 before the first. */
  stage: number;
  /** Begun so often: a stage is repeated after a pause. */
  round: number;
  stageSince?: number;
  verdicts: readonly StageVerdict[];
  /** What is replayed, and in which round of that, once it has begun. */
  replay?: ReplayPlan & { round: number };
  /** What its canary is judged by, once that has begun. */
  frozen?: Frozen;
  /** Who began it, as a person. */
  begunBy?: string;
  /** Who said yes, where the environment's policy asks for it. */
  approvals?: readonly RolloutApproval[];
  /** While paused: what a person is to decide, and why. */
  memo?: string;
  /** Why it is or was aborted. */
  abortedFor?: string;
  /** Set where neither a verdict nor a person did it. */
  abortedBy?: 'breaker';
  abortedAt?: number;
  createdAt: number;
  finishedAt?: number;
}

export interface StageVerdict extends Verdict {
  stage: number;
  round: number;
  /** When the stage began. */
  since?: number;
}

export type RolloutEvent =
  | { type: 'start' }
  /** Of the gate of one stage, in one round; of any other it changes nothing. */
  | { type: 'verdict'; stage: number; round: number; verdict: Verdict }
  /** Stop and put everything back: wins over whatever else is under way. */
  | { type: 'abort'; reason: string; cause?: 'breaker' }
  /** A person has the stage that could not tell done once more. */
  | { type: 'retry' }
  /** A person answers for what the stage could not tell. */
  | { type: 'accept'; verdict: Verdict }
  /** A person approves what the stage asks people for; each counts once. */
  | { type: 'approved'; approval: RolloutApproval }
  /** Which tasks a round of a replay is about, and what it is going to take: set once, before the first of them. */
  | { type: 'planned'; round: number; plan: ReplayPlan }
  /** What the canary is judged by, before the first of its tasks: set once. */
  | { type: 'frozen'; frozen: Frozen }
  /** The pointers are seen to be as they were. */
  | { type: 'restored' };
export type RolloutEventType = RolloutEvent['type'];

export type RolloutCommand =
  /** Begin what the stage asks for, until its verdict is there. */
  | { type: 'enter'; stage: number; round: number }
  /** Put the pointers back, at once. */
  | { type: 'restore' }
  /** Ask a person. */
  | { type: 'ask'; memo: string }
  /** Tell people: with the exact difference between the two releases. */
  | { type: 'alert'; reason: string }
  | { type: 'finished' };

export interface RolloutDecision {
  state: Rollout;
  commands: RolloutCommand[];
}

const STATUS_OF: Record<Stage['kind'], RolloutStatus> = {
  validate: 'gating',
  'warm-up': 'gating',
  replay: 'gating',
  approval: 'gating',
  shadow: 'shadow',
  canary: 'canary',
  switch: 'promoting',
  cleanup: 'promoting',
};

/** @returns the same state, and nothing to do, where the event has no meaning in it */
export function decideRollout(rollout: Rollout, event: RolloutEvent, now: number): RolloutDecision {
  const unchanged = { state: rollout, commands: [] };
  if (isRolloutOver(rollout.status)) return unchanged;
  switch (event.type) {
    case 'start':
      return rollout.status === 'pending' ? enter(rollout, 0, 1, now) : unchanged;
    case 'abort':
      return rollout.status === 'aborting' ? unchanged : abort(rollout, event, now);
    case 'verdict':
      return isOfStage(rollout, event) ? judged(rollout, event.verdict, now) : unchanged;
    case 'retry':
      return rollout.status === 'paused' ? enter(rollout, rollout.stage, rollout.round + 1, now) : unchanged;
    case 'accept':
      return rollout.status === 'paused' && event.verdict.verdict === 'pass'
        ? judged(rollout, event.verdict, now)
        : unchanged;
    case 'approved':
      return approved(rollout, event.approval) ?? unchanged;
    case 'planned':
      return planned(rollout, event);
    case 'frozen':
      return rollout.frozen ? unchanged : { state: { ...rollout, frozen: event.frozen }, commands: [] };
    case 'restored':
      return rollout.status === 'aborting' ? finish(rollout, 'rolled-back', now) : unchanged;
  }
}

const isOfStage = (rollout: Rollout, { stage, round }: { stage: number; round: number }): boolean =>
  ['gating', 'shadow', 'canary', 'promoting'].includes(rollout.status) &&
  rollout.stage === stage &&
  rollout.round === round;

function planned(
  rollout: Rollout,
  { round, plan }: Extract<RolloutEvent, { type: 'planned' }>,
): RolloutDecision {
  const isReplay = rollout.strategy.stages[rollout.stage]?.kind === 'replay' && rollout.status === 'gating';
  if (!isReplay || rollout.round !== round || rollout.replay?.round === round)
    return { state: rollout, commands: [] };
  return { state: { ...rollout, replay: { ...plan, round } }, commands: [] };
}

/** Only a pass leads on; what is neither pass nor fail ships nothing. */
function judged(rollout: Rollout, verdict: Verdict, now: number): RolloutDecision {
  const { stage, round, stageSince } = rollout;
  const since = stageSince === undefined ? {} : { since: stageSince };
  const state = { ...rollout, verdicts: [...rollout.verdicts, { ...verdict, stage, round, ...since }] };
  if (verdict.verdict === 'pass') return enter(state, stage + 1, 1, now);
  if (verdict.verdict === 'fail') return abort(state, { reason: verdict.reason }, now);
  const memo = memoOf(state, verdict);
  return { state: { ...state, status: 'paused', memo }, commands: [{ type: 'ask', memo }] };
}

/** Looked at once more, for it may be the last one that was wanted. */
function approved(rollout: Rollout, approval: RolloutApproval): RolloutDecision | undefined {
  const known = rollout.approvals ?? [];
  if (!approvalStage(rollout) || known.some((a) => a.owner === approval.owner)) return undefined;
  const { stage, round } = rollout;
  return {
    state: { ...rollout, approvals: [...known, approval] },
    commands: [{ type: 'enter', stage, round }],
  };
}

function enter(rollout: Rollout, stage: number, round: number, now: number): RolloutDecision {
  const next = rollout.strategy.stages[stage];
  if (!next) return finish(rollout, 'done', now);
  const { memo: _, ...rest } = rollout;
  const state = { ...rest, status: STATUS_OF[next.kind], stage, round, stageSince: now };
  const asked = approvalStage(state);
  return {
    state,
    commands: [
      { type: 'enter', stage, round },
      ...(asked ? [{ type: 'ask' as const, memo: approvalText(state, asked) }] : []),
    ],
  };
}

function abort(
  rollout: Rollout,
  { reason, cause }: { reason: string; cause?: 'breaker' },
  now: number,
): RolloutDecision {
  const { memo: _, ...rest } = rollout;
  const by = cause === undefined ? {} : { abortedBy: cause };
  return {
    state: { ...rest, status: 'aborting', abortedFor: reason, ...by, abortedAt: now },
    commands: [{ type: 'restore' }, { type: 'alert', reason }],
  };
}

const finish = (rollout: Rollout, status: 'done' | 'rolled-back', now: number): RolloutDecision => ({
  state: { ...rollout, status, finishedAt: now },
  commands: [{ type: 'finished' }],
});

function memoOf({ strategy, stage, candidate, incumbent }: Rollout, { reason, evidence }: Verdict): string {
  const what = strategy.stages[stage]?.kind ?? 'stage';
  const against = incumbent === undefined ? '' : ` against ${incumbent.slice(0, 12)}`;
  const by = evidence.length === 0 ? '' : ` Evidence: ${evidence.map((e) => e.slice(0, 12)).join(', ')}.`;
  return `The ${what} of ${candidate.slice(0, 12)}${against} could not tell: ${reason}.${by} Retry the stage, accept it, or abort.`;
}

/** A rollout as it begins. */
export const newRollout = (
  of: Pick<Rollout, 'id' | 'agentId' | 'environment' | 'candidate' | 'strategy' | 'createdAt'> & {
    incumbent?: string;
    begunBy?: string;
  },
): Rollout => ({ ...of, status: 'pending', stage: -1, round: 0, verdicts: [] });

/** What the ledger tells of a rollout: its status is the fold of this. */
export const projectRollout = (r: Rollout): Record<string, unknown> => ({
  ...{ agent: r.agentId, environment: r.environment, candidate: r.candidate, status: r.status },
  ...{ strategy: r.strategy.name, stage: r.stage, round: r.round, verdicts: r.verdicts.length },
  ...(r.frozen && { frozenAt: r.frozen.since }),
  ...(r.replay && {
    ...{ replayTasks: r.replay.tasks.length, replayRemoved: r.replay.removed },
    ...{ replaySeconds: r.replay.forecast.seconds, replayUsd: r.replay.forecast.costUsd },
  }),
  ...(r.approvals && { approvals: r.approvals.map((a) => a.by).join(', ') }),
  ...(r.incumbent !== undefined && { incumbent: r.incumbent }),
  ...(r.memo !== undefined && { memo: r.memo }),
  ...(r.abortedFor !== undefined && { abortedFor: r.abortedFor }),
});
