/** A caller is not kept waiting for a store that does not answer: a frozen one breaks no connection. */
import type { Response } from 'express';
import { withDeadline } from './deadline';
import type { AppDeps } from './deps';
import { unavailable } from './failures';

/** A request that takes longer has the store asked whether it is there, again and again. */
const PATIENCE_MS = 2_000;
const PING_DEADLINE_MS = 1_000;
/** After so many looks nobody looks any more; the store's own deadlines end what waits for it. */
const MAX_LOOKS = 100;

const LATER = Symbol('later');

/**
 * The work's outcome. What is given up goes on, and may still be done: the caller asks again, and what it sends is
 * taken once.
 * @throws Problem 503 with Retry-After, once the store does not answer any more
 */
export async function whileStoreAnswers<T>(
  work: Promise<T>,
  res: Pick<Response, 'headersSent'>,
  { store, clock, log }: Pick<AppDeps, 'store' | 'clock' | 'log'>,
): Promise<T> {
  for (let look = 0; look < MAX_LOOKS && !res.headersSent; look += 1) {
    let cancel: () => void = () => undefined;
    const later = new Promise<typeof LATER>((resolve) => {
      cancel = clock.after(PATIENCE_MS, () => resolve(LATER));
    });
    const outcome = await Promise.race([work, later]).finally(cancel);
    if (outcome !== LATER) return outcome;
    try {
      await withDeadline(clock, store.ping(), PING_DEADLINE_MS);
    } catch (error) {
      work.catch((late: unknown) => log.warn({ err: late }, 'a request that was given up failed'));
      throw unavailable(error);
    }
  }
  return work;
}
