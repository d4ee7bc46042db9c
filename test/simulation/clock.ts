import type { Clock } from '../../src/engine/ports';

interface Timer {
  at: number;
  order: number;
  callback: () => void;
  cancelled: boolean;
  /** Of a beat: the time between it and the next of its kind. */
  period: number;
}

/** Says until when (at most `limit`) nothing can happen but beats that find nothing to do; `now` when it cannot. */
export type Quiet = (now: number, limit: number) => Promise<number>;

/**
 * Virtual time: nothing waits, the next timer is always now. Ties go in the order they were set. Beats are
 * timers that come again and again and mostly find nothing to do; where a {@link Quiet} says so they are left out.
 */
export class VirtualClock implements Clock {
  private readonly timers = new Heap();
  private readonly beats = new Heap();
  private order = 0;
  /** Timers and beats that fired. */
  fired = 0;

  constructor(private time: number) {}

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    return this.set(this.timers, ms, callback);
  }

  /** Like `after`, for something that sets itself again each time and may be left out in quiet times. */
  beat(ms: number, callback: () => void): () => void {
    return this.set(this.beats, ms, callback);
  }

  /** Fires timers until `time`, letting everything that follows from one finish before the next. */
  async runUntil(time: number, afterEach: () => void, quiet?: Quiet, done?: () => boolean): Promise<void> {
    await quiesce();
    while (!done?.()) {
      const [timer, beat] = [this.timers.first(), this.beats.first()];
      const isBeat = beat !== undefined && (timer === undefined || before(beat, timer));
      const next = isBeat ? beat : timer;
      if (!next || next.at > time) break;
      if (isBeat && quiet && (await this.leap(Math.min(timer?.at ?? Infinity, time), quiet))) continue;
      (isBeat ? this.beats : this.timers).pop();
      this.time = Math.max(this.time, next.at);
      this.fired += 1;
      next.callback();
      await quiesce();
      afterEach();
    }
    if (!done?.()) this.time = time;
  }

  /** Leaves out the beats of a quiet time. Each keeps its rhythm: it fires when it would have next. */
  private async leap(limit: number, quiet: Quiet): Promise<boolean> {
    const first = this.beats.first();
    if (!first || limit <= first.at) return false;
    const until = await quiet(this.time, limit);
    if (until <= first.at) return false;
    for (const beat of this.beats.takeBefore(until)) {
      beat.at += Math.ceil((until - beat.at) / beat.period) * beat.period;
      this.beats.push(beat);
    }
    return true;
  }

  private set(heap: Heap, ms: number, callback: () => void): () => void {
    const period = Math.max(0, Math.ceil(ms));
    const timer: Timer = {
      at: this.time + period,
      order: this.order++,
      callback,
      cancelled: false,
      period,
    };
    heap.push(timer);
    return () => {
      timer.cancelled = true;
    };
  }
}

class Heap {
  private readonly heap: Timer[] = [];

  /** The first that is not cancelled. */
  first(): Timer | undefined {
    while (this.heap[0]?.cancelled) this.pop();
    return this.heap[0];
  }

  takeBefore(time: number): Timer[] {
    const taken: Timer[] = [];
    for (let timer = this.first(); timer && timer.at < time; timer = this.first()) {
      this.pop();
      taken.push(timer);
    }
    return taken;
  }

  push(timer: Timer): void {
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

  pop(): void {
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
