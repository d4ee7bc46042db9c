/** The rules of what a person asks of a capsule itself: be awake for a while, or sleep now. */
import { BY_HAND, type CapsuleState } from './capsule';
import type { CapsuleContext, CapsuleDecision, CapsuleEvent } from './capsule-events';
import { changed, drain, unchanged, withShift, without } from './capsule-moves';
import { prewarm } from './capsule-prewarm';
import { withoutWarm } from './warm';

/** How long a capsule that was woken by hand stays awake unless said otherwise: nobody pays for one forgotten. */
export const BY_HAND_MS = 15 * 60_000;
export const MAX_BY_HAND_MS = 4 * 3_600_000;

/** One such wish at a time: the newer one takes the place of the older, also where it ends earlier. */
export function wakeByHand(
  capsule: CapsuleState,
  { until, reason }: Extract<CapsuleEvent, { type: 'woken-by-hand' }>,
  context: CapsuleContext,
): CapsuleDecision {
  const { now } = context;
  const held = capsule.warm?.find(({ for: what }) => 'by' in what);
  if (until <= now || held?.until === until) return unchanged(capsule);
  const decision = prewarm(
    withoutWarm(capsule, BY_HAND) ?? capsule,
    { type: 'prewarmed', for: BY_HAND, until, reason },
    context,
  );
  return decision.changed ? decision : unchanged(capsule);
}

/**
 * Whatever it is kept awake for is let go of. One at work only with `force`: its shift ends then, and the leases
 * are taken from those who hold them.
 */
export function sendToSleep(
  capsule: CapsuleState,
  { reason, force }: Extract<CapsuleEvent, { type: 'sent-to-sleep' }>,
  context: CapsuleContext,
): CapsuleDecision {
  const { activity, now } = context;
  const { status, generation } = capsule;
  if (status !== 'awake' && status !== 'waking') return unchanged(capsule);
  if (!force && activity.held + activity.waiting > 0) return unchanged(capsule);
  // A scale-up whose answer is not there yet might arrive after the scale-down: it sleeps as soon as it is awake.
  if (status === 'waking' && capsule.shift?.acceptedAt === undefined)
    return capsule.warm ? changed(without(capsule, 'warm')) : unchanged(capsule);
  const drained = drain(capsule, reason, context);
  if (activity.held > 0) {
    // As a shift that is not trusted any more: nobody gets a lease, and the scale-down waits for the last to go.
    const state = { ...drained, dueAt: now };
    return { ...changed(state, [{ type: 'evict', generation, reason }]), ...withShift(state) };
  }
  return {
    ...changed(drained, [{ type: 'scale-down', generation }]),
    ...withShift(drained),
    unless: force ? 'held' : 'held-or-waiting',
  };
}
