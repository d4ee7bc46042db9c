/**
 * Approvals that an environment's policy asks for: people look at what is known of a release before it gets any
 * real work. They are a stage of the rollout, so that a yes is a verdict as any other.
 */
import type { Rollout } from './rollout';
import type { Stage, Strategy } from './strategy';
import type { VerdictKind } from './verdict';

/** Nobody's yes within this time is a no. */
export const APPROVAL_MS = 7 * 86_400_000;
/** More people than that nobody gathers. */
export const MAX_APPROVALS = 10;

/** One person's yes. */
export interface RolloutApproval {
  /** As the ledger names them. */
  by: string;
  /** The person behind it: two keys of one owner are one person. */
  owner: string;
  at: number;
  reason?: string;
}

export type ApprovalStage = Extract<Stage, { kind: 'approval' }>;

/** Why a yes does not count. */
export type ApprovalRefusal = 'not-asked' | 'own' | 'voted' | 'expired';

/** Everybody who needs no key is the same person, who may say yes to what they made. */
const ANYBODY = 'local';

/** The strategy with the approvals that are asked for, before the first stage that gives the release real work. */
export function withApprovals(strategy: Strategy, quorum: number): Strategy {
  const at = strategy.stages.findIndex(({ kind }) => kind === 'canary' || kind === 'switch');
  if (quorum <= 0 || at < 0) return strategy;
  const stages = strategy.stages.toSpliced(at, 0, { kind: 'approval', quorum, withinMs: APPROVAL_MS });
  return { ...strategy, stages };
}

/** The stage that waits for people; undefined while none does. */
export function approvalStage({ status, stage, strategy }: Rollout): ApprovalStage | undefined {
  const current = strategy.stages[stage];
  return status === 'gating' && current?.kind === 'approval' ? current : undefined;
}

/** When the wait for people ends by itself. */
export const approvalEnd = ({ stageSince = 0 }: Rollout, { withinMs }: ApprovalStage): number =>
  stageSince + withinMs;

/** Whether it is their own work: by name, or by the person behind it. */
export const isOwn = (
  { by, owner }: Pick<RolloutApproval, 'by' | 'owner'>,
  makers: readonly string[],
): boolean => owner !== ANYBODY && (makers.includes(owner) || makers.includes(by));

/**
 * Whether somebody's yes counts; undefined: it does.
 * @param makers who made the release, and who began the rollout
 */
export function approvalRefusal(
  rollout: Rollout,
  approval: RolloutApproval,
  makers: readonly string[],
): ApprovalRefusal | undefined {
  const stage = approvalStage(rollout);
  if (!stage) return 'not-asked';
  if (approval.at >= approvalEnd(rollout, stage)) return 'expired';
  if (isOwn(approval, makers)) return 'own';
  return rollout.approvals?.some((a) => a.owner === approval.owner) ? 'voted' : undefined;
}

/** What came of asking; undefined while it is open. */
export function judgeApprovals(
  rollout: Rollout,
  stage: ApprovalStage,
  now: number,
): { verdict: VerdictKind; reason: string; report: unknown } | undefined {
  const given = rollout.approvals ?? [];
  const report = { wanted: stage.quorum, given };
  if (given.length >= stage.quorum)
    return { verdict: 'pass', reason: `approved by ${given.map((a) => a.by).join(', ')}`, report };
  if (now < approvalEnd(rollout, stage)) return undefined;
  const reason = `${given.length} of ${stage.quorum} approvals within the time: that is a no`;
  return { verdict: 'fail', reason, report };
}

export const approvalText = ({ candidate, environment }: Rollout, { quorum }: ApprovalStage): string =>
  `Release ${candidate.slice(0, 12)} needs ${quorum === 1 ? 'one approval' : `${quorum} approvals`} before it gets work in ${environment}: reveille release approve, or abort.`;
