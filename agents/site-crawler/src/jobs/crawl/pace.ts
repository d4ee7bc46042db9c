/** Spaces the starts of requests, however many are under way at once. */
import { setTimeout as sleep } from 'node:timers/promises';

export class Pace {
  #next = 0;

  /** @param delayMs between two starts; may be raised later by a robots.txt */
  constructor(public delayMs: number) {}

  /** Resolves when the next request may start; rejects when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = performance.now();
    const at = Math.max(now, this.#next);
    this.#next = at + this.delayMs;
    if (at > now) await sleep(at - now, undefined, { signal });
  }
}
