/**
 * The orchestrator's events. Read with fetch, not EventSource, which gives up for good on the first 503 and
 * cannot say where it was. A break is resumed from the last id; where that is not possible everything is
 * read anew (`resync`).
 */
import type { Alert, Capsule, Rollout, RunSummary } from '../api/types';
import { asProblem, problemOf } from '../api/client';
import { frames } from './frames';
import { store } from './store';

export type LiveEvent =
  | { type: 'run'; data: RunSummary }
  | { type: 'capsule'; data: Pick<Capsule, 'id' | 'agentId' | 'status'> }
  | { type: 'alert'; data: Alert }
  | { type: 'rollout'; data: Rollout }
  | { type: 'resync' };

/** `since`: when the last sign of life came, epoch ms. */
export type Connection = { state: 'connecting' } | { state: 'live' } | { state: 'stale'; since: number };

/** The orchestrator sends something every 15 s; twice that without is a break. */
const SILENCE_MS = 35_000;
const RETRY_MS = [500, 1_000, 2_000, 5_000];

export class Live {
  readonly connection = store<Connection>({ state: 'connecting' });
  private readonly listeners = new Set<(event: LiveEvent) => void>();
  private lastId: string | undefined;
  private lastSeen = Date.now();
  private stop: AbortController | undefined;

  listen(listener: (event: LiveEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  start(): void {
    if (this.stop) return;
    this.stop = new AbortController();
    void this.keepOpen(this.stop.signal);
  }

  /** Logged out. */
  end(): void {
    this.stop?.abort();
    this.stop = undefined;
    this.lastId = undefined;
  }

  private async keepOpen(signal: AbortSignal): Promise<void> {
    for (let tries = 0; !signal.aborted; tries += 1) {
      const opened = await this.readOnce(signal).catch(() => false);
      if (signal.aborted) return;
      this.connection.set({ state: 'stale', since: this.lastSeen });
      if (opened) tries = 0;
      await pause(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] ?? 5_000, signal);
    }
  }

  /** Whether the stream was open at all. */
  private async readOnce(signal: AbortSignal): Promise<boolean> {
    const quiet = new AbortController();
    let timer = window.setTimeout(() => quiet.abort(), SILENCE_MS);
    const alive = (): void => {
      window.clearTimeout(timer);
      this.lastSeen = Date.now();
      timer = window.setTimeout(() => quiet.abort(), SILENCE_MS);
    };
    try {
      const response = await fetch('/events', {
        headers: { Accept: 'text/event-stream', ...(this.lastId && { 'Last-Event-ID': this.lastId }) },
        credentials: 'same-origin',
        signal: AbortSignal.any([signal, quiet.signal]),
      });
      if (!response.ok || !response.body) throw new Error((await problemOf(response)).title);
      const wasStale = this.connection.get().state === 'stale';
      this.connection.set({ state: 'live' });
      // The break may have hidden what another process did, whatever this one remembers.
      if (wasStale) this.tell({ type: 'resync' });
      await this.take(response.body, alive);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (this.connection.get().state === 'live') return true;
      throw new Error(asProblem(error).title, { cause: error });
    } finally {
      window.clearTimeout(timer);
    }
  }

  private async take(body: ReadableStream<Uint8Array>, alive: () => void): Promise<void> {
    for await (const { id, event, data } of frames(body, alive)) {
      if (id !== undefined) this.lastId = id;
      if (event === 'reset') this.tell({ type: 'resync' });
      if (event === 'run' || event === 'capsule' || event === 'alert' || event === 'rollout') {
        // As the orchestrator's own schemas have it.
        const told: unknown = { type: event, data: JSON.parse(data) as unknown };
        this.tell(told as LiveEvent);
      }
    }
  }

  private tell(event: LiveEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer);
      resolve();
    });
  });

export const live = new Live();
