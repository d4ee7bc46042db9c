/**
 * The port to the record. Everything that has to be true together is one {@link Change}; a store
 * commits it whole or not at all, serialises commits that touch the same rows, and answers a lost
 * race with a conflict instead of an error.
 */
import type { AgentRunResult } from '../contract';
import type { Activity, CapsuleState, Shift } from '../domain/capsule';
import type { LeaseChange as DecidedLease, WaitChange } from '../domain/decide-run';
import type { Memo } from '../domain/approval/memo';
import type { ChainedEntry, LedgerEntry } from '../domain/ledger';
import type { Act } from '../domain/oversight/act';
import type { RunState, RunStatus } from '../domain/run';
import type { AlertStore } from './alerts';
import type { BudgetStore, MoneyChange } from './budgets';
import type { ApprovalStore } from './approvals';
import type { AuditStore } from './audit';
import type { BreakerStore } from './breakers';
import type { Deduplication, Rate } from '../domain/flow';
import type { FlowStore } from './flow';
import type { CostStore } from './costs';
import type { NotificationStore } from './notifications';
import type { ObservationStore } from './observations';
import type { ProtocolStore } from './protocols';
import type { RedeployStore } from './redeploys';
import type { ReleaseStore } from './release-store';
import type { ReplayStore } from './replays';
import type { DeliveryStore } from './deliveries';
import type { SwitchStore } from './switches';
import type { KeyStore } from './keys';

export interface Versioned<T> {
  state: T;
  /** Rises with each commit; a change names the version it was decided on. */
  version: number;
}

export interface Change {
  at: number;
  run?: RunChange;
  capsule?: CapsuleChange;
  /** `workflowId`: whose work it is, for the guards; left out where it is nobody's in particular. */
  leases?: { runId: string; workflowId?: string; changes: LeaseChange[] };
  waits?: { runId: string; changes: WaitChange[] };
  /** What its leases may cost, and what its results report as spent. */
  money?: MoneyChange;
  /** Memos as they are from now on. */
  memos?: Memo[];
  /** What agents did with this change. */
  acts?: Act[];
  tick?: Tick;
  /** Kept for steps that wait for it; one whose id is known changes nothing. */
  event?: NewEvent;
  /** Id of an event that every step which waited for it has. */
  delivered?: string;
  /** Refused as a duplicate when the key is known; the first change with it wins. */
  idempotencyKey?: { scope: string; key: string; fingerprint: string };
  /** Refused as a duplicate while another run's key of the same name has not run out. */
  deduplicate?: Deduplication;
  ledger: LedgerEntry[];
}

/** With `grant`: the buckets of which it takes a token each. */
export type LeaseChange = DecidedLease & { rates?: Rate[] };

export interface RunChange {
  /** The version it was decided on; 0 creates the run. */
  expect: number;
  state: RunState;
  dueAt?: number;
  /** With creation: the run's input. */
  input?: Record<string, unknown>;
  /** What an agent delivered with this change; stored as it came. */
  results?: StepResult[];
}

export interface StepResult {
  stepId: string;
  attempt: number;
  result: AgentRunResult;
  /** Late and duplicate results are kept for the record, and never used as output. */
  counted: boolean;
}

export interface CapsuleChange {
  expect: number;
  state: CapsuleState;
  /** Refused while leases are held (or even asked for). */
  unless?: 'held' | 'held-or-waiting';
  shift?: Shift;
  /** Of a wake ahead of one workflow's work, for the guards. */
  workflowId?: string;
}

/** Something that happened, for steps that wait for it. */
export interface NewEvent {
  id: string;
  name: string;
  /** Which of its kind; empty: of no particular one. */
  key: string;
  payload: Record<string, unknown>;
}

export interface StoredEvent extends NewEvent {
  at: number;
}

/** A step that waits for an event or for a person. */
export interface Wait extends Omit<WaitChange, 'op'> {
  runId: string;
  since: number;
}

export type TickAction = 'fired' | 'skipped';

/** What was decided about one scheduled time. */
export interface Tick {
  workflowId: string;
  scheduledFor: number;
  action: TickAction;
  reason: string;
  lateMs: number;
  decidedAt: number;
  runId?: string;
}

export type Conflict =
  | 'run' // somebody else changed the run
  | 'capsule' // somebody else changed the capsule, or it is not awake in that shift any more
  | 'busy' // no free slot, or others wait in line
  | 'tick' // this tick was decided already
  | 'idempotency' // this key was used already
  | 'duplicate' // a run with this key is there, and its time is not over
  | 'held' // a guard holds it: a switch is on, a breaker is open, no token is left
  | 'flow'; // the run is not to start: a limit is reached, no token is left, or it is put off

/** A capsule on which a lease was released, and what it is left with. */
export interface Freed {
  capsuleId: string;
  held: number;
  waiting: number;
}

export type CommitResult =
  | { ok: true; freed: Freed[] }
  | { ok: false; conflict: Conflict; existing?: { runId: string; fingerprint: string } };

export interface LeaseRequest {
  runId: string;
  stepId: string;
  attempt: number;
  requestedAt: number;
  /** Higher has its turn first. */
  priority: number;
}

export interface CapsuleRecord extends Versioned<CapsuleState> {
  /** `waiting` counts those that no switch holds. */
  activity: Activity;
}

/** A capsule as the registry declares it. */
export interface CapsuleSetting {
  id: string;
  agentId: string;
  /** How many leases may be held at once. */
  slots: number;
  lingerMs: number;
}

export interface RunFilter {
  workflowId?: string;
  status?: RunStatus;
  createdAfter?: number;
  createdBefore?: number;
  /** In the id (from its beginning), the workflow or the error; capitals do not matter. */
  text?: string;
  /** The runs that do the work of a step of this run; left out: runs that nobody's step began. */
  parent?: { runId: string; stepId?: string };
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface RunPayloads {
  input: Record<string, unknown>;
  results: StepResult[];
}

export interface Store
  extends
    ApprovalStore,
    DeliveryStore,
    ReplayStore,
    AlertStore,
    BudgetStore,
    NotificationStore,
    FlowStore,
    CostStore,
    AuditStore,
    KeyStore,
    SwitchStore,
    BreakerStore,
    ProtocolStore,
    ReleaseStore,
    ObservationStore {
  /** Commits a change, or says which race it lost. Throws only when the store itself fails. */
  commit(change: Change): Promise<CommitResult>;

  run(id: string): Promise<Versioned<RunState> | undefined>;
  /** Input and results of a run; undefined once retention removed them. */
  payloads(runId: string): Promise<RunPayloads | undefined>;
  /** Newest first. */
  runs(filter: RunFilter, limit: number, cursor?: string): Promise<Page<RunState>>;
  /** How many runs of each status fit. */
  countRuns(filter: Omit<RunFilter, 'status'>): Promise<Record<RunStatus, number>>;
  /** Runs of a workflow that are queued or running and do no other run's work, oldest first. */
  openRuns(
    workflowId: string,
    limit: number,
  ): Promise<Array<{ id: string; status: RunStatus; createdAt: number }>>;
  dueRuns(now: number, limit: number): Promise<string[]>;

  /** Steps that wait for an event of this name, with its key or any, oldest first. */
  waitsFor(name: string, key: string, limit: number): Promise<Wait[]>;
  waitOf(runId: string, stepId: string, attempt: number): Promise<Wait | undefined>;
  /** Steps that wait for a person, newest first. */
  approvals(limit: number, cursor?: string): Promise<Page<Wait>>;
  /** The first event of a name (and of a key, unless it is empty) that came at `since` or later. */
  firstEvent(name: string, key: string, since: number): Promise<StoredEvent | undefined>;
  /** Events from before a time whose delivery was not finished, oldest first. */
  undelivered(before: number, limit: number): Promise<StoredEvent[]>;

  capsule(id: string): Promise<CapsuleRecord | undefined>;
  capsules(): Promise<CapsuleRecord[]>;
  /**
   * Creates capsules that are new and updates their settings.
   * @param entryFor the entry for a capsule that is new (without `was`) or whose settings changed
   */
  declareCapsules(
    settings: CapsuleSetting[],
    now: number,
    entryFor?: (setting: CapsuleSetting, was: CapsuleSetting | undefined) => LedgerEntry,
  ): Promise<void>;
  /** Capsules that somebody waits for, whose time is up, or that idle past their linger. */
  dueCapsules(now: number, limit: number): Promise<string[]>;
  /** Who waits for a capsule and is held by no switch, in turn; at most as many as there are free slots. */
  grantable(capsuleId: string): Promise<LeaseRequest[]>;
  /** Everybody who waits for a capsule. */
  waiting(capsuleId: string, limit: number): Promise<LeaseRequest[]>;
  /** Who holds a lease on a capsule. */
  holders(capsuleId: string): Promise<LeaseRequest[]>;

  shifts(filter: { capsuleId?: string }, limit: number, cursor?: string): Promise<Page<Shift>>;

  /** Newest first; with `after`, those scheduled after that time only. */
  ticks(workflowId: string, limit: number, after?: number): Promise<Tick[]>;
  /** The last scheduled time that was decided, fired or skipped. */
  lastTick(workflowId: string): Promise<number | undefined>;
  /** Since when a workflow's present schedule is known; sets it, with its entry, if `fingerprint` is new. */
  declareSchedule(
    workflowId: string,
    fingerprint: string,
    now: number,
    entryFor?: (was: string | undefined) => LedgerEntry,
  ): Promise<number>;

  /** Ledger entries after `seq`, oldest first. */
  ledger(afterSeq: number, limit: number): Promise<ChainedEntry[]>;
  /** A secret all orchestrators share; the first caller's proposal wins. */
  sharedSecret(name: string, proposal: string): Promise<string>;
  /**
   * Removes runs that finished before a time, with their payloads; the ledger and the shifts stay.
   * @param entryFor what is written down of it, unless nothing went
   */
  purge(finishedBefore: number, limit: number, entryFor?: (removed: number) => LedgerEntry): Promise<number>;

  claimRedeploy: RedeployStore['claimRedeploy'];
  settleRedeploy: RedeployStore['settleRedeploy'];
  dropRedeploy: RedeployStore['dropRedeploy'];
  followedBuilds: RedeployStore['followedBuilds'];
  endRedeploy: RedeployStore['endRedeploy'];

  /** Resolves if the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
