/** How many replicas there should be, and how many the platform was seen to run. */
import type { Capsule } from '../../api/types';
import { duration, msBetween, Time } from '../../parts/time';

/** A shorter difference is a wake or a sleep under way. */
const DRIFT_MS = 10_000;

type Replicas = Capsule['replicas'];

export const isDrifting = ({ driftSince }: Replicas, beyondMs = DRIFT_MS): boolean =>
  (msBetween(driftSince, null) ?? 0) > beyondMs;

export function ReplicasSeen({ replicas }: { replicas: Replicas }) {
  const { desired, observed, observedAt, driftSince } = replicas;
  if (observed === null) return <>{desired} wanted, not seen yet</>;
  if (!isDrifting(replicas))
    return (
      <>
        {desired} wanted, {observed} seen <Time at={observedAt} />
      </>
    );
  return (
    <strong class="bad">
      <span aria-hidden="true">✕ </span>
      {desired} wanted, {observed} running for {duration(msBetween(driftSince, null))}
    </strong>
  );
}
