import { PlatformError } from '../platform';

/**
 * One `scale` or `observe`, with every HTTP request made for it. They share one deadline and one
 * signal, and remember together whether a change may have happened unseen.
 */
export interface Call {
  /** Starts every message about this call, e.g. `scale capsule abc to 1`. */
  readonly what: string;
  readonly capsuleId: string | undefined;
  /** On the clock of the settings, in ms. */
  readonly deadlineAt: number;
  /** Aborted by the caller's signal and by the platform's `close()`. */
  readonly signal: AbortSignal;
  /** Set once a PATCH was sent whose answer never came, or was a 5xx; never unset. */
  mayHaveApplied: boolean;
}

/** Thrown when the caller, or `close()`, ended the call; its cause is the signal's reason. */
export function stopped(call: Call): PlatformError {
  return new PlatformError('unavailable', `${call.what}: stopped before it was done.`, call.mayHaveApplied, {
    cause: call.signal.reason,
  });
}

/** Waits, unless the call is stopped. @throws PlatformError then */
export async function pause(
  call: Call,
  ms: number,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await sleep(ms, call.signal);
  } catch (error) {
    if (!call.signal.aborted) throw error;
  }
  if (call.signal.aborted) throw stopped(call);
}

/** The calls under way, so that `close()` can end them. */
export class Calls {
  private readonly live = new Set<AbortController>();
  private closed = false;

  constructor(
    private readonly now: () => number,
    private readonly deadlineMs: number,
  ) {}

  /** Runs one call's work under its deadline and signals. */
  async run<T>(
    about: { what: string; capsuleId?: string; signal?: AbortSignal | undefined },
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const call: Call = {
      what: about.what,
      capsuleId: about.capsuleId,
      deadlineAt: this.now() + this.deadlineMs,
      signal: controller.signal,
      mayHaveApplied: false,
    };
    const outer = about.signal;
    const forward = () => controller.abort(outer?.reason);
    if (this.closed) controller.abort(new Error('the platform driver is closed'));
    else if (outer?.aborted) forward();
    if (controller.signal.aborted) throw stopped(call);
    outer?.addEventListener('abort', forward);
    this.live.add(controller);
    try {
      return await work(call);
    } finally {
      this.live.delete(controller);
      outer?.removeEventListener('abort', forward);
    }
  }

  /** Ends every call under way and refuses later ones. Safe to repeat. */
  close(): void {
    this.closed = true;
    for (const controller of this.live) controller.abort(new Error('the platform driver was closed'));
  }
}
