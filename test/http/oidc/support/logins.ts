/** Logins by OpenID Connect against a provider over real HTTP, for the tests of who gets in and who does not. */
import type { LedgerEntry } from '../../../../src/domain/ledger';
import { ApiKeys } from '../../../../src/http/auth';
import { OidcLogin } from '../../../../src/http/oidc/login';
import type { OidcSettings } from '../../../../src/http/oidc/settings';
import { CLIENT, startOidcProvider, type OidcProvider } from '../../../support/oidc-provider';
import { startApi, type Api } from '../../support/api';
import { text, type Answer } from '../../support/client';
import { ManualClock } from '../../support/clock';

export const ROOT = 'root-key-canary-5a0f5c1e';
export const HTTPS = { 'X-Forwarded-Proto': 'https', Host: 'reveille.example.com' };
export const CALLBACK = 'https://reveille.example.com/session/oidc/callback';

export const cookiesOf = ({ headers }: Answer) => headers['set-cookie'] ?? [];

/** The cookie of a kind that an answer sets, as the browser sends it back. */
export const cookie = (answer: Answer, kind: string) =>
  cookiesOf(answer)
    .map((line) => text(line.split(';')[0]))
    .find((pair) => pair.startsWith(`__Host-reveille_${kind}=`) && !pair.endsWith('='));

/** Call at the top of a test file: each test gets a provider and an installation that takes its logins. */
export function useLogins(): Logins {
  const logins = new Logins();
  beforeEach(async () => {
    logins.lines = [];
    logins.provider = await startOidcProvider();
    await logins.start();
  });
  afterEach(async () => {
    await logins.api.close();
    await logins.provider.close();
  });
  return logins;
}

export class Logins {
  provider!: OidcProvider;
  api!: Api;
  oidc!: OidcLogin;
  /** What the login has logged. */
  lines: string[] = [];
  #clock = new ManualClock();

  /** Starts the installation, with other settings than usual. */
  async start(more: Partial<OidcSettings> = {}): Promise<void> {
    const note = (fields: unknown, line?: string) =>
      void this.lines.push(JSON.stringify(fields) + (line ?? ''));
    const log = { warn: note, info: note };
    this.#clock = new ManualClock();
    const settings = { ...this.#settings(), ...more };
    this.oidc = new OidcLogin({ settings, clock: this.#clock, log, secret: 'x'.repeat(32) });
    this.api = await startApi({ auth: new ApiKeys([ROOT]), trustedProxies: 1, oidc: this.oidc });
  }

  #settings(): OidcSettings {
    return {
      ...{ issuer: this.provider.url, clientId: CLIENT.id, redirectUri: CALLBACK },
      clientSecret: { reveal: () => CLIENT.secret },
      ...{ request: 'openid profile email groups', groupsClaim: 'groups' },
      access: { viewer: ['readers'], operator: [], approver: ['anna@example.com'], admin: ['ops'] },
    };
  }

  /** The login's clock is its own, and goes on with the installation's. */
  advance(ms: number): void {
    this.#clock.advance(ms);
    this.api.clock.advance(ms);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.api.call('GET', path, { headers: { ...HTTPS, ...headers } });
  }

  /** Goes to the provider, which sends back: the path and query of the callback, and the browser's cookie. */
  async toProvider(to?: string) {
    const begun = await this.get(`/session/oidc${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`);
    expect(begun.status).toBe(302);
    const back = await fetch(text(begun.headers.location), { redirect: 'manual' });
    const { pathname, search } = new URL(text(back.headers.get('location')));
    return { path: pathname + search, pending: { Cookie: text(cookie(begun, 'login')) }, begun };
  }

  async logIn(to?: string): Promise<Answer> {
    const { path, pending } = await this.toProvider(to);
    return this.get(path, pending);
  }

  /** The ledger's entries of sessions that were opened. */
  async sessions(): Promise<LedgerEntry[]> {
    const entries = (await this.api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    return entries.filter(({ action }) => action === 'session.opened');
  }

  async refused(answer: Answer, expected: [status: number, code: string]): Promise<void> {
    expect([answer.status, answer.body['code']]).toEqual(expected);
    expect(cookie(answer, 'session')).toBeUndefined();
    expect(await this.sessions()).toEqual([]);
  }
}
