/** Who of those that wait may start. Pure: the commit asks the same questions of what is committed. */
import type { Gate, Rate, RunFlow } from './rules';

/** What of the limits is in use. Missing means nothing. */
export interface FlowUse {
  /** Runs under way, by gate. */
  held: ReadonlyMap<string, number>;
  /** When each bucket is full again, epoch microseconds. */
  fullAtUs: ReadonlyMap<string, number>;
}

export type Admission =
  | { admit: 'start' }
  /** `gate` is full. */
  | { admit: 'wait'; gate: Gate }
  /** There is a token at `until`. */
  | { admit: 'wait'; rate: Rate; until: number }
  /** Put off until then: more of its kind may come. */
  | { admit: 'wait'; until: number }
  /** One too many, and not to wait. */
  | { admit: 'skip'; gate: Gate }
  /** It takes the place of the oldest. */
  | { admit: 'replace'; gate: Gate };

export function admission(flow: RunFlow, use: FlowUse, now: number): Admission {
  if (flow.notBefore !== undefined && now < flow.notBefore) return { admit: 'wait', until: flow.notBefore };
  const full = flow.gates.filter((gate) => (use.held.get(gate.id) ?? 0) >= gate.limit);
  const skip = full.find((gate) => gate.onLimit === 'skip');
  if (skip) return { admit: 'skip', gate: skip };
  const [gate] = full.filter((g) => g.onLimit === 'queue');
  if (gate) return { admit: 'wait', gate };
  const [replace] = full;
  if (replace) return { admit: 'replace', gate: replace };
  if (!flow.rate) return { admit: 'start' };
  const until = tokenAt(use.fullAtUs.get(flow.rate.id) ?? 0, now, flow.rate);
  return until <= now ? { admit: 'start' } : { admit: 'wait', rate: flow.rate, until };
}

/** Microseconds that one token takes to come. Whole, so that every store counts the same. */
export const tokenUs = ({ limit, perMs }: Pick<Rate, 'limit' | 'perMs'>): number =>
  Math.ceil((perMs * 1_000) / limit);

/**
 * When the next token is there, epoch milliseconds. A bucket is one number, the time at which it will be
 * full: a start moves it on by what a token takes, and may not move it beyond one filling from now.
 */
export function tokenAt(fullAtUs: number, now: number, rate: Pick<Rate, 'limit' | 'perMs'>): number {
  const each = tokenUs(rate);
  const after = Math.max(fullAtUs, now * 1_000) + each;
  return Math.max(now, Math.ceil((after - each * rate.limit) / 1_000));
}

/** The bucket after a token was taken. */
export const withoutToken = (fullAtUs: number, now: number, rate: Pick<Rate, 'limit' | 'perMs'>): number =>
  Math.max(fullAtUs, now * 1_000) + tokenUs(rate);

export interface Member {
  runId: string;
  createdAt: number;
}

/** Whom the newest of a gate's runs take the place of: all but the last `limit`. */
export function replaced(members: readonly Member[], limit: number): Member[] {
  const oldestFirst = [...members].sort((a, b) => a.createdAt - b.createdAt || (a.runId < b.runId ? -1 : 1));
  return oldestFirst.slice(0, Math.max(0, oldestFirst.length - limit));
}
