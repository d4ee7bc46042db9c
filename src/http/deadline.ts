import type { Clock } from '../engine/ports';

/** What was waited for did not come in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** The promise's outcome, or a rejection once `ms` have passed. The promise itself goes on. */
export function withDeadline<T>(clock: Pick<Clock, 'after'>, promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new TooLate(`no answer within ${ms} ms`)));
    promise.then(resolve, reject).finally(cancel);
  });
}
