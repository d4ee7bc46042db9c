/** A rollout as it changes, for whoever watches one: over server-sent events and over gRPC. */
import type { EventEmitter } from 'node:events';
import { isRolloutOver, type Rollout } from '../domain/rollout/rollout';
import type { EngineEvents } from '../engine/context';
import type { Clock } from '../engine/ports';
import type { Deployment } from './deployments';
import { Problem } from './problems';

/** Another orchestrator may move it, and a canary's evidence comes with its tasks. */
const LOOK_MS = 2_000;
/** A watch ends after this; whoever still wants to know begins anew, and is told how it stands first. */
const MAX_WATCH_MS = 3_600_000;
const FULL_RETRY_SECONDS = 10;

export interface WatchOptions {
  events: EventEmitter<EngineEvents>;
  clock: Clock;
  maxWatchers: number;
}

interface Bell {
  id: string;
  ring: () => void;
}

export class RolloutWatch {
  private watchers = 0;
  private readonly closed = new AbortController();
  private readonly bells = new Set<Bell>();
  private readonly onRollout = ({ id }: Rollout) => {
    for (const bell of this.bells) if (bell.id === id) bell.ring();
  };

  constructor(private readonly options: WatchOptions) {
    options.events.on('rollout', this.onRollout);
  }

  /** Ends every watch. */
  close(): void {
    this.closed.abort();
    this.options.events.off('rollout', this.onRollout);
  }

  /** @throws Problem when no more can watch */
  check(): void {
    if (this.closed.signal.aborted || this.watchers >= this.options.maxWatchers)
      throw new Problem('too-many-streams', { retryAfterSeconds: FULL_RETRY_SECONDS });
  }

  /**
   * The rollout now, and again whenever it is different, until it is over, the signal is given or the time is up.
   * @param gone given when nobody watches any more
   * @param read how it stands; its errors end the watch
   */
  async *follow(
    id: string,
    read: () => Promise<Deployment>,
    gone: AbortSignal,
  ): AsyncGenerator<Deployment, void, void> {
    this.check();
    this.watchers += 1;
    const signal = AbortSignal.any([gone, this.closed.signal]);
    try {
      let told = '';
      const until = this.options.clock.now() + MAX_WATCH_MS;
      while (!signal.aborted && this.options.clock.now() < until) {
        // Before it is read, so that no change is between the two.
        const bell = this.bell(id, signal);
        try {
          const now = await read();
          const text = JSON.stringify(now);
          if (text !== told && !signal.aborted) yield now;
          told = text;
          if (isRolloutOver(now.status)) return;
          await bell.rung;
        } finally {
          bell.off();
        }
      }
    } finally {
      this.watchers -= 1;
    }
  }

  /** Rings once: on a change, on the signal, and after a while. */
  private bell(id: string, signal: AbortSignal): { rung: Promise<void>; off: () => void } {
    let ring: () => void = () => undefined;
    const rung = new Promise<void>((resolve) => (ring = resolve));
    const bell = { id, ring };
    const cancel = this.options.clock.after(LOOK_MS, ring);
    this.bells.add(bell);
    signal.addEventListener('abort', ring);
    const off = () => {
      cancel();
      this.bells.delete(bell);
      signal.removeEventListener('abort', ring);
    };
    return { rung, off };
  }
}
