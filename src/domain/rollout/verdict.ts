/** What a gate says of a release, with the hashes of what it says it by. */

export const VERDICTS = ['pass', 'fail', 'inconclusive'] as const;
export type VerdictKind = (typeof VERDICTS)[number];

/** `inconclusive` is no weak pass: nothing ships by it. */
export interface Verdict {
  verdict: VerdictKind;
  /** In a sentence, for people. */
  reason: string;
  /** SHA-256 of the parts it rests on, as the store keeps them. */
  evidence: readonly string[];
  at: number;
  /** Who gave it: `engine`, or the person who decided. */
  by: string;
}

/** Of several gates: one that failed decides, then one that could not tell; none at all can tell nothing. */
export function worstOf(verdicts: readonly VerdictKind[]): VerdictKind {
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.length === 0 || verdicts.includes('inconclusive') ? 'inconclusive' : 'pass';
}
