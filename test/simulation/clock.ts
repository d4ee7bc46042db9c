import type { Clock } from '../../src/engine/ports';

interface Timer {
  at: number;
  order: number;
  callback: () => void;
  cancelled: boolean;
}

/** Virtual time: nothing waits, the next timer is always now. Ties go in the order they were set. */
export class VirtualClock implements Clock {
  private heap: Timer[] = [];
  private order = 0;

  constructor(private time: number) {}

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = {
      at: this.time + Math.max(0, Math.ceil(ms)),
      order: this.order++,
      callback,
      cancelled: false,
    };
    this.push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Fires timers until `time`, letting everything that follows from one finish before the next. */
  async runUntil(time: number, afterEach: () => void): Promise<void> {
    for (;;) {
      await quiesce();
      const next = this.heap[0];
      if (!next || next.at > time) break;
      this.pop();
      if (next.cancelled) continue;
      this.time = Math.max(this.time, next.at);
      next.callback();
      await quiesce();
      afterEach();
    }
    this.time = time;
  }

  private push(timer: Timer): void {
    const heap = this.heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent] as Timer, timer)) break;
      heap[i] = heap[parent] as Timer;
      i = parent;
    }
    heap[i] = timer;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (before(last, heap[child] as Timer)) break;
      heap[i] = heap[child] as Timer;
      i = child;
    }
    heap[i] = last;
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Everything in a simulation resolves in microtasks; this returns when none is left. */
const quiesce = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
