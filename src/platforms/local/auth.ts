import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** The account the login accepts, as Code Capsules has one. */
export interface LocalLogin {
  email: string;
  password: string;
  apiKey: string;
  /** Life of the tokens it hands out; 300 by default. */
  tokenSeconds?: number;
}

const DEFAULT_TOKEN_SECONDS = 300;
const Claims = z.object({ exp: z.number() });
const LoginBody = z.object({
  email: z.string(),
  password: z.string(),
  type: z.literal('[User] Login Initiated'),
});

/** Checks bearer tokens: the fixed one, and those of the login, which die with the process. */
export class Auth {
  private readonly signingKey = randomBytes(32);

  constructor(
    private readonly token: string,
    private readonly account: LocalLogin | undefined,
    private readonly now: () => number,
  ) {}

  /** Whether an `Authorization` header holds a token that is good now. */
  accepts(authorization: string | undefined): boolean {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    return token !== undefined && (same(token, this.token) || this.isOwnJwt(token));
  }

  /** A short-lived HS256 JWT for the right account, key and body; otherwise undefined. */
  login(apiKey: string | undefined, body: unknown): string | undefined {
    const asked = LoginBody.safeParse(body);
    if (!this.account || !asked.success) return undefined;
    const { email, password } = asked.data;
    // All three are compared, so that timing does not tell which of them was wrong.
    const right = [
      same(email, this.account.email),
      same(password, this.account.password),
      same(apiKey ?? '', this.account.apiKey),
    ];
    return right.every(Boolean) ? this.sign(email) : undefined;
  }

  private sign(email: string): string {
    const iat = Math.floor(this.now() / 1000);
    const exp = iat + (this.account?.tokenSeconds ?? DEFAULT_TOKEN_SECONDS);
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: email, iat, exp })}`;
    return `${signed}.${this.signature(signed)}`;
  }

  private isOwnJwt(token: string): boolean {
    const [header, payload, signature] = token.split('.');
    if (!header || !payload || !signature || !same(signature, this.signature(`${header}.${payload}`)))
      return false;
    const claims = Claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    return this.now() < claims.exp * 1000;
  }

  private signature(signed: string): string {
    return createHmac('sha256', this.signingKey).update(signed).digest('base64url');
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** Compares in constant time; of digests, so that lengths do not show either. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
