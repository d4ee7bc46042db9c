/** A small world of one capsule, small enough to visit every state that the rules can lead to. */
import { asleep, type Activity, type CapsuleState, type ShiftSplit } from '../../src/domain/capsule';
import {
  decideCapsule,
  type CapsuleContext,
  type CapsuleDecision,
  type CapsuleEvent,
} from '../../src/domain/decide-capsule';
import { DEFAULT_LIMITS } from '../../src/domain/limits';

export type EventType = CapsuleEvent['type'];
export const EVENT_TYPES = [
  'demand',
  'prewarmed',
  'cooled',
  'woken-by-hand',
  'sent-to-sleep',
  'scaled-up',
  'connected',
  'healthy',
  'wake-failed',
  'held',
  'rebooted',
  'gone',
  'distrust',
  'stray',
  'renew',
  'handed-over',
  'idle',
  'scaled-down',
  'observed',
  'due',
] as const satisfies readonly EventType[];

export const LIMITS = {
  ...DEFAULT_LIMITS,
  capsuleClaimMs: 1,
  rescaleMs: 2,
  wakeAttempts: 2,
  wakeBackoffMs: 2,
};
export const LINGER_MS = 2;
const TICK = { workflowId: 'nightly', scheduledFor: 1_000 };

export function everyEvent({ generation }: Pick<CapsuleState, 'generation'>, at: number): CapsuleEvent[] {
  return [
    { type: 'demand' },
    { type: 'prewarmed', for: TICK, until: at + 2, reason: 'due soon' },
    { type: 'cooled', for: TICK, reason: 'it will not come' },
    { type: 'woken-by-hand', until: at + 1, reason: 'a look inside' },
    ...[false, true].map((force) => ({ type: 'sent-to-sleep' as const, reason: 'enough', force })),
    { type: 'scaled-up', generation, at },
    { type: 'connected', generation, at },
    ...['boot-a', 'boot-b'].map((bootId) => ({ type: 'healthy' as const, generation, bootId, at })),
    { type: 'healthy', generation, at },
    { type: 'wake-failed', generation, reason: 'not healthy' },
    { type: 'wake-failed', generation, reason: 'refused', final: true },
    { type: 'held', generation, reason: 'switched off' },
    { type: 'rebooted', generation, bootId: 'boot-b' },
    { type: 'gone', generation },
    { type: 'distrust', generation, reason: 'busy with a job nobody waits for' },
    { type: 'stray', generation },
    { type: 'renew', generation },
    { type: 'handed-over', generation },
    { type: 'idle' },
    { type: 'scaled-down', generation },
    ...([0, 1, 'unknown'] as const).map((running) => ({ type: 'observed' as const, generation, running })),
    { type: 'due' },
  ];
}

export interface Visit {
  before: CapsuleState;
  event: CapsuleEvent;
  context: CapsuleContext;
  decision: CapsuleDecision;
}

/** With no lease, with one held, with one asked for; idle since long or not. */
export const activities = (now: number): Activity[] => [
  { held: 0, waiting: 0, workMs: 0, idleSince: now },
  { held: 0, waiting: 0, workMs: 1, idleSince: now - LINGER_MS },
  { held: 1, waiting: 0, workMs: 0, busySince: now, firstWorkAt: now },
  { held: 0, waiting: 1, workMs: 0, idleSince: now - LINGER_MS },
];

export const contextAt = (now: number, activity: Activity): CapsuleContext => ({
  now,
  limits: LIMITS,
  activity,
  lingerMs: LINGER_MS,
  wakeTimeoutMs: 4,
  performing: true,
});

/** What of a state matters for what may follow: times only as distances from now, no counts that only rise. */
function essence(state: CapsuleState, now: number): string {
  const from = (time: number | undefined, past = 0) =>
    time === undefined ? null : Math.max(past, time - now);
  const { status, bootId, formerBootIds, failedWakes, shift } = state;
  return JSON.stringify([
    status,
    bootId,
    formerBootIds.includes('boot-a'),
    failedWakes,
    from(state.dueAt),
    from(state.retryWakeAt),
    from(state.scaledDownAt, -LIMITS.rescaleMs),
    shift && shift.acceptedAt !== undefined,
    shift && shift.prewarm !== undefined,
    (state.warm ?? []).map((w) => [from(w.until), 'by' in w.for]),
  ]);
}

/** Visits each state that a declared capsule can come to by any events at any times, once. */
export function explore(visit: (visit: Visit) => void): number {
  const start = asleep('capsule', 'agent');
  const todo = [{ state: start, now: 0 }];
  const seen = new Set([essence(start, 0)]);
  const go = (state: CapsuleState, now: number) => {
    const key = essence(state, now);
    if (seen.has(key)) return;
    seen.add(key);
    todo.push({ state, now });
  };
  for (let node = todo.pop(); node; node = todo.pop()) {
    const { state: before, now } = node;
    for (const event of everyEvent(before, now)) {
      for (const activity of activities(now)) {
        const context = contextAt(now, activity);
        const decision = decideCapsule(before, event, context);
        visit({ before, event, context, decision });
        go(decision.state, now);
      }
    }
    go(before, now + 1);
  }
  return seen.size;
}

/** Where a shift's milliseconds went, as figures to add up. */
export const partsOf = ({ bootMs, prewarmMs, workMs, lingerMs, drainMs }: ShiftSplit): number[] => [
  bootMs,
  prewarmMs,
  workMs,
  lingerMs,
  drainMs,
];
