import type { Clock } from '../engine/ports';

/** The promise's outcome, or a rejection once `ms` have passed. The promise itself goes on. */
export function withDeadline<T>(clock: Pick<Clock, 'after'>, promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Error(`no answer within ${ms} ms`)));
    promise.then(resolve, reject).finally(cancel);
  });
}
