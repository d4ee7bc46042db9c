/**
 * The only gate before a capsule is woken. It answers with the reason, so that whatever does not
 * move can say why.
 */
import type { Activity, CapsuleState } from '../domain/capsule';

export type Verdict =
  | { verdict: 'proceed' }
  /** Not now: ask again, at the latest at `until` (epoch milliseconds) if it is known. */
  | { verdict: 'hold'; reason: string; until?: number }
  /** Not at all. */
  | { verdict: 'refuse'; reason: string };

/** What for: a step that waits, or work that is foreseen. */
export type Purpose = 'work' | 'prewarm';

/** Whether a capsule may be woken now. Pure. */
export function admit(
  capsule: CapsuleState,
  activity: Activity,
  now: number,
  purpose: Purpose = 'work',
): Verdict {
  if (purpose === 'work' && activity.waiting === 0)
    return { verdict: 'refuse', reason: `no step waits for ${capsule.id}` };
  if (capsule.status === 'draining') {
    return { verdict: 'hold', reason: `${capsule.id} is still being put to sleep` };
  }
  const { retryWakeAt } = capsule;
  if (retryWakeAt !== undefined && now < retryWakeAt) {
    const reason = `the last wake of ${capsule.id} failed (${capsule.lastError ?? 'no reason known'}); the next try is due`;
    return { verdict: 'hold', reason, until: retryWakeAt };
  }
  return { verdict: 'proceed' };
}
