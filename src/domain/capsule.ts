/**
 * A capsule and its shifts: asleep → waking → awake → draining → asleep. The generation rises at
 * each wake; a command that was decided under an older one is never performed.
 */
export const CAPSULE_STATUSES = ['asleep', 'waking', 'awake', 'draining'] as const;
export type CapsuleStatus = (typeof CAPSULE_STATUSES)[number];

export interface CapsuleState {
  id: string;
  agentId: string;
  status: CapsuleStatus;
  generation: number;
  /** The agent process that answers; processes of earlier shifts are not ready. */
  bootId?: string;
  /** The boot ids of the last shifts: a terminating replica may still answer with one of them. */
  formerBootIds: string[];
  /** When somebody has to take over or look again. */
  dueAt?: number;
  /** Wakes tried in a row without success. */
  failedWakes: number;
  /** When this wake is given up. */
  wakeDeadline?: number;
  /** While draining after a failed wake: not to be woken again before this time. */
  retryWakeAt?: number;
  /** When the last scale-down was sent, so that it is repeated only after a while. */
  scaledDownAt?: number;
  /** The last thing that went wrong, for people. */
  lastError?: string;
  /** The last boots, newest first, in milliseconds from acceptance to healthy. */
  bootMs: number[];
  shift?: Shift;
}

/** One awake period: what is billed. All times epoch milliseconds; missing means not reached. */
export interface Shift {
  capsuleId: string;
  agentId: string;
  generation: number;
  /** The scale-up was decided. */
  requestedAt: number;
  /** The platform accepted it: billing starts. */
  acceptedAt?: number;
  /** A connection was answered for the first time, healthy or not. */
  firstTcpAt?: number;
  healthyAt?: number;
  /** The first lease was granted, and the last one released. Filled in when the shift closes. */
  firstWorkAt?: number;
  lastWorkAt?: number;
  /** The scale-down was decided. */
  scaleDownAt?: number;
  /** Zero replicas were observed: billing ends. */
  zeroAt?: number;
  /** Why the shift ended. */
  endReason?: string;
  /** Filled in when the shift closes. */
  split?: ShiftSplit;
}

/** Where a shift's milliseconds went. They add up to `zeroAt − acceptedAt`. */
export interface ShiftSplit {
  bootMs: number;
  workMs: number;
  lingerMs: number;
  drainMs: number;
}

/** What the leases say about a capsule; kept by the store with every lease change. */
export interface Activity {
  /** Leases held now. */
  held: number;
  /** Leases asked for and not yet granted. */
  waiting: number;
  /** Since when at least one is held without a break. */
  busySince?: number;
  /** Since when none is held, while awake. */
  idleSince?: number;
  /** Milliseconds of this shift during which at least one lease was held, up to `busySince`. */
  workMs: number;
  firstWorkAt?: number;
  lastWorkAt?: number;
}

/** How many boots are remembered to learn from. */
export const BOOT_SAMPLES = 20;

export function asleep(id: string, agentId: string): CapsuleState {
  return { id, agentId, status: 'asleep', generation: 0, formerBootIds: [], failedWakes: 0, bootMs: [] };
}

/** The learned boot time, in milliseconds; undefined before the first boot. Nearest-rank quantile. */
export function learnedBootMs(capsule: Pick<CapsuleState, 'bootMs'>, quantile: number): number | undefined {
  const sorted = [...capsule.bootMs].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
}

/** Splits a finished shift. Work is what the leases measured; linger is awake time without one. */
export function splitShift(shift: Shift, workMs: number): ShiftSplit {
  const accepted = shift.acceptedAt ?? shift.requestedAt;
  const end = Math.max(accepted, shift.zeroAt ?? accepted);
  const down = clamp(shift.scaleDownAt ?? end, accepted, end);
  const healthy = clamp(shift.healthyAt ?? down, accepted, down);
  const work = Math.min(workMs, down - healthy);
  return {
    bootMs: healthy - accepted,
    workMs: work,
    lingerMs: down - healthy - work,
    drainMs: end - down,
  };
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
