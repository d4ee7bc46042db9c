/** Runs under way as this process knows them, so that most events need no look into the store. */
import { isTerminal, type RunState } from '../domain/run';
import type { Versioned } from '../store/store';
import type { Payloads } from './payloads';

/** Runs kept in memory between two events; the store has them all. */
const MAX_CACHED = 2_000;

export interface Cached extends Versioned<RunState> {
  /** Set while this process has seen all of them and they are small. */
  payloads?: Payloads | undefined;
}

/** The least recently changed goes first; a run that is over goes at once. */
export class RunCache {
  private readonly runs = new Map<string, Cached>();

  get(id: string): Cached | undefined {
    return this.runs.get(id);
  }

  /** What another process committed meanwhile is found in the store. */
  forget(id: string): void {
    this.runs.delete(id);
  }

  remember(cached: Cached): void {
    const { state } = cached;
    this.runs.delete(state.id);
    if (isTerminal(state.status)) return;
    this.runs.set(state.id, cached);
    const oldest = this.runs.size > MAX_CACHED ? this.runs.keys().next() : undefined;
    if (oldest && !oldest.done) this.runs.delete(oldest.value);
  }
}
