/** What every driver that speaks HTTP is given about time, and the defaults for what it is not. */

export interface CallOptions {
  /** Longest wait for one HTTP answer; 10,000 by default. */
  requestTimeoutMs?: number;
  /** Longest duration of one call of a port with its reads, waits and retries; 30,000 by default. */
  deadlineMs?: number;
  /** Retries of one HTTP request after its first try; 4 by default. */
  maxRetries?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** Rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export type CallSettings = Required<CallOptions>;

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether the address is on this machine, where plain HTTP is no risk to a token. */
export function isLoopback(url: string): boolean {
  return LOOPBACK.has(new URL(url).hostname);
}

/** The options with every default filled in. */
export function callSettings(options: CallOptions): CallSettings {
  return {
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    deadlineMs: options.deadlineMs ?? 30_000,
    maxRetries: options.maxRetries ?? 4,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleepFor,
  };
}

/**
 * A base address to which paths are added, without a slash at its end.
 * @throws Error that names the variable to set, when it is malformed or would send credentials over
 * plain HTTP to another machine
 */
export function safeAddress(variable: string, value: string): string {
  // The value itself stays out of the message: an address may carry a password.
  if (!URL.canParse(value)) throw new Error(`${variable} is not an address; set it to an https:// address.`);
  const { protocol } = new URL(value);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(value))) {
    throw new Error(
      `${variable} must be an https:// address: credentials are sent to it (http:// is for loopback only).`,
    );
  }
  return value.replace(/\/+$/, '');
}

function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
