/** The record's part of replays: which runs are started again together, and how far that has come. */
import type { RunFilter } from './store';
import type { ErrorKind, RunStatus } from '../domain/run';

export interface ReplayRequest {
  filter: Omit<RunFilter, 'parent' | 'status'> & { status: RunStatus; errorKind?: ErrorKind };
  /** `failed`: the first step that did not succeed; `start`: everything anew; else a step's id. */
  fromStep: string;
  limit: number;
}

export type ReplayOutcome = { kind: 'started'; runId: string } | { kind: 'skipped'; reason: string };

export interface NewReplay {
  id: string;
  /** The idempotency key, or the id where the request had none. */
  key: string;
  fingerprint: string;
  actor: string;
  createdAt: number;
  request: ReplayRequest;
  /** What is started again, in this order. */
  runIds: string[];
}

export interface ReplayRecord extends NewReplay {
  /** What became of the first of `runIds`, in their order. */
  outcomes: ReplayOutcome[];
  finishedAt?: number;
}

export interface ReplayStore {
  /** Keeps a replay. Answers it, or the one that its key was used for before. */
  addReplay(replay: NewReplay): Promise<ReplayRecord>;
  replay(id: string): Promise<ReplayRecord | undefined>;
  /** Takes the oldest replays that are not finished and that nobody works on; they are the caller's until then. */
  claimReplays(now: number, until: number, limit: number): Promise<ReplayRecord[]>;
  /** Adds outcomes and lets go of the claim; nothing where others have come further than `done` meanwhile. */
  progressReplay(
    id: string,
    done: number,
    outcomes: readonly ReplayOutcome[],
    finishedAt?: number,
  ): Promise<void>;
  /** Removes replays that were asked for before a time. Answers how many went. */
  purgeReplays(before: number): Promise<number>;
}
