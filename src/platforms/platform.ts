/**
 * The port behind which every platform as a service sits: set a capsule's replicas, and look at
 * what is really there. Drivers know nothing of runs, leases or generations; the engine decides
 * whether a call may be made (see `engine/wake.ts` and `engine/sleep.ts`).
 *
 * Every call is bounded by the driver's own deadline. A call ended by its signal, or by `close()`,
 * rejects at once with a {@link PlatformError} of kind `unavailable` whose cause is the signal's
 * reason; `mayHaveApplied` tells whether a change was already on its way.
 */
export interface Platform {
  /** Short name for logs and errors, e.g. `code-capsules`. */
  readonly name: string;

  /**
   * Asks for `replicas` replicas of a capsule. Idempotent. Resolves when the platform accepted the
   * request, which says nothing yet about what runs: read it back with {@link Platform.observe}.
   * @throws PlatformError
   */
  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void>;

  /**
   * Reads a capsule back from the platform.
   * @throws PlatformError
   */
  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation>;

  /**
   * Reads what a capsule is and has to work with, for people: nothing is decided by it. Left out by drivers of
   * platforms that do not tell; undefined where this one does not tell it of this capsule.
   * @throws PlatformError
   */
  describe?(capsuleId: string, signal?: AbortSignal): Promise<CapsuleMake | undefined>;

  /** Ends calls under way and releases sockets and timers; later calls reject. Idempotent. */
  close(): Promise<void>;
}

/** What the platform says about a capsule now. Unknown is never zero. */
export interface Observation {
  /** Replicas asked for. */
  desired: number | 'unknown';
  /** Replicas that exist, in whatever condition: starting and terminating ones count. */
  running: number | 'unknown';
}

export interface CapsuleMake {
  /** In the platform's own word, e.g. `backend`. */
  type?: string;
  /** What it has, with the unit: `{ cpu: '50 m', memory: '0.2 G' }`. */
  sizes: Readonly<Record<string, string>>;
}

export type PlatformErrorKind =
  | 'auth' // credentials are missing, wrong or not enough
  | 'not-found' // no such capsule
  | 'rejected' // the request itself is wrong; sending it again will not help
  | 'rate-limited' // still 429 after the driver's retries
  | 'unavailable'; // network errors, 5xx and deadlines, still there after the driver's retries

/** Why a platform call failed, in the engine's terms. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';

  constructor(
    readonly kind: PlatformErrorKind,
    message: string,
    /** True when the call may have taken effect although its answer was lost. */
    readonly mayHaveApplied = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return this.kind === 'rate-limited' || this.kind === 'unavailable';
  }
}
