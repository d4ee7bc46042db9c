/** Where a proxy sends requests: one address of one slot's process, with the connections in use. */
import { Agent } from 'node:http';

/** Below the 5 s after which Node closes idle connections, so that one is seldom used as it closes. */
const IDLE_MS = 4_000;
const MAX_IDLE = 64;

/** Where an app listens on this machine. */
export type Address = { port: number } | { socketPath: string };

/** Something in flight that can be cut. */
export interface InFlight {
  cut(): void;
}

export class Upstream {
  readonly agent = new Agent({
    keepAlive: true,
    maxFreeSockets: MAX_IDLE,
    timeout: IDLE_MS,
    scheduling: 'lifo',
  });
  private readonly inFlight = new Set<InFlight>();
  private idle: (() => void)[] = [];

  constructor(readonly address: Address) {}

  get busy(): number {
    return this.inFlight.size;
  }

  enter(item: InFlight): void {
    this.inFlight.add(item);
  }

  leave(item: InFlight): void {
    if (!this.inFlight.delete(item) || this.inFlight.size > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  /**
   * Waits for what is in flight, and cuts what is left at the deadline. Nothing new may come in.
   * Aborted, nothing is cut: the slot is back in traffic.
   * @returns how many were cut
   */
  async drain(timeoutMs: number, signal: AbortSignal): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    if (this.inFlight.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.idle.push(resolve);
        timer = setTimeout(resolve, timeoutMs);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      clearTimeout(timer);
    }
    return signal.aborted ? 0 : this.cut();
  }

  /** Ends everything at once, idle connections too. */
  cut(): number {
    const left = [...this.inFlight];
    for (const item of left) item.cut();
    this.agent.destroy();
    return left.length;
  }
}
