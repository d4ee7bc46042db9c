/** The rules of being awake ahead of work. */
import type { CapsuleState } from './capsule';
import type { CapsuleContext, CapsuleDecision, CapsuleEvent } from './capsule-events';
import { changed, drain, rest, unchanged, wake, withShift, without } from './capsule-moves';
import { addWarm, withoutWarm } from './warm';

/** Wakes it ahead of work, or keeps it awake for that. One that is on its way to sleep goes there first. */
export function prewarm(
  capsule: CapsuleState,
  { for: what, until, reason }: Extract<CapsuleEvent, { type: 'prewarmed' }>,
  context: CapsuleContext,
): CapsuleDecision {
  const warm = addWarm(capsule, { for: what, until, reason }, context.now);
  if (!warm || capsule.status === 'draining') return unchanged(capsule);
  if (capsule.status === 'asleep') {
    const decision = wake({ ...capsule, warm }, context, reason);
    return decision.changed ? decision : unchanged(capsule);
  }
  const state = { ...capsule, warm };
  return changed(capsule.status === 'awake' ? rest(state, context.now) : state);
}

/** A wake that is no longer wanted by anybody is ended at once. */
export function cool(
  capsule: CapsuleState,
  { for: what, reason }: Extract<CapsuleEvent, { type: 'cooled' }>,
  context: CapsuleContext,
): CapsuleDecision {
  const state = withoutWarm(capsule, what);
  if (!state) return unchanged(capsule);
  const { activity, now } = context;
  if (state.status === 'awake') return changed({ dueAt: now, ...rest(without(state, 'dueAt'), now) });
  const wanted = state.warm ?? activity.held + activity.waiting > 0;
  // A scale-up whose answer is not there yet might arrive after the scale-down.
  if (wanted || state.shift?.acceptedAt === undefined) return changed(state);
  const drained = drain(state, reason, context);
  return {
    ...changed(drained, [{ type: 'scale-down', generation: capsule.generation }]),
    ...withShift(drained),
    unless: 'held-or-waiting',
  };
}
