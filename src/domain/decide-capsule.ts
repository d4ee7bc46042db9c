/**
 * The rules of a capsule: when it wakes, counts as awake, and may sleep. Pure. "Asleep" is only
 * ever written when zero replicas were observed; unknown is never zero.
 */
import { splitShift, withBoot, type CapsuleState, type Shift } from './capsule';
import type { CapsuleCommand, CapsuleContext, CapsuleDecision, CapsuleEvent } from './capsule-events';
import { lingerReason, learnedGaps } from './linger';
import { curedBy, health } from './capsule-health';
import { unwellAfter } from './failover';
import { changed, claim, drain, rest, unchanged, wake, withShift, without } from './capsule-moves';
import { sendToSleep, wakeByHand } from './capsule-by-hand';
import { cool, prewarm } from './capsule-prewarm';
import { liveWarm } from './warm';

export * from './capsule-events';

export function decideCapsule(
  capsule: CapsuleState,
  event: CapsuleEvent,
  context: CapsuleContext,
): CapsuleDecision {
  if ('generation' in event && event.generation !== capsule.generation) return unchanged(capsule);
  switch (event.type) {
    case 'demand':
      return capsule.status === 'asleep' ? wake(capsule, context) : unchanged(capsule);
    case 'prewarmed':
      return prewarm(capsule, event, context);
    case 'cooled':
      return cool(capsule, event, context);
    case 'woken-by-hand':
      return wakeByHand(capsule, event, context);
    case 'sent-to-sleep':
      return sendToSleep(capsule, event, context);
    case 'scaled-up':
      return stamp(capsule, 'waking', { acceptedAt: event.at });
    case 'connected':
      return stamp(capsule, 'waking', { firstTcpAt: event.at });
    case 'healthy':
      return healthy(capsule, event, context);
    case 'wake-failed':
      return wakeFailed(capsule, event, context);
    case 'held':
      return held(capsule, event.reason, context);
    case 'rebooted':
      return rebooted(capsule, event.bootId);
    case 'gone':
      return gone(capsule, context);
    case 'distrust':
      return distrust(capsule, event.reason, context);
    case 'stray':
      return stray(capsule, context);
    case 'renew':
      return capsule.dueAt === undefined || capsule.status === 'awake'
        ? unchanged(capsule)
        : changed({ ...capsule, dueAt: claim(context) });
    case 'handed-over':
      return capsule.status === 'waking' ? changed({ ...capsule, dueAt: context.now }) : unchanged(capsule);
    case 'idle':
      return sleep(capsule, context);
    case 'unwell':
    case 'tried':
    case 'well':
      return health(capsule, event, context);
    case 'scaled-down':
      return scaledDown(capsule, context);
    case 'observed':
      return observed(capsule, event.running, context);
    case 'due':
      return due(capsule, context);
  }
}

/** Why a capsule may not sleep now; empty when it may. Each condition by itself. */
export function reasonsAwake(capsule: CapsuleState, context: CapsuleContext): string[] {
  const { activity, now } = context;
  const reasons: string[] = [];
  if (activity.held > 0) reasons.push(`${activity.held} live lease(s)`);
  if (activity.waiting > 0) reasons.push(`${activity.waiting} step(s) waiting for a lease`);
  for (const { for: what, reason, until } of liveWarm(capsule, now))
    reasons.push(
      'by' in what
        ? `woken by hand (${reason}), until ${new Date(until).toISOString()}`
        : `awake ahead of work (${reason}), for another ${until - now} ms at most`,
    );
  const idle = activity.held === 0 && activity.waiting === 0;
  const lingers = idle ? lingerReason(capsule, context) : undefined;
  if (lingers !== undefined) reasons.push(lingers);
  return reasons;
}

/** Adds a time to the current shift, once. */
function stamp(
  capsule: CapsuleState,
  status: CapsuleState['status'],
  times: Partial<Shift>,
): CapsuleDecision {
  const { shift } = capsule;
  const known = shift && Object.keys(times).every((key) => key in shift);
  if (!shift || known || capsule.status !== status) return unchanged(capsule);
  const next = { ...shift, ...times };
  return { ...changed({ ...capsule, shift: next }), shift: next };
}

function healthy(
  capsule: CapsuleState,
  event: Extract<CapsuleEvent, { type: 'healthy' }>,
  { now }: CapsuleContext,
): CapsuleDecision {
  // A terminating replica of an earlier shift may still answer; it is not this shift's agent.
  const former = event.bootId !== undefined && capsule.formerBootIds.includes(event.bootId);
  if (capsule.status !== 'waking' || !capsule.shift || former) return unchanged(capsule);
  // An agent that claims its job may be quicker than the answer to our own scale call.
  const acceptedAt = capsule.shift.acceptedAt ?? Math.min(now, event.at);
  const shift: Shift = { firstTcpAt: event.at, ...capsule.shift, acceptedAt, healthyAt: event.at };
  const state: CapsuleState = {
    ...without(capsule, 'wakeDeadline', 'dueAt', 'lastError', 'outageSince', ...curedBy(capsule)),
    status: 'awake',
    ...(event.bootId !== undefined && { bootId: event.bootId }),
    failedWakes: 0,
    ...withBoot(capsule, Math.max(0, event.at - acceptedAt), event.release),
    // Nothing else makes anybody look after a shift that nobody may come to.
    ...(shift.prewarm !== undefined && { dueAt: now }),
    shift,
  };
  return { ...changed(rest(state, now), [{ type: 'grant', generation: capsule.generation }]), shift };
}

function wakeFailed(
  capsule: CapsuleState,
  event: Extract<CapsuleEvent, { type: 'wake-failed' }>,
  context: CapsuleContext,
): CapsuleDecision {
  if (capsule.status !== 'waking') return unchanged(capsule);
  const { limits, now, hasAlternatives = false } = context;
  const outageSince = event.outage ? (capsule.outageSince ?? now) : undefined;
  // An outage is waited out as long as a wake may take, without doubling the pause: it wakes soon after its end.
  const isPassing =
    outageSince !== undefined && !hasAlternatives && now - outageSince < context.wakeTimeoutMs;
  const failedWakes = capsule.failedWakes + (isPassing ? 0 : 1);
  const tooOften = hasAlternatives || failedWakes >= limits.wakeAttempts;
  const giveUp = event.final === true || (!isPassing && tooOften);
  const retryWakeAt = now + limits.wakeBackoffMs * 2 ** Math.max(0, failedWakes - 1);
  const state: CapsuleState = {
    ...without(drain(capsule, event.reason, context), 'outageSince'),
    failedWakes: giveUp ? 0 : failedWakes,
    lastError: event.reason,
    ...(!giveUp && { retryWakeAt }),
    ...(!giveUp && outageSince !== undefined && { outageSince }),
    ...(hasAlternatives && {
      unwell: unwellAfter(capsule.unwell, { cause: 'wake', reason: event.reason }, now),
    }),
  };
  const commands: CapsuleCommand[] = [{ type: 'scale-down', generation: capsule.generation }];
  if (giveUp) commands.push({ type: 'fail-waiting', reason: event.reason });
  return { ...changed(state, commands), ...withShift(state), unless: 'held' };
}

/** No failure of the capsule's: nothing is counted, and it may be woken as soon as the guards let it. */
function held(capsule: CapsuleState, reason: string, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'waking') return unchanged(capsule);
  const state = drain(capsule, reason, context);
  return {
    ...changed(state, [{ type: 'scale-down', generation: capsule.generation }]),
    ...withShift(state),
    unless: 'held',
  };
}

function rebooted(capsule: CapsuleState, bootId: string): CapsuleDecision {
  if (capsule.status !== 'awake' || capsule.bootId === bootId) return unchanged(capsule);
  return changed({ ...capsule, bootId, formerBootIds: remember(capsule) });
}

function gone(capsule: CapsuleState, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'awake') return unchanged(capsule);
  const decision = fallAsleep(capsule, 'gone', context);
  const reason = 'its capsule was put to sleep by somebody else';
  return {
    ...decision,
    commands: [{ type: 'evict', generation: capsule.generation, reason }, ...decision.commands],
  };
}

/** Draining begins at once, so that nobody gets a lease any more; the scale-down waits for the last to go. */
function distrust(capsule: CapsuleState, reason: string, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'awake') return unchanged(capsule);
  const state = { ...drain(capsule, reason, context), dueAt: context.now, lastError: reason };
  return {
    ...changed(state, [{ type: 'evict', generation: capsule.generation, reason }]),
    ...withShift(state),
  };
}

/** Not a shift of ours, and still nobody's: it is put to sleep like one. */
function stray(capsule: CapsuleState, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'asleep') return unchanged(capsule);
  const state = {
    ...drain(capsule, 'stray', context),
    lastError: 'replicas ran although the capsule was asleep',
  };
  return { ...changed(state, [{ type: 'scale-down', generation: capsule.generation }]), unless: 'held' };
}

function sleep(capsule: CapsuleState, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'awake' || reasonsAwake(capsule, context).length > 0) return unchanged(capsule);
  const state = drain(capsule, 'idle', context);
  return {
    ...changed(state, [{ type: 'scale-down', generation: capsule.generation }]),
    ...withShift(state),
    unless: 'held-or-waiting',
  };
}

function scaledDown(capsule: CapsuleState, context: CapsuleContext): CapsuleDecision {
  if (capsule.status !== 'draining') return unchanged(capsule);
  const state = { ...capsule, scaledDownAt: context.now, dueAt: claim(context) };
  return changed(state, [{ type: 'verify', generation: capsule.generation }]);
}

function observed(
  capsule: CapsuleState,
  running: number | 'unknown',
  context: CapsuleContext,
): CapsuleDecision {
  return capsule.status === 'draining' && running === 0
    ? fallAsleep(capsule, undefined, context)
    : unchanged(capsule);
}

/** Zero was observed: the shift closes, and whoever waits is served by the next one. */
function fallAsleep(
  capsule: CapsuleState,
  endReason: string | undefined,
  context: CapsuleContext,
): CapsuleDecision {
  const { now, activity } = context;
  const open = capsule.shift && {
    ...capsule.shift,
    zeroAt: now,
    ...(activity.firstWorkAt !== undefined && { firstWorkAt: activity.firstWorkAt }),
    ...(activity.lastWorkAt !== undefined && { lastWorkAt: activity.lastWorkAt }),
    ...(endReason !== undefined && { endReason }),
  };
  // Somebody else may have stopped it in the middle of work.
  const unfinished = activity.busySince === undefined ? 0 : Math.max(0, now - activity.busySince);
  const split = open && splitShift(open, activity.workMs + unfinished);
  const shift = open && split && { ...open, split };
  const state: CapsuleState = {
    ...without(capsule, 'dueAt', 'shift', 'bootId', 'scaledDownAt', 'warm'),
    ...(shift && learnedGaps(capsule, shift)),
    ...(split && shift?.scaleDownAt !== undefined && { drainMs: split.drainMs }),
    status: 'asleep',
    formerBootIds: remember(capsule),
    ...(capsule.retryWakeAt !== undefined && { dueAt: Math.max(now, capsule.retryWakeAt) }),
  };
  const commands: CapsuleCommand[] =
    activity.waiting > 0 ? [{ type: 'retry', at: Math.max(now, capsule.retryWakeAt ?? now) }] : [];
  return { ...changed(state, commands), ...(shift && { shift }) };
}

/** Somebody else's claim ran out, or a pause is over: take the work up again. */
function due(capsule: CapsuleState, context: CapsuleContext): CapsuleDecision {
  const { now, limits, activity } = context;
  if (capsule.dueAt === undefined || now < capsule.dueAt) return unchanged(capsule);
  const { generation } = capsule;
  const taken = { ...capsule, dueAt: claim(context) };
  if (capsule.status === 'waking') return changed(taken, [{ type: 'scale-up', generation }]);
  if (capsule.status === 'draining' && activity.held > 0) {
    return changed(taken, [{ type: 'evict', generation, reason: capsule.lastError ?? 'its shift ends' }]);
  }
  if (capsule.status === 'draining') {
    const again = capsule.scaledDownAt === undefined || now - capsule.scaledDownAt >= limits.rescaleMs;
    return changed(taken, [again ? { type: 'scale-down', generation } : { type: 'verify', generation }]);
  }
  const rested = without(capsule, 'dueAt');
  if (capsule.status === 'asleep' && activity.waiting > 0)
    return wake(without(rested, 'retryWakeAt'), context);
  return changed(capsule.status === 'asleep' ? without(rested, 'retryWakeAt') : rest(rested, now));
}

const remember = (capsule: CapsuleState): string[] =>
  capsule.bootId === undefined
    ? capsule.formerBootIds
    : [capsule.bootId, ...capsule.formerBootIds].slice(0, 5);
