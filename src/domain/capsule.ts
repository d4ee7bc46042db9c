/**
 * A capsule and its shifts: asleep → waking → awake → draining → asleep. The generation rises at
 * each wake; a command that was decided under an older one is never performed.
 */
import type { Unwell } from './failover';

export const CAPSULE_STATUSES = ['asleep', 'waking', 'awake', 'draining'] as const;
export type CapsuleStatus = (typeof CAPSULE_STATUSES)[number];

export interface ReleaseBoots {
  release: string;
  /** Newest first. */
  bootMs: number[];
}

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
  /** Since when the platform has not taken a call that would wake it. */
  outageSince?: number;
  /** When the last scale-down was sent, so that it is repeated only after a while. */
  scaledDownAt?: number;
  /** The last thing that went wrong, for people. */
  lastError?: string;
  /** Its agent has alternatives, and they do its work for a while. */
  unwell?: Unwell;
  /** The last boots, newest first, in milliseconds from acceptance to healthy. */
  bootMs: number[];
  /** The release that booted last, where its agent tells it, and the boots of the last few, that one's first. */
  release?: string;
  releaseBoots?: ReleaseBoots[];
  /** Pauses between the agent's work, newest first, and the end of the last work: to learn when more comes. */
  gapMs?: number[];
  lastWorkAt?: number;
  /** How long the last shift took from the scale-down to zero. */
  drainMs?: number;
  /** What it is kept awake for although nobody works on it yet. */
  warm?: Warm[];
  shift?: Shift;
}

/** What work a capsule is woken for before its time: a scheduled time, or a step of a run that is under way. */
export type WorkFor = { workflowId: string; scheduledFor: number } | { runId: string; stepId: string };

/** What it is kept awake for: work that is foreseen, a release that is to be at hand, or a person who wants it so. */
export type WarmFor = WorkFor | { releaseId: string } | { by: 'hand' };

export const BY_HAND: WarmFor = { by: 'hand' };

/** A reason to be awake without a lease. It ends by itself. */
export interface Warm {
  for: WarmFor;
  /** No reason any more from this time on. */
  until: number;
  /** For people. */
  reason: string;
}

/** One awake period: what is billed. All times epoch milliseconds; missing means not reached. */
export interface Shift {
  capsuleId: string;
  agentId: string;
  generation: number;
  /** The scale-up was decided. */
  requestedAt: number;
  /** Woken before there was work, and why. */
  prewarm?: string;
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
  /** Awake before the first work, because it was woken ahead of it. */
  prewarmMs: number;
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
/** Of how many releases the boots are kept apart. */
export const BOOT_RELEASES = 3;

export function asleep(id: string, agentId: string): CapsuleState {
  return { id, agentId, status: 'asleep', generation: 0, formerBootIds: [], failedWakes: 0, bootMs: [] };
}

/**
 * The learned boot time, in milliseconds; undefined before the first boot. Of the release that booted last,
 * where agents tell theirs: the next boot is most likely of the same.
 */
export function learnedBootMs(
  { bootMs, releaseBoots }: Pick<CapsuleState, 'bootMs' | 'releaseBoots'>,
  quantile: number,
): number | undefined {
  return quantileOf(releaseBoots?.[0]?.bootMs ?? bootMs, quantile);
}

/** The nearest-rank quantile of some samples; undefined if there are none. */
export function quantileOf(samples: readonly number[], quantile: number): number | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
}

/** What a boot adds to what is learned. */
export function withBoot(
  capsule: CapsuleState,
  ms: number,
  release: string | undefined,
): Pick<CapsuleState, 'bootMs' | 'release' | 'releaseBoots'> {
  const bootMs = [ms, ...capsule.bootMs].slice(0, BOOT_SAMPLES);
  if (release === undefined) return { bootMs };
  const known = capsule.releaseBoots ?? [];
  const own = known.find((boots) => boots.release === release)?.bootMs ?? [];
  const others = known.filter((boots) => boots.release !== release).slice(0, BOOT_RELEASES - 1);
  const releaseBoots = [{ release, bootMs: [ms, ...own].slice(0, BOOT_SAMPLES) }, ...others];
  return { bootMs, release, releaseBoots };
}

/**
 * Splits a finished shift. Work is what the leases measured; awake time without one is prewarm before the
 * first work of a shift that was woken ahead of it, and linger otherwise.
 */
export function splitShift(shift: Shift, workMs: number): ShiftSplit {
  const accepted = shift.acceptedAt ?? shift.requestedAt;
  const end = Math.max(accepted, shift.zeroAt ?? accepted);
  const down = clamp(shift.scaleDownAt ?? end, accepted, end);
  const healthy = clamp(shift.healthyAt ?? down, accepted, down);
  const first = clamp(shift.firstWorkAt ?? down, healthy, down);
  const prewarm = shift.prewarm === undefined ? 0 : first - healthy;
  const work = Math.min(workMs, down - healthy - prewarm);
  return {
    bootMs: healthy - accepted,
    prewarmMs: prewarm,
    workMs: work,
    lingerMs: down - healthy - prewarm - work,
    drainMs: end - down,
  };
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
