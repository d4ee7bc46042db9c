/** What a capsule is kept awake for ahead of work. Each such reason ends by itself. */
import type { CapsuleState, Warm, WarmFor } from './capsule';

/** The most reasons one capsule holds; of more, those that end first are dropped. */
const MAX_WARM = 50;

/** A text that is equal for the same thing. */
export function warmId(what: WarmFor): string {
  if ('by' in what) return `by:${what.by}`;
  if ('releaseId' in what) return `release:${what.releaseId}`;
  return 'runId' in what
    ? `run:${what.runId}/${what.stepId}`
    : `tick:${what.workflowId}@${what.scheduledFor}`;
}

export const liveWarm = ({ warm }: Pick<CapsuleState, 'warm'>, now: number): Warm[] =>
  (warm ?? []).filter(({ until }) => now < until);

/** The reasons with one more, or with one that holds longer; undefined if nothing is new about it. */
export function addWarm(capsule: Pick<CapsuleState, 'warm'>, added: Warm, now: number): Warm[] | undefined {
  if (added.until <= now) return undefined;
  const id = warmId(added.for);
  const live = liveWarm(capsule, now);
  if (live.some((w) => warmId(w.for) === id && w.until >= added.until)) return undefined;
  return [...live.filter((w) => warmId(w.for) !== id), added]
    .sort((a, b) => b.until - a.until)
    .slice(0, MAX_WARM);
}

/** The capsule without a reason; undefined if it has no such. */
export function withoutWarm(capsule: CapsuleState, what: WarmFor): CapsuleState | undefined {
  const { warm: all = [], ...rest } = capsule;
  const warm = all.filter((w) => warmId(w.for) !== warmId(what));
  if (warm.length === all.length) return undefined;
  return warm.length > 0 ? { ...rest, warm } : rest;
}
