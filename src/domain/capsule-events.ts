/** What can happen to a capsule, what its rules look at, and what they decide. */
import type { Activity, CapsuleState, Shift, Warm, WarmFor } from './capsule';
import type { Limits } from './limits';

export type CapsuleEvent =
  /** A step waits for a lease. */
  | { type: 'demand' }
  /** Work is foreseen: be awake by then, and stay so until it has come or its time is over. */
  | ({ type: 'prewarmed' } & Warm)
  /** What it was woken ahead for has come, or will not come. */
  | { type: 'cooled'; for: WarmFor; reason: string }
  /** A person wants it awake until then, whatever comes; asked again, the newer time holds. */
  | { type: 'woken-by-hand'; until: number; reason: string }
  /** A person wants it asleep; `force`: also from under the work that is done there. */
  | { type: 'sent-to-sleep'; reason: string; force: boolean }
  /** The platform accepted the scale-up of this generation. */
  | { type: 'scaled-up'; generation: number; at: number }
  /** A connection was answered, healthy or not. */
  | { type: 'connected'; generation: number; at: number }
  | { type: 'healthy'; generation: number; bootId?: string; release?: string; at: number }
  /** The wake failed for good in this try: the deadline passed, or the platform refused. */
  | {
      type: 'wake-failed';
      generation: number;
      reason: string;
      final?: boolean;
      /** The platform did not answer: that tells nothing of the capsule. */
      outage?: boolean;
    }
  /** A guard came between the decision to wake it and the call: it is seen to zero instead. */
  | { type: 'held'; generation: number; reason: string }
  /** The agent process was replaced by another within the shift. */
  | { type: 'rebooted'; generation: number; bootId: string }
  /** Zero replicas were observed, and asked for, although we did not: somebody else put it to sleep. */
  | { type: 'gone'; generation: number }
  /** The agent does not work although its capsule is awake: end the shift, whoever holds a lease. */
  | { type: 'distrust'; generation: number; reason: string }
  /** Replicas were observed although the capsule should be asleep. */
  | { type: 'stray'; generation: number }
  /** The process that wakes it or puts it to sleep is still at it. */
  | { type: 'renew'; generation: number }
  /** That process stops before it is done: whoever looks next takes it up at once. */
  | { type: 'handed-over'; generation: number }
  /** The linger may be over: sleep if every condition holds. */
  | { type: 'idle' }
  /** Its agent reports that who it asks outside does not answer. */
  | { type: 'unwell'; reason: string }
  /** One piece of work is on its way to it although it was unwell: to see whether it still is. */
  | { type: 'tried' }
  /** A piece of work was done on it. */
  | { type: 'well' }
  | { type: 'scaled-down'; generation: number }
  /** The platform was read back. */
  | { type: 'observed'; generation: number; running: number | 'unknown' }
  | { type: 'due' };

export type CapsuleCommand =
  | { type: 'scale-up'; generation: number }
  | { type: 'scale-down'; generation: number }
  | { type: 'verify'; generation: number }
  /** Take the leases from those who hold them, so that the capsule can be scaled down. */
  | { type: 'evict'; generation: number; reason: string }
  /** Give the waiting steps their leases. */
  | { type: 'grant'; generation: number }
  /** Tell the waiting steps that the capsule cannot be woken. */
  | { type: 'fail-waiting'; reason: string }
  /** Wake again at this time. */
  | { type: 'retry'; at: number };

export interface CapsuleContext {
  now: number;
  limits: Limits;
  activity: Activity;
  /** How long it lingers after work; where it breaks even, at most. */
  lingerMs: number;
  /** Set where the linger is by what waiting costs against what a cold start costs. */
  breakEven?: {
    /** When the next work is known to come, if any is. */
    nextWorkAt?: number;
  };
  wakeTimeoutMs: number;
  /** Its agent has other capsules that do its work when this one does not: nobody waits for it to try again. */
  hasAlternatives?: boolean;
  performing: boolean;
}

export interface CapsuleDecision {
  state: CapsuleState;
  changed: boolean;
  commands: CapsuleCommand[];
  /** Commit only while no lease is held, or none is even asked for: the fence of every scale-down. */
  unless?: 'held' | 'held-or-waiting';
  /** A shift that began, went on or ended with this decision. */
  shift?: Shift;
}
