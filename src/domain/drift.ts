/** How many replicas a capsule should have, beside how many the platform was seen to run. Pure. */
import type { CapsuleState, Shift } from './capsule';

/** What the platform last told. Times are epoch milliseconds. */
export interface Observation {
  /** Null: it could not be told. Unknown is never zero. */
  running: number | null;
  /** Since when it is the same, as far as it was looked at. */
  since: number;
  at: number;
}

export interface Replicas {
  desired: number;
  /** Null: unknown, or nobody has looked since the status changed. */
  observed: number | null;
  observedAt?: number;
  /** Since when the two differ; unset while they do not, or nobody has looked since the status changed. */
  driftSince?: number;
}

/** One while it is, or is to be, awake. */
export const desiredReplicas = ({ status }: Pick<CapsuleState, 'status'>): number =>
  status === 'waking' || status === 'awake' ? 1 : 0;

/** @param seen the last look; undefined: nobody has looked yet */
export function replicasOf(
  capsule: CapsuleState,
  seen: Observation | undefined,
  statusSince: number | undefined,
): Replicas {
  const desired = desiredReplicas(capsule);
  if (!seen) return { desired, observed: null };
  const { running, at } = seen;
  // What was seen before the last change of status tells nothing about the present one.
  const observed = at < (statusSince ?? 0) ? null : running;
  const looked = { desired, observed, observedAt: at };
  if (observed === null || observed === desired) return looked;
  return { ...looked, driftSince: Math.max(seen.since, statusSince ?? 0) };
}

/** Since when a capsule has its status. @param last its newest shift, for when it fell asleep */
export function statusSince({ status, shift }: CapsuleState, last: Shift | undefined): number | undefined {
  switch (status) {
    case 'asleep':
      return last?.zeroAt;
    case 'waking':
      return shift?.requestedAt;
    case 'awake':
      return shift?.healthyAt;
    case 'draining':
      return shift?.scaleDownAt;
  }
}
