/** What the Code Capsules driver is given, and the defaults for what it is not. */

/**
 * `capsule`: `PATCH {apiUrl}/capsules/:id` with `{ scaling: { desiredReplicas } }`.
 * `products`: `PATCH {clusterUrl}/capsules/:id/products` with every size, read first.
 */
export type Dialect = 'capsule' | 'products';

/** A fixed bearer token, or an account to log in with. */
export type CodeCapsulesCredentials = { token: string } | { email: string; password: string; apiKey: string };

export interface CodeCapsulesOptions {
  dialect: Dialect;
  /** Base address of the central API (CC_API_URL). */
  apiUrl: string;
  /** Base address of the cluster's API (CC_CLUSTER_URL); needed by the `products` dialect. */
  clusterUrl?: string | undefined;
  /** Base address of the login service (CC_AUTH_URL); needed to log in with an account. */
  authUrl?: string | undefined;
  credentials: CodeCapsulesCredentials;
  /** Longest wait for one HTTP answer. */
  requestTimeoutMs?: number;
  /** Longest duration of one `scale` or `observe` with its login, reads, waits and retries. */
  deadlineMs?: number;
  /** Retries of one HTTP request after its first try. */
  maxRetries?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** Rejects when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The options with every default filled in and the addresses checked. */
export interface Settings {
  dialect: Dialect;
  apiUrl: string;
  clusterUrl: string;
  authUrl: string;
  credentials: CodeCapsulesCredentials;
  requestTimeoutMs: number;
  deadlineMs: number;
  maxRetries: number;
  now: () => number;
  random: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether the address is on this machine, where plain HTTP is no risk to a token. */
export function isLoopback(url: string): boolean {
  return LOOPBACK.has(new URL(url).hostname);
}

/**
 * Fills in the defaults.
 * @throws Error that names the variable to set, when an address is missing, malformed or would send
 * credentials over plain HTTP to another machine
 */
export function settle(options: CodeCapsulesOptions): Settings {
  const login = !('token' in options.credentials);
  return {
    dialect: options.dialect,
    apiUrl: address('CC_API_URL', options.apiUrl, options.dialect === 'capsule'),
    clusterUrl: address('CC_CLUSTER_URL', options.clusterUrl, options.dialect === 'products'),
    authUrl: address('CC_AUTH_URL', options.authUrl, login),
    credentials: options.credentials,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    deadlineMs: options.deadlineMs ?? 30_000,
    maxRetries: options.maxRetries ?? 4,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleepFor,
  };
}

function address(variable: string, value: string | undefined, needed: boolean): string {
  if (!value) {
    if (needed) throw new Error(`${variable} is not set; set it to the address of that Code Capsules API.`);
    return '';
  }
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
