/** An emergency stop: everything stops, what runs is cancelled or drained, every capsule is seen at zero. Pure. */
import type { LedgerEntry } from '../ledger';

export const STOP_MODES = ['cancel', 'drain'] as const;
export type StopMode = (typeof STOP_MODES)[number];

/** `done`: everything was seen at zero. `released`: somebody released its switch before that. */
export type StopPhase = 'stopping' | 'done' | 'released';

export interface CapsuleStop {
  capsuleId: string;
  agentId: string;
  /** `zero`: seen without replicas. Everything else is not known to be stopped. */
  state: 'zero' | 'stopping' | 'unverified';
  /** Replicas as last seen. */
  running: number | 'unknown';
  /** When it was seen at zero. */
  zeroAt?: number;
  /** Why it could not be seen, or not be stopped. */
  error?: string;
}

export interface EmergencyStop {
  id: string;
  mode: StopMode;
  message: string;
  owner: string;
  askedAt: number;
  /** The global switch that stays on until somebody releases it. */
  switchId: string;
  /** Until when what runs may finish by itself; `askedAt` where it is cancelled at once. */
  drainUntil: number;
  /** When the report is given whatever was reached; the stop goes on beyond it. */
  verifyUntil: number;
  phase: StopPhase;
  /** Callback tokens from before are refused; set once nothing is waited for any more. */
  revokedBefore?: number;
  /** When the next look is due, whoever is alive by then. */
  dueAt?: number;
  /** Runs that were cancelled. */
  cancelled: string[];
  /** Runs that had work under way when it was asked for. */
  found: string[];
  capsules: CapsuleStop[];
  finishedAt?: number;
}

/** Whether every capsule was seen at zero. */
export const allZero = ({ capsules }: Pick<EmergencyStop, 'capsules'>): boolean =>
  capsules.every((c) => c.state === 'zero');

export const STOP_STATUSES = ['stopping', 'stopped', 'incomplete', 'released'] as const;

/** `incomplete`: the time for the report is over and not everything was seen at zero; it is gone on with. */
export function stopStatus(stop: EmergencyStop, now: number): (typeof STOP_STATUSES)[number] {
  if (stop.phase === 'done') return 'stopped';
  if (stop.phase === 'released') return 'released';
  return now > stop.verifyUntil ? 'incomplete' : 'stopping';
}

const ENTRY_STATUS = { begun: 'stopping', done: 'stopped', released: 'released' } as const;

export function stopEntry(
  action: 'begun' | 'revoked' | 'done' | 'released',
  { id, mode, message, switchId, owner }: EmergencyStop,
  at: number,
): LedgerEntry {
  return {
    at,
    actor: action === 'begun' ? owner : 'engine',
    action: `emergency-stop.${action}`,
    entity: 'emergency-stop',
    id,
    set: {
      ...(action !== 'revoked' && { status: ENTRY_STATUS[action] }),
      ...(action === 'begun' && { mode, switchId }),
      ...(action === 'revoked' && { revoked: true }),
    },
    ...((action === 'done' || action === 'released') && { was: { status: 'stopping' } }),
    reason: message,
  };
}
