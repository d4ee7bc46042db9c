/** The moves that the rules of a capsule are made of. */
import type { CapsuleCommand, CapsuleContext, CapsuleDecision } from './capsule-events';
import type { CapsuleState, Shift } from './capsule';
import { liveWarm } from './warm';

export function wake(capsule: CapsuleState, context: CapsuleContext, ahead?: string): CapsuleDecision {
  const { now } = context;
  if (capsule.retryWakeAt !== undefined && now < capsule.retryWakeAt) return unchanged(capsule);
  const generation = capsule.generation + 1;
  const shift: Shift = { capsuleId: capsule.id, agentId: capsule.agentId, generation, requestedAt: now };
  if (ahead !== undefined) shift.prewarm = ahead;
  const state: CapsuleState = {
    ...without(capsule, 'retryWakeAt', 'bootId', 'scaledDownAt'),
    status: 'waking',
    generation,
    wakeDeadline: now + context.wakeTimeoutMs,
    dueAt: claim(context),
    shift,
  };
  return { ...changed(state, [{ type: 'scale-up', generation }]), shift };
}

export function drain(capsule: CapsuleState, endReason: string, context: CapsuleContext): CapsuleState {
  return {
    ...without(capsule, 'wakeDeadline', 'warm'),
    status: 'draining',
    dueAt: claim(context),
    ...(capsule.shift && { shift: { ...capsule.shift, scaleDownAt: context.now, endReason } }),
  };
}

/** While awake, somebody looks again when the last thing it is kept awake for is over. */
export function rest(capsule: CapsuleState, now: number): CapsuleState {
  const warm = liveWarm(capsule, now);
  if (warm.length === 0) return without(capsule, 'warm');
  return { ...capsule, warm, dueAt: Math.max(...warm.map((w) => w.until)) };
}

export const claim = ({ now, limits, performing }: CapsuleContext): number =>
  performing ? now + limits.capsuleClaimMs : now;

export const withShift = (state: CapsuleState): { shift?: Shift } =>
  state.shift ? { shift: state.shift } : {};

export const unchanged = (state: CapsuleState): CapsuleDecision => ({
  state,
  changed: false,
  commands: [],
});

export const changed = (state: CapsuleState, commands: CapsuleCommand[] = []): CapsuleDecision => ({
  state,
  changed: true,
  commands,
});

export function without<K extends keyof CapsuleState>(state: CapsuleState, ...keys: K[]): CapsuleState {
  const copy = { ...state };
  for (const key of keys) delete (copy as Partial<CapsuleState>)[key];
  return copy;
}
