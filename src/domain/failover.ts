/**
 * Which of an agent's capsules does its work while the first cannot. Each capsule that failed its agent is left alone
 * for a time, and then tried again with one piece of work: so work comes back to the first as soon as that answers.
 * Pure; the engine keeps what is known in the state of each capsule.
 */

/** Why a capsule is passed over. */
export interface Unwell {
  /** `wake`: it could not be woken. `provider`: its agent reports that who it asks outside does not answer. */
  cause: 'wake' | 'provider';
  reason: string;
  since: number;
  /** When it is tried again. */
  until: number;
  /** Failed in a row. */
  trips: number;
}

/** The pause before the first trial, doubled each time one fails, up to the longest. */
export const FIRST_TRIAL_MS = 60_000;
export const LONGEST_TRIAL_MS = 1_800_000;
/** While one piece of work tries it, nobody else does for so long. */
export const TRIAL_MS = 120_000;

/** What is known of a capsule after it failed once more. */
export function unwellAfter(
  before: Unwell | undefined,
  { cause, reason }: Pick<Unwell, 'cause' | 'reason'>,
  now: number,
): Unwell {
  const trips = (before?.trips ?? 0) + 1;
  const pause = Math.min(FIRST_TRIAL_MS * 2 ** Math.min(trips - 1, 30), LONGEST_TRIAL_MS);
  return { cause, reason, since: before?.since ?? now, until: now + pause, trips };
}

/** One piece of work is on its way to try it; undefined while its trial is not due. */
export const tried = (unwell: Unwell, now: number): Unwell | undefined =>
  now < unwell.until ? undefined : { ...unwell, until: now + TRIAL_MS };

export interface CapsuleHealth {
  capsuleId: string;
  unwell?: Unwell;
}

export interface CapsuleChoice {
  capsuleId: string;
  /** `trial`: it failed, and it is time to see whether it still does. `last-resort`: all have failed, not long ago. */
  as: 'well' | 'trial' | 'last-resort';
  /** Set where it is not the first: which that is, and what is wrong with it. */
  from?: { capsuleId: string; reason: string };
}

/**
 * The first in their order that is well, or whose trial is due. Where there is none: the one whose trial comes first.
 * @param capsules at least one, in the order in which they are preferred
 */
export function chooseCapsule(capsules: readonly CapsuleHealth[], now: number): CapsuleChoice {
  const [first] = capsules;
  if (!first) throw new Error('an agent has at least one capsule');
  const usable = capsules.find(({ unwell }) => !unwell || now >= unwell.until);
  const until = ({ unwell }: CapsuleHealth): number => unwell?.until ?? 0;
  const chosen = usable ?? capsules.reduce((best, one) => (until(one) < until(best) ? one : best));
  const as = !usable ? 'last-resort' : usable.unwell ? 'trial' : 'well';
  const from = { capsuleId: first.capsuleId, reason: first.unwell?.reason ?? 'it was passed over' };
  return { capsuleId: chosen.capsuleId, as, ...(chosen !== first && { from }) };
}
