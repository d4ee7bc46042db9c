import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** After this the wait fails. Default 10 s. */
  deadlineMs?: number;
  /** Milliseconds between two looks. Default 20. */
  every?: number;
  /** What is waited for, for the error. */
  what?: string;
}

/**
 * Looks at a condition until it holds, and returns what it gave. For what happens in other
 * processes and cannot be awaited; inside our own, await the event.
 * @throws Error at the deadline; an error of the condition itself ends the wait at once
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 10_000, every = 20, what = 'the condition' }: UntilOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<Exclude<T, false>>;
    if (Date.now() >= end) throw new Error(`${what} did not come about within ${deadlineMs} ms`);
    await delay(every);
  }
}
