/**
 * Decision memos: what people are asked before something happens, and what they said. Pure; a memo lives in the
 * step that waits for it, and changes with the run that the step belongs to.
 */
import type { Finding } from '../oversight/rules';
import type { ActionSummary, Bounds } from '../oversight/bounds';

export const MEMO_STATES = [
  'requested',
  'approved',
  'rejected',
  'revision-requested',
  'expired',
  'withdrawn', // its run ended, or was cancelled, before anybody decided
] as const;
export type MemoState = (typeof MEMO_STATES)[number];

export const VERDICTS = ['approve', 'reject', 'revise'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Vote {
  /** Who says so, for the ledger: `key:<id>`, `user:<subject>` or `local`. */
  by: string;
  /** The person behind it: two keys of one owner are one person. */
  owner: string;
  verdict: Verdict;
  comment?: string;
}

export interface Evidence {
  /** The first of what is proposed; `actionCount` says how many there are. */
  actions: ActionSummary[];
  actionCount: number;
  confidence?: number;
  /** Why the agent itself wants a person. */
  needsHuman?: string;
}

export interface Memo {
  id: string;
  runId: string;
  workflowId: string;
  stepId: string;
  attempt: number;
  /** `step`: an approval that a workflow asks for; `action`: what an agent proposes to do. */
  kind: 'step' | 'action';
  agentId?: string;
  title: string;
  recommendation: string;
  reasons: string[];
  /** 0 to 3, as the agent sees it. */
  risk: number;
  costUsd: number;
  /** What happens on no. */
  onNo: string;
  evidence: Evidence;
  /** The rules that asked for it; none for a step of a workflow. */
  rules: Finding['rule'][];
  /** What an approval lets the agent do at most. */
  bounds?: Bounds;
  /** The how-manieth proposal of this step it is. */
  round: number;
  /** Whether another proposal may be asked for. */
  mayRevise: boolean;
  requestedAt: number;
  expiresAt: number;
  /** When more people are told, once. */
  escalateAt?: number;
  escalatedAt?: number;
  /** How many people have to approve. */
  quorum: number;
  /** The person who started the run: has no vote. Undefined: no person did. */
  startedBy?: string;
  state: MemoState;
  decisions: Array<Vote & { at: number }>;
  decidedAt?: number;
}

export type MemoEvent =
  | { type: 'vote'; vote: Vote }
  /** Time passed. */
  | { type: 'due' }
  /** Whoever waits for it waits no longer. */
  | { type: 'withdraw' };

/** Why a vote does not count. */
export type Refusal = 'decided' | 'own' | 'voted' | 'comment-missing' | 'nothing-to-revise';

export type MemoDecision =
  | { kind: 'changed'; memo: Memo; what: 'voted' | 'escalated' | Exclude<MemoState, 'requested'> }
  | { kind: 'unchanged' }
  | { kind: 'refused'; why: Refusal };

/** Whoever is on this machine where no key is configured: nobody can be told apart there. */
export const ANYBODY = 'local';

const AFTER = { reject: 'rejected', revise: 'revision-requested' } as const;

/** What becomes of a memo. One no, or one wish for a revision, decides; a yes needs its quorum. */
export function decideMemo(memo: Memo, event: MemoEvent, now: number): MemoDecision {
  if (event.type === 'vote') return vote(memo, event.vote, now);
  if (memo.state !== 'requested') return { kind: 'unchanged' };
  if (event.type === 'withdraw') return ended(memo, 'withdrawn', now);
  if (now >= memo.expiresAt) return ended(memo, 'expired', now);
  const escalates = memo.escalateAt !== undefined && memo.escalatedAt === undefined && now >= memo.escalateAt;
  if (!escalates) return { kind: 'unchanged' };
  return { kind: 'changed', memo: { ...memo, escalatedAt: now }, what: 'escalated' };
}

function vote(memo: Memo, given: Vote, now: number): MemoDecision {
  const why = refusalOf(memo, given, now);
  if (why) return { kind: 'refused', why };
  const voted = { ...memo, decisions: [...memo.decisions, { ...given, at: now }] };
  if (given.verdict !== 'approve') return ended(voted, AFTER[given.verdict], now);
  const approvals = voted.decisions.filter((d) => d.verdict === 'approve').length;
  if (approvals >= memo.quorum) return ended(voted, 'approved', now);
  return { kind: 'changed', memo: voted, what: 'voted' };
}

/** Why somebody's vote would not count, if so. The person who started the run may say no, but not yes. */
export function refusalOf(memo: Memo, { owner, verdict, comment }: Vote, now: number): Refusal | undefined {
  if (memo.state !== 'requested' || now >= memo.expiresAt) return 'decided';
  if (verdict === 'approve' && owner !== ANYBODY && owner === memo.startedBy) return 'own';
  if (memo.decisions.some((d) => d.owner === owner)) return 'voted';
  if (verdict === 'revise' && !memo.mayRevise) return 'nothing-to-revise';
  if (verdict === 'revise' && (comment ?? '').trim() === '') return 'comment-missing';
  return undefined;
}

/** When it next needs a look. */
export const memoDueAt = ({ expiresAt, escalateAt, escalatedAt }: Memo): number =>
  escalateAt === undefined || escalatedAt !== undefined ? expiresAt : Math.min(escalateAt, expiresAt);

/** Who decided, and what they said. */
export function lastWord({ decisions }: Memo): { by: string; comment?: string } {
  const by = [...new Set(decisions.map((d) => d.by))].join(', ');
  const comment = decisions.at(-1)?.comment;
  return { by, ...(comment !== undefined && { comment }) };
}

function ended(memo: Memo, state: Exclude<MemoState, 'requested'>, now: number): MemoDecision {
  return { kind: 'changed', memo: { ...memo, state, decidedAt: now }, what: state };
}
