/**
 * Where in their slack scheduled runs begin, so that those which use the same capsule share a shift. Everybody
 * who asks comes to the same answer: it follows from the registry and the time alone.
 */
import { dueTicks, nextTicks, ticksBetween, wakeWindow, type Schedule, type TickDecision } from './schedule';

const DAY_MS = 86_400_000;
/** As many as an expression has in a day: one a minute. */
const TICKS_A_DAY = 1_440;

/** A schedule as placing looks at it. */
export interface Placeable {
  workflowId: string;
  schedule: Schedule;
  /** The capsules its runs use. */
  capsules: readonly string[];
}

interface Window {
  workflowId: string;
  capsules: readonly string[];
  opensAt: number;
  closesAt: number;
}

/**
 * Where each scheduled time of one UTC day begins, by {@link placeKey}; those that begin on their tick are left
 * out. Windows are taken by their end: the first that closes takes in all others that are open by then and
 * share a capsule with it (or with one that was taken in), and all of them begin when the last has opened.
 * Nobody waits who has nothing to share. Windows of two days are not brought together.
 */
export function placements(schedules: readonly Placeable[], day: number): Map<string, number> {
  const from = startOfDay(day);
  const placed = new Map<string, number>();
  if (!schedules.some((s) => s.schedule.slackSeconds > 0)) return placed;
  const windows = schedules.flatMap((s) => windowsOf(s, from)).sort(byEnd);
  const taken = new Set<Window>();
  for (const [i, first] of windows.entries()) {
    if (taken.has(first)) continue;
    const open = windows.slice(i).filter((w) => !taken.has(w) && w.opensAt <= first.closesAt);
    const group = sharing(first, open);
    const beginsAt = Math.max(...group.map((w) => w.opensAt));
    for (const window of group) {
      taken.add(window);
      if (beginsAt !== window.opensAt) placed.set(placeKey(window.workflowId, window.opensAt), beginsAt);
    }
  }
  return placed;
}

export const placeKey = (workflowId: string, scheduledFor: number): string => `${workflowId}@${scheduledFor}`;
export const startOfDay = (time: number): number => Math.floor(time / DAY_MS) * DAY_MS;

const byEnd = (a: Window, b: Window): number =>
  a.closesAt - b.closesAt || a.opensAt - b.opensAt || (a.workflowId < b.workflowId ? -1 : 1);

function windowsOf({ workflowId, schedule, capsules }: Placeable, from: number): Window[] {
  const ticks = ticksBetween(schedule, from - 1, from + DAY_MS - 1, TICKS_A_DAY);
  const [after] = nextTicks(schedule, from + DAY_MS - 1, 1);
  return ticks.map((tick, i) => {
    const { opensAt, closesAt } = wakeWindow(schedule, tick);
    // A run never waits for the next of its own kind, so that ticks keep their order.
    const next = ticks[i + 1] ?? after ?? Infinity;
    return { workflowId, capsules, opensAt, closesAt: Math.min(closesAt, next - 1) };
  });
}

function sharing(first: Window, open: readonly Window[]): Window[] {
  const capsules = new Set(first.capsules);
  const group = new Set([first]);
  for (let grown = true; grown;) {
    const more = open.filter((w) => !group.has(w) && w.capsules.some((c) => capsules.has(c)));
    for (const window of more) {
      group.add(window);
      window.capsules.forEach((c) => capsules.add(c));
    }
    grown = more.length > 0;
  }
  return [...group];
}

/**
 * Like {@link dueTicks}, with the newest tick decided at its place, from which its lateness counts.
 * `heldUntil` is set while that place is still to come; the tick is not among the decisions then.
 */
export function placedTicks(
  schedule: Schedule,
  lastDecidedTick: number,
  now: number,
  placeOf: (scheduledFor: number) => number,
): { due: TickDecision[]; heldUntil?: number } {
  const due = dueTicks(schedule, lastDecidedTick, now);
  const newest = due.at(-1);
  const place = newest ? placeOf(newest.scheduledFor) : undefined;
  if (!newest || place === undefined || place === newest.scheduledFor) return { due };
  const earlier = due.slice(0, -1);
  if (now < place) return { due: earlier, heldUntil: place };
  const asOf = now - (place - newest.scheduledFor);
  return { due: [...earlier, ...dueTicks(schedule, newest.scheduledFor - 1, asOf, 1)] };
}
