/** What can happen to a run, what its rules look at, and what they decide. */
import type { AgentRunResult } from '../contract';
import type { Memo, Vote } from './approval/memo';
import type { ChildEnd } from './children';
import type { RunData } from './condition';
import type { CapsuleChoice } from './failover';
import type { Limits } from './limits';
import type { Act } from './oversight/act';
import type { Oversight } from './oversight/rules';
import type { RunState, Todo } from './run';

export type RunEvent =
  /** The run may begin: it was created, or the run it waited for has ended. */
  | { type: 'start' }
  /** A capsule has a free slot for a step that waits for one. */
  | { type: 'slot'; stepId: string; generation: number; bootId?: string; capsuleId?: string }
  /** The agent answered 202, or claimed the job itself. */
  | { type: 'accepted'; stepId: string; attempt: number; bootId?: string }
  | { type: 'send-failed'; stepId: string; attempt: number; failure: SendFailure }
  | { type: 'result'; stepId: string; attempt: number; result: AgentRunResult }
  /** The agent no longer has the job: it restarted, or its capsule is gone. */
  | { type: 'lost'; stepId: string; attempt: number; reason: string }
  /** The agent was asked how it stands, and answered or did not. */
  | { type: 'checked'; stepId: string; attempt: number; answered: boolean; detail?: string }
  /** The capsule is put to sleep although the step holds a lease on it: its agent does not work. */
  | { type: 'evicted'; stepId: string; attempt: number; reason: string }
  /** A guard, or too much else to send, came between the grant and the send: its step stands in line again. */
  | { type: 'held'; stepId: string; attempt: number; reason: string }
  /** The release it waits for was rolled back: it stands in line for the one that works now. */
  | { type: 'rerouted'; stepId: string; attempt: number }
  | { type: 'wake-failed'; stepId: string; attempt: number; reason: string }
  /** A person's word on what a step waits for. */
  | { type: 'vote'; stepId: string; attempt: number; vote: Vote }
  /** A run that does part of a step's work is over. */
  | { type: 'child-ended'; stepId: string; attempt: number; index: number; end: ChildEnd; error?: string }
  /** What a transition left to be done is done. */
  | { type: 'done'; todo: Todo }
  /** `unless`: it has begun to run, or to end. */
  | { type: 'cancel'; reason: string; unless?: 'started' | 'ending' }
  /** Time passed: deadlines, back-offs and claims that ran out. */
  | { type: 'due' };

export type SendFailure =
  | { kind: 'busy'; retryAfterMs?: number }
  | { kind: 'rejected'; message: string }
  | { kind: 'unreachable'; message: string };

/** A change to the leases of a capsule, committed together with the run. */
export interface LeaseChange {
  op: 'request' | 'grant' | 'release';
  capsuleId: string;
  stepId: string;
  attempt: number;
  /** Of the run; higher is granted first, and 0 is left out. */
  priority?: number;
  /** With `grant`: the shift the lease is for. Refused if the capsule is no longer awake in it. */
  generation?: number;
  /** With `request`: since when it counts as asked for; left out, from now on. */
  requestedAt?: number;
}

/** Something a step waits for is announced, or no longer waited for; committed together with the run. */
export interface WaitChange {
  op: 'open' | 'close';
  stepId: string;
  attempt: number;
  kind: 'event' | 'approval';
  /** The event's name, or what is asked. */
  name: string;
  /** Empty: any key. */
  key: string;
}

export type CapsuleHealthEvent = { type: 'tried' } | { type: 'well' } | { type: 'unwell'; reason: string };

export type RunCommand =
  | { type: 'wake'; capsuleId: string }
  | { type: 'send'; stepId: string; attempt: number }
  | { type: 'check'; stepId: string; attempt: number }
  | { type: 'cancel-agent'; stepId: string; attempt: number; capsuleId: string }
  /** The agent takes no jobs: find out whether its capsule has to be woken anew. */
  | { type: 'doubt'; capsuleId: string; generation: number; cause: 'busy' | 'unreachable'; reason: string }
  /** See that the step's runs that are under way exist, and take in those that ended. */
  | { type: 'children'; stepId: string; attempt: number }
  /** Every run of the step is over: collect their outputs as the step's result. */
  | { type: 'gather'; stepId: string; attempt: number }
  /** See whether what the step waits for has happened already. */
  | { type: 'look'; stepId: string; attempt: number }
  /** Tell people of a memo. */
  | { type: 'tell'; memo: Memo }
  /** An agent acted: see whether it may go on as it does. */
  | { type: 'weigh'; act: Act }
  /** What is to be noted of a capsule whose agent has alternatives. */
  | { type: 'health'; capsuleId: string; event: CapsuleHealthEvent }
  | { type: 'todo'; todo: Todo }
  /** The run waits in line: see whether it may start. */
  | { type: 'admit' }
  | { type: 'finished' };

export interface CapsuleView {
  capsuleId: string;
  /** Set when the capsule is awake and a lease may be taken at once, without waiting in line. */
  awake?: { generation: number; bootId?: string };
}

export interface PlacedRelease {
  releaseId: string;
  capsuleId: string;
}

/** Where the last attempt was, of which nobody knows whether it is still worked on. */
export interface LastPlace {
  capsuleId: string;
  generation: number;
}

/** The capsule that does a piece of work. */
export interface WorkPlace extends CapsuleChoice {
  /** The release that is there, where the registry names it. */
  releaseId?: string;
}

export interface FailoverRules {
  /** Undefined: its agent has no alternatives, or this piece of work is not to be done on one. */
  placeFor: (
    agentId: string,
    belongs: PlacedRelease | undefined,
    last: LastPlace | undefined,
  ) => WorkPlace | undefined;
  /** Whether a capsule is passed over at present. */
  isUnwell: (capsuleId: string) => boolean;
}

export interface RunContext {
  now: number;
  /** Uniform in [0, 1): jitter. */
  random: () => number;
  limits: Limits;
  /** A capsule that serves an agent, as last seen; the main one unless another is named. The commit checks it again. */
  capsuleOf: (agentId: string, capsuleId?: string) => CapsuleView;
  /**
   * The release of an agent that does this run's work, and where it is; undefined where it has none. `before` did
   * its work until now, and stays with it unless it was rolled back.
   */
  releaseOf?: (agentId: string, before: string | undefined) => PlacedRelease | undefined;
  /** Which of its capsules does an agent's work; left out: the one it belongs on. */
  failover?: FailoverRules;
  /** False where another process will perform the commands: then they are due at once. */
  performing: boolean;
  /** Input and outputs so far; needed where a plan has conditions, lists or paths. */
  data?: RunData;
  /** Why a guard holds an agent's work for this run, if one does: then its wait has no end. */
  heldBack?: (agentId: string) => string | undefined;
  /** How an agent is overseen; left out: none is. */
  oversight?: (agentId: string) => Oversight;
}

/** What came of an event. `late` and `duplicate` results are recorded but change nothing. */
export type RunOutcome = 'changed' | 'unchanged' | 'duplicate' | 'late';

export interface RunDecision {
  state: RunState;
  outcome: RunOutcome;
  leases: LeaseChange[];
  waits: WaitChange[];
  commands: RunCommand[];
  /** Memos as they are now, those that changed. */
  memos: Memo[];
  /** What agents did. */
  acts: Act[];
  /** What a person's word makes of a step: its result. */
  words: Array<{ stepId: string; attempt: number; result: AgentRunResult }>;
  /** The result is a proposal: no output of its step. */
  proposal?: true;
}
