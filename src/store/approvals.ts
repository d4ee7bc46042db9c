/** The record's part of oversight: memos, and how agents stand. Memos and acts are written by commits of runs. */
import type { Memo, MemoState } from '../domain/approval/memo';
import type { LedgerEntry } from '../domain/ledger';
import type { LevelRecord, Standing } from '../domain/oversight/level';
import type { Page } from './store';

export interface MemoFilter {
  state?: MemoState;
  agentId?: string;
  runId?: string;
}

export interface ApprovalStore {
  memo(id: string): Promise<Memo | undefined>;
  /** Newest first. */
  memos(filter: MemoFilter, limit: number, cursor?: string): Promise<Page<Memo>>;
  /** What is known of an agent; of one that never acted, nothing. */
  standing(agentId: string): Promise<Standing>;
  /** Writes a level unless somebody else did since `level.version - 1`. Answers whether it was written. */
  setLevel(agentId: string, level: LevelRecord, entry: LedgerEntry): Promise<boolean>;
}

/** Types of action that are remembered of an agent; one that makes up new ones is asked about each. */
export const MAX_KNOWN_TYPES = 1_000;
