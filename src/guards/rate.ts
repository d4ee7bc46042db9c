/**
 * How often agents may be given work: a bucket of tokens for an agent, and one for each outside service that it
 * uses, which all agents share. The commit of a grant takes the tokens (`015_breakers.sql`). Pure.
 */
import { tokenAt, tokenUs, withoutToken, type Rate } from '../domain/flow';

/** At most `burst` at once, and `perMinute` in the long run. */
interface Allowed {
  readonly perMinute: number;
  readonly burst: number;
}

/** An agent as its rates concern it. */
interface RatedAgent {
  readonly id: string;
  readonly rateLimit?: Allowed | undefined;
  readonly uses?: readonly string[] | undefined;
}

interface Services {
  readonly services: ReadonlyArray<Allowed & { readonly id: string }>;
}

const MINUTE_MS = 60_000;

/** Workflow ids, which buckets of runs begin with, have no colon. */
export const agentBucket = (agentId: string): string => `agent:${agentId}`;
export const serviceBucket = (serviceId: string): string => `service:${serviceId}`;

/** As many tokens as may begin at once, and the time in which so many come. */
const rateOf = (id: string, { perMinute, burst }: Allowed, of: string): Rate => ({
  id,
  limit: burst,
  perMs: (burst * MINUTE_MS) / perMinute,
  of,
});

/** The buckets that a task of an agent takes a token of. */
export function ratesOf({ id, rateLimit, uses = [] }: RatedAgent, { services }: Services): Rate[] {
  const own = rateLimit ? [rateOf(agentBucket(id), rateLimit, `agent ${id}`)] : [];
  const shared = services.filter((s) => uses.includes(s.id));
  return [...own, ...shared.map((s) => rateOf(serviceBucket(s.id), s, `service ${s.id}`))];
}

/** How many may begin now, at most `wanted`; and if fewer, when the next may, and which rate that waits for. */
export function tokensFor(
  rates: readonly Rate[],
  fullAtUs: ReadonlyMap<string, number>,
  now: number,
  wanted: number,
): { count: number; until?: number; rate?: Rate } {
  let full = new Map(fullAtUs);
  for (let count = 0; count < wanted; count += 1) {
    const times = rates.map((rate) => ({ rate, until: tokenAt(full.get(rate.id) ?? 0, now, rate) }));
    const last = times.sort((a, b) => b.until - a.until)[0];
    if (last && last.until > now) return { count, ...last };
    full = new Map(rates.map((rate) => [rate.id, withoutToken(full.get(rate.id) ?? 0, now, rate)]));
  }
  return { count: wanted };
}

/** Who waits for a task, as far as its turn concerns it. */
export interface Waiter {
  readonly runId: string;
  readonly requestedAt: number;
  readonly priority: number;
}

/** Higher priorities first, then who came first; as every line of the record is ordered. */
export const byTurn = (a: Waiter, b: Waiter): number =>
  b.priority - a.priority || a.requestedAt - b.requestedAt || (a.runId < b.runId ? -1 : 1);

/**
 * How many of a line, in turn, may begin while others want tokens of the same bucket: whoever has the earlier turn
 * takes the earlier token, whichever line they stand in.
 * @returns `until` when the next of the line may, if not all of them may now
 */
export function servedOf(
  line: readonly Waiter[],
  others: readonly Waiter[],
  rate: Rate,
  fullAtUs: ReadonlyMap<string, number>,
  now: number,
): { count: number; until?: number } {
  for (const [index, waiter] of line.entries()) {
    const ahead = index + others.filter((other) => byTurn(other, waiter) < 0).length;
    const { count, until } = tokensFor([rate], fullAtUs, now, ahead + 1);
    if (count <= ahead) return { count: index, until: until ?? now };
  }
  return { count: line.length };
}

/** A bucket of which the next token comes at `until`: when it is full, epoch microseconds. */
export const heldUntil = (rate: Pick<Rate, 'limit' | 'perMs'>, until: number): number =>
  Math.ceil(until) * 1_000 + tokenUs(rate) * (rate.limit - 1);

/** Why nothing more is begun just now. */
export const rateText = ({ limit, perMs, of = 'its agent' }: Rate): string =>
  `${of} is given as many tasks as its rate allows (${limit} at once, ${Math.round((limit * MINUTE_MS) / perMs)} a minute)`;
