import type { Clock } from '../engine/ports';

/** What was waited for did not come in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/**
 * The promise's outcome, or a rejection once `ms` have passed. The promise itself goes on. What arrived in time while
 * this process was busy counts: Node runs timers that are due before it reads from sockets.
 */
export function withDeadline<T>(clock: Pick<Clock, 'after'>, promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const tooLate = (): void => reject(new TooLate(`no answer within ${ms} ms`));
    const cancel = clock.after(ms, () => setImmediate(tooLate));
    promise.then(resolve, reject).finally(cancel);
  });
}
