/** The child's side of `child.ts`. A child whose parent is gone ends by itself. */
import type { Reply } from './child';

/** The settings that the parent gave. */
export const settings = <T>(): T => JSON.parse(process.argv[2] ?? '{}') as T;

/**
 * Says that it is ready and answers questions until the parent lets go, then calls `close` and ends.
 * @param answer its outcome, or its error, goes back to the parent
 */
export function serve<Q extends object>(
  answer: (question: Q) => Promise<unknown>,
  close: () => Promise<void>,
): void {
  const send = (reply: Reply<unknown>): void => void process.send?.(reply);
  process.on('message', (question: Q) => {
    answer(question).then(
      (value) => send({ ok: true, value: value ?? null }),
      (error: unknown) =>
        send({ ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once('disconnect', () => {
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  send({ ok: true, value: null });
}
