import { z } from 'zod';
import { PlatformError } from '../platform';
import type { Call, Calls } from '../calls/call';
import { stopped } from '../calls/call';
import type { FailureContext } from '../calls/failure';
import { redactor } from '../calls/redact';
import type { Settings } from './options';
import type { Requester } from '../calls/requester';
import { loginFailure, mendsOf } from './mends';

/** A token is renewed this long before it expires, or a fifth of its life if that is shorter. */
const RENEW_MARGIN_MS = 60_000;
const RENEW_MARGIN_SHARE = 0.2;

/** Where the bearer token of each request comes from. */
export interface TokenSource {
  /** The variables to check when the token is refused. */
  readonly variables: string;
  /** A token that has not expired. @throws PlatformError */
  token(call: Call): Promise<string>;
  /** Told of a refused token; returns whether `token()` can now give a fresh one. */
  refused(token: string): boolean;
  /** Every secret this source knows, to keep out of messages. */
  secrets(): string[];
}

/** A token set once, by CC_API_TOKEN. */
export function staticToken(token: string): TokenSource {
  return {
    variables: 'CC_API_TOKEN',
    token: async () => token,
    refused: () => false,
    secrets: () => [token],
  };
}

const LoginAnswer = z.looseObject({ token: z.string().min(1) });
const Claims = z.looseObject({ exp: z.number(), iat: z.number().optional() });

/**
 * Milliseconds a JWT lives from its issue, read without verifying it (it was just given to us).
 * Undefined when it does not say. Measured from `iat` where present, so that a skewed clock here
 * does not make every token look expired.
 */
export function jwtLifeMs(token: string, now: number): number | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined; // An opaque token: it is used until it is refused.
  }
  const claims = Claims.safeParse(decoded);
  if (!claims.success) return undefined;
  const life = (claims.data.exp - (claims.data.iat ?? now / 1000)) * 1000;
  return life > 0 ? life : undefined;
}

interface Login {
  token: string;
  /** On the clock of the settings; infinite for a token that does not say when it expires. */
  renewAt: number;
}

/** Logs in with an account, and again before the token expires; concurrent callers share one login. */
export class LoginTokens implements TokenSource {
  readonly variables = 'CC_EMAIL, CC_PASSWORD and CC_API_KEY';
  private current: Login | undefined;
  private pending: Promise<Login> | undefined;

  constructor(
    private readonly account: { email: string; password: string; apiKey: string },
    private readonly settings: Settings,
    private readonly requester: Requester,
    private readonly calls: Calls,
  ) {}

  async token(call: Call): Promise<string> {
    if (this.current && this.settings.now() < this.current.renewAt) return this.current.token;
    // The shared login has a deadline of its own: one caller giving up must not fail the others.
    this.pending ??= this.login()
      .then((login) => (this.current = login))
      .finally(() => (this.pending = undefined));
    const login = await within(this.pending, call, call.deadlineAt - this.settings.now());
    return login.token;
  }

  refused(token: string): boolean {
    // Another caller may have renewed it already; then its token is simply used.
    if (this.current?.token === token) this.current = undefined;
    return true;
  }

  secrets(): string[] {
    const { password, apiKey } = this.account;
    return [password, apiKey, ...(this.current ? [this.current.token] : [])];
  }

  private login(): Promise<Login> {
    return this.calls.run({ what: 'log in to Code Capsules' }, async (call) => {
      const context = this.context();
      const startedAt = this.settings.now();
      try {
        const body = await this.requester.request(call, this.loginRequest(), context);
        const answer = LoginAnswer.safeParse(body);
        if (!answer.success) {
          throw new PlatformError('auth', `${call.what}: the answer holds no token.`);
        }
        const life = jwtLifeMs(answer.data.token, startedAt);
        const margin = Math.min(RENEW_MARGIN_MS, (life ?? 0) * RENEW_MARGIN_SHARE);
        return { token: answer.data.token, renewAt: startedAt + (life ?? Infinity) - margin };
      } catch (error) {
        throw error instanceof PlatformError ? loginFailure(call, error, this.variables) : error;
      }
    });
  }

  private loginRequest() {
    const { email, password, apiKey } = this.account;
    return {
      method: 'POST' as const,
      url: `${this.settings.authUrl}/api/auth/login`,
      headers: { 'x-api-key': apiKey },
      // The service wants this literal type.
      body: { email, password, type: '[User] Login Initiated' },
    };
  }

  private context(): FailureContext {
    return {
      mends: mendsOf(this.variables, 'CC_AUTH_URL'),
      addressVariable: 'CC_AUTH_URL',
      redact: redactor(() => this.secrets()),
    };
  }
}

/** Waits for a shared promise, but no longer than the caller wants and has. */
function within<T>(shared: Promise<T>, call: Call, leftMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(stopped(call));
    const late = () => {
      const message = `${call.what}: no login within its deadline. Check CC_AUTH_URL and the network.`;
      reject(new PlatformError('unavailable', message, call.mayHaveApplied));
    };
    const timer = setTimeout(late, Math.max(0, leftMs));
    if (call.signal.aborted) stop();
    call.signal.addEventListener('abort', stop);
    void shared.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', stop);
    });
  });
}
