/** The record's part of releases: what they are, where the pointers stand, and which of them did which work. */
import type { LedgerEntry } from '../domain/ledger';
import type { Environment } from '../domain/release/environment';
import type { Release } from '../domain/release/manifest';
import type { Rollout } from '../domain/rollout/rollout';
import type { AttemptRecord } from '../domain/run';
import type { Page, Versioned } from './store';
import type { VerdictStore } from './verdict-store';

/** What a release is made of, by SHA-256. */
export type Parts = ReadonlyMap<string, Buffer>;

/** One attempt's work. */
export interface ReleaseWork {
  runId: string;
  stepId: string;
  attempt: number;
  agentId: string;
  releaseId: string;
  /** SHA-256 of the canonical JSON of the input that the agent saw. */
  inputHash: string;
  at: number;
  /** A copy of work, for a comparison. */
  shadow?: true;
  ended?: WorkEnd;
}

/** How an attempt's work ended. */
export interface WorkEnd {
  outcome: AttemptRecord['outcome'];
  at: number;
  /** From the grant of its lease to its result. */
  durationMs?: number;
  costUsd?: number;
  /** A person had to step in, or was asked for. */
  intervened?: true;
  /** The agent did what it may not do. */
  violated?: true;
}

export interface ReleaseStore extends VerdictStore {
  /** Keeps a release with its parts, once: the same id again answers what was kept first. */
  addRelease(
    release: Release,
    parts: Parts,
    entry: LedgerEntry,
  ): Promise<{ kind: 'added' | 'known'; release: Release }>;
  release(id: string): Promise<Release | undefined>;
  /** Newest first. */
  releases(filter: { agentId?: string }, limit: number, cursor?: string): Promise<Page<Release>>;
  releasePart(sha256: string): Promise<Buffer | undefined>;
  /** Keeps what a verdict rests on, as a part is kept. */
  keepPart(sha256: string, content: Buffer): Promise<void>;

  /** All of them, by agent and name. */
  environments(): Promise<Environment[]>;
  environment(agentId: string, name: string): Promise<Environment | undefined>;
  /** Writes an environment unless somebody did since `expect` was its fence (0: there was none). */
  saveEnvironment(env: Environment, expect: number, entry: LedgerEntry): Promise<boolean>;

  rollout(id: string): Promise<Versioned<Rollout> | undefined>;
  /** Those that are not over. */
  openRollouts(): Promise<Rollout[]>;
  /** The one that is not over. */
  openRollout(agentId: string, environment: string): Promise<Versioned<Rollout> | undefined>;
  /** Newest first. */
  rollouts(limit: number, cursor?: string): Promise<Page<Rollout>>;
  /**
   * Writes a rollout unless somebody did since `expect` was its version (0: it is new). Answers whether it was
   * written: a new one is not while another of its environment is under way.
   */
  saveRollout(rollout: Rollout, expect: number, entry: LedgerEntry): Promise<boolean>;

  /** Notes who does an attempt's work; what was noted first stands. */
  noteWork(work: Omit<ReleaseWork, 'ended'>): Promise<void>;
  /** Notes how it ended, once; also of work whose beginning was not noted. */
  endWork(work: ReleaseWork & { ended: WorkEnd }): Promise<void>;
  /** Begun before a time and not known to have ended, oldest first. */
  openWork(before: number, limit: number): Promise<ReleaseWork[]>;
  /** Of a run, in the order it was begun. */
  workOfRun(runId: string): Promise<ReleaseWork[]>;
  /** Removes work that ended before a time, `limit` at most, and answers how much; who did it is known no more. */
  purgeWork(before: number, limit: number): Promise<number>;
  /** Removes rollouts that were over before a time, `limit` at most, with one entry in the ledger if there were any. */
  purgeRollouts(before: number, limit: number, entryFor: (removed: number) => LedgerEntry): Promise<number>;
  /** What a release did since a time, newest first. */
  workOfRelease(releaseId: string, limit: number, since?: number): Promise<ReleaseWork[]>;
}
