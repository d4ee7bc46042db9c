/** What a check is, and what can come of it. */
import type { Subject } from './subject';

/**
 * Why a check was not made. `not-offered` and `needs-secret` are no gaps: the contract lets an agent
 * leave that part out, and sign only if it holds a secret.
 */
export type SkipReason = 'not-offered' | 'needs-input' | 'needs-secret' | 'blocked';

export type Outcome =
  | { kind: 'pass'; note?: string }
  | { kind: 'fail'; saw: string; expected: string; mend: string }
  | { kind: 'skip'; why: SkipReason; reason: string };

/** Lets the next check begin while this one only watches what still arrives at its own address. */
export type EndTurn = () => void;

export interface Check {
  id: string;
  /** Says what a compatible agent does. */
  title: string;
  /** Required by the contract, or one of its optional parts. */
  required: boolean;
  /** Checks that have to pass before, because without them this one could not tell anything. */
  needs?: readonly string[];
  /** What the agent's author has to give: an input of that kind, or the agent's secret. */
  given?: 'slow' | 'wrong' | 'wrongField' | 'secret';
  run: (subject: Subject, endTurn: EndTurn) => Promise<Outcome>;
}

export const pass = (note?: string): Outcome => ({ kind: 'pass', ...(note !== undefined && { note }) });

/** `saw` what there was, `expected` what should have been, `mend` what the agent's author can do about it. */
export const fail = (saw: string, expected: string, mend: string): Outcome => ({
  kind: 'fail',
  saw,
  expected,
  mend,
});

export const skip = (why: SkipReason, reason: string): Outcome => ({ kind: 'skip', why, reason });

/** Ends a check from within a helper that could not do what the check builds on. */
export class Verdict extends Error {
  constructor(readonly outcome: Outcome) {
    super('the check is over');
  }
}
