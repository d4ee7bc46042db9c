/** Logins at a provider: one for all rounds, and a person who got as far as its code. */
import { pino } from 'pino';
import { OidcLogin } from '../../src/http/oidc/login';
import { CLIENT, startOidcProvider, type OidcProvider } from '../support/oidc-provider';
import type { Api } from '../http/support/api';
import { ManualClock } from '../http/support/clock';
import type { Example } from './scene';

const REDIRECT = 'http://localhost/session/oidc/callback';

export class Logins {
  private constructor(private readonly provider: OidcProvider) {}

  static async start(): Promise<Logins> {
    return new Logins(await startOidcProvider());
  }

  /** What an installation needs to send people there. */
  login(): OidcLogin {
    const settings = {
      ...{ issuer: this.provider.url, clientId: CLIENT.id, redirectUri: REDIRECT },
      clientSecret: { reveal: () => CLIENT.secret },
      ...{ request: 'openid email groups', groupsClaim: 'groups' },
      access: { viewer: [], operator: [], approver: [], admin: ['anna@example.com'] },
    };
    const log = pino({ enabled: false });
    return new OidcLogin({ settings, clock: new ManualClock(), log, secret: 'x'.repeat(32) });
  }

  /** The way back of somebody whom the provider knows: it lets them in once. */
  async comingBack(api: Api): Promise<Example> {
    const { headers } = await api.call('GET', '/session/oidc');
    const away = await fetch(headers.location ?? '', { redirect: 'manual' });
    const back = new URL(away.headers.get('location') ?? '');
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    return { query: Object.fromEntries(back.searchParams), headers: { cookie, authorization: '' } };
  }

  close(): Promise<void> {
    return this.provider.close();
  }
}
