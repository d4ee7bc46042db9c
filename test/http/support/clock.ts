import type { Clock } from '../../../src/engine/ports';

/** 2026-03-02 12:00 UTC, a Monday. */
export const START = Date.UTC(2026, 2, 2, 12);

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  private time = START;
  private readonly timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.time + ms, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Moves on, firing what falls due in order. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = [...this.timers].filter((t) => t.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = end;
  }
}
