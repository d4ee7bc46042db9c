/** Records read from the store a moment ago, so that a key in use is not read anew for each request. */
import type { Clock } from '../engine/ports';

/** How long a change made by another orchestrator may go unseen; in the same process it is seen at once. */
const FRESH_MS = 2_000;
const MAX_RECORDS = 1_000;

interface Held<T> {
  value: T;
  at: number;
}

export class Fresh<T> {
  private readonly held = new Map<string, Held<T>>();
  /** Reads under way: however many requests come at once, each record is read once. */
  private readonly reading = new Map<string, Promise<T | undefined>>();
  /** Rises with each change, so that a read that began before it is not held. */
  private changes = 0;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly read: (id: string) => Promise<T | undefined>,
  ) {}

  /** The record, at once when it is fresh. */
  get(id: string): T | undefined | Promise<T | undefined> {
    const held = this.held.get(id);
    const age = held ? this.clock.now() - held.at : Infinity;
    // A clock that was set back makes nothing fresh for longer.
    if (held && age >= 0 && age < FRESH_MS) return held.value;
    const under = this.reading.get(id);
    if (under) return under;
    const reading = this.load(id).finally(() => this.reading.delete(id));
    this.reading.set(id, reading);
    return reading;
  }

  /** What was read last, however long ago. */
  stale(id: string): T | undefined {
    return this.held.get(id)?.value;
  }

  /** It was changed: the next one to ask reads it anew. */
  forget(id: string): void {
    this.changes += 1;
    this.held.delete(id);
    this.reading.delete(id);
  }

  get size(): number {
    return this.held.size;
  }

  private async load(id: string): Promise<T | undefined> {
    const { changes } = this;
    const at = this.clock.now();
    const value = await this.read(id);
    this.held.delete(id);
    if (value === undefined || changes !== this.changes) return value;
    this.held.set(id, { value, at });
    const oldest = this.held.size > MAX_RECORDS ? this.held.keys().next() : undefined;
    if (oldest && !oldest.done) this.held.delete(oldest.value);
    return value;
  }
}
