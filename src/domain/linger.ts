/**
 * How long an idle capsule stays awake. Either a fixed time, or for as long as it breaks even: while the wait
 * that is expected costs less than the cold start it saves. This is the rule of ski rental (Karlin, Manasse,
 * McGeoch and Owicki, "Competitive randomized algorithms for nonuniform problems", Algorithmica 11, 1994), with the
 * wait estimated from what is known and learned instead of its worst case:
 *
 *   stay while  E[wait] × price  <  (boot + drain) × price
 *
 * Both sides are seconds of one replica at one price, which therefore cancels out: what is left is time
 * against time. A second shift pays for one more boot (the learned median) and one more drain (the last).
 * E[wait] is the earlier of the next work that is known of (scheduled times, steps of runs under way) and the
 * mean of what is left of those learned pauses that are longer than the present one already is.
 */
import { learnedBootMs, type CapsuleState, type Shift } from './capsule';
import type { CapsuleContext } from './capsule-events';

/** How many pauses are remembered to learn from. */
export const GAP_SAMPLES = 20;

/** Why an idle capsule stays awake although nobody works on it; undefined when it may sleep. */
export function lingerReason(
  capsule: CapsuleState,
  context: Pick<CapsuleContext, 'now' | 'activity' | 'lingerMs' | 'breakEven'>,
): string | undefined {
  const { now, activity, lingerMs, breakEven } = context;
  // Woken ahead of work that did not come: there is nothing to linger after.
  if (capsule.shift?.prewarm !== undefined && activity.firstWorkAt === undefined) return undefined;
  const idleSince = activity.idleSince ?? capsule.shift?.healthyAt ?? now;
  const left = idleSince + lingerMs - now;
  if (left <= 0) return undefined;
  if (!breakEven) return `lingers for another ${left} ms`;
  const cost = coldStartMs(capsule);
  const wait = expectedWaitMs(capsule.gapMs ?? [], now - idleSince, now, breakEven.nextWorkAt);
  if (wait >= cost) return undefined;
  return `lingers: more work is expected in ${Math.round(wait)} ms, a cold start costs ${Math.round(cost)} ms`;
}

/** What one more shift costs before and after its work, in billed milliseconds. */
export function coldStartMs(capsule: CapsuleState): number {
  return (learnedBootMs(capsule, 0.5) ?? 0) + (capsule.drainMs ?? 0);
}

/**
 * How long until more work comes, in milliseconds; infinite when nothing speaks for any.
 * @param gaps learned pauses between work
 * @param idleMs how long the present pause lasts already
 * @param nextWorkAt work that is known of, epoch milliseconds; in the past: it may come at any moment
 */
export function expectedWaitMs(
  gaps: readonly number[],
  idleMs: number,
  now: number,
  nextWorkAt: number | undefined,
): number {
  const known = nextWorkAt === undefined ? Infinity : Math.max(0, nextWorkAt - now);
  const longer = gaps.filter((gap) => gap > idleMs);
  if (longer.length === 0) return known;
  const left = longer.reduce((sum, gap) => sum + gap - idleMs, 0) / longer.length;
  return Math.min(known, left);
}

/**
 * What a shift that closes teaches about the pauses between work: the one before its first work, and the one
 * within it, taken as a single one when there were several. That is too long then; such a capsule sleeps too
 * early once and learns its true pauses by that.
 */
export function learnedGaps(capsule: CapsuleState, shift: Shift): Pick<CapsuleState, 'gapMs' | 'lastWorkAt'> {
  const { firstWorkAt, lastWorkAt, scaleDownAt, zeroAt, split } = shift;
  if (firstWorkAt === undefined || lastWorkAt === undefined || !split) return {};
  const before = capsule.lastWorkAt === undefined ? 0 : firstWorkAt - capsule.lastWorkAt;
  const within = split.lingerMs - Math.max(0, (scaleDownAt ?? zeroAt ?? lastWorkAt) - lastWorkAt);
  const gapMs = [within, before].filter((ms) => ms > 0);
  return { gapMs: [...gapMs, ...(capsule.gapMs ?? [])].slice(0, GAP_SAMPLES), lastWorkAt };
}
