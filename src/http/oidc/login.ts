/**
 * Logins by OpenID Connect: authorization code with PKCE, state and nonce. The library is loaded with the first
 * login, so that an orchestrator without it pays nothing.
 */
import { createHash } from 'node:crypto';
import type { Clock, Log } from '../../engine/ports';
import type { Principal } from '../auth-people';
import { Problem } from '../problems';
import { discover, type Discovered } from './discover';
import { personOf } from './person';
import { Seal } from './sealed';
import type { OidcSettings } from './settings';

/** How long somebody may take at the provider. */
export const PENDING_SECONDS = 600;
/** Keys and addresses of a provider change seldom. */
const DISCOVERED_MS = 3_600_000;
/** What somebody is told to wait whose provider does not answer. */
const RETRY_SECONDS = 5;

export interface Arrival {
  person: Principal;
  /** A path of ours. */
  to: string;
  /** Names this login: it opens one session, and no second one until `until`. */
  once: { id: string; until: number };
}

interface Deps {
  settings: OidcSettings;
  clock: Pick<Clock, 'now'>;
  log: Pick<Log, 'warn' | 'info'>;
  /** Seals what browsers keep; the same in every process of an installation. */
  secret: string;
}

export class OidcLogin {
  private readonly seal: Seal;
  private known: { discovered: Discovered; at: number } | undefined;
  private discovering: Promise<Discovered> | undefined;

  constructor(private readonly deps: Deps) {
    this.seal = new Seal(deps.secret);
  }

  get issuer(): string {
    return this.deps.settings.issuer;
  }

  /**
   * Where to send the browser, and what it has to bring back.
   * @throws Problem `oidc-provider-away`
   */
  async begin(to: string): Promise<{ url: string; cookie: string }> {
    const { settings, clock } = this.deps;
    const { library, configuration } = await this.provider();
    const state = library.randomState();
    const nonce = library.randomNonce();
    const verifier = library.randomPKCECodeVerifier();
    const url = library.buildAuthorizationUrl(configuration, {
      ...{ redirect_uri: settings.redirectUri, response_type: 'code', scope: settings.request },
      ...{ state, nonce, code_challenge_method: 'S256' },
      code_challenge: await library.calculatePKCECodeChallenge(verifier),
    });
    const expiresAt = clock.now() + PENDING_SECONDS * 1_000;
    return { url: url.href, cookie: this.seal.close({ state, nonce, verifier, to, expiresAt }) };
  }

  /**
   * Takes what the provider sent the browser back with.
   * @param query as it came, without the question mark
   * @param cookie what {@link begin} gave this browser
   * @throws Problem when it proves nobody, or somebody who has no scope here
   */
  async finish(query: string, cookie: string | undefined): Promise<Arrival> {
    const { settings, clock, log } = this.deps;
    const pending = this.seal.open(cookie ?? '', clock.now());
    if (!pending) throw new Problem('oidc-not-begun');
    const claims = await this.exchange(query, pending);
    const person = personOf(claims, settings);
    if (!person) throw new Problem('oidc-refused', { detail: 'The provider names nobody.' });
    if (person.scopes.length === 0) {
      log.info({ person: person.id }, 'a login by OpenID Connect: the person has no scope here');
      throw new Problem('oidc-unmapped');
    }
    const id = createHash('sha256').update(pending.state).digest('hex');
    return { person, to: pending.to, once: { id, until: pending.expiresAt } };
  }

  /** For the doctor: what is wrong with the provider, in words; undefined when it can be used. */
  async fault(): Promise<string | undefined> {
    try {
      await discover(this.deps.settings);
      return undefined;
    } catch (error) {
      return wordsOf(error);
    }
  }

  private async exchange(query: string, { state, nonce, verifier }: Pending): Promise<Claims> {
    const { settings, log } = this.deps;
    const { library, configuration, isAway } = await this.provider();
    try {
      const tokens = await library.authorizationCodeGrant(
        configuration,
        new URL(`${settings.redirectUri}?${query}`),
        {
          ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
          idTokenExpected: true,
        },
      );
      return tokens.claims() ?? {};
    } catch (error) {
      log.warn({ reason: wordsOf(error) }, 'a login by OpenID Connect was refused');
      if (isAway(error)) throw new Problem('oidc-provider-away', { retryAfterSeconds: RETRY_SECONDS });
      throw new Problem('oidc-refused', { detail: 'What the provider sent back does not hold.' });
    }
  }

  /** Whatever many ask at once, the provider is asked once. */
  private async provider(): Promise<Discovered> {
    const { clock, settings, log } = this.deps;
    const age = this.known ? clock.now() - this.known.at : Infinity;
    if (this.known && age >= 0 && age < DISCOVERED_MS) return this.known.discovered;
    this.discovering ??= discover(settings).finally(() => (this.discovering = undefined));
    try {
      const discovered = await this.discovering;
      this.known = { discovered, at: clock.now() };
      return discovered;
    } catch (error) {
      log.warn({ reason: wordsOf(error) }, 'the OpenID Connect provider cannot be used');
      throw new Problem('oidc-provider-away', { retryAfterSeconds: RETRY_SECONDS });
    }
  }
}

type Pending = Pick<NonNullable<ReturnType<Seal['open']>>, 'state' | 'nonce' | 'verifier'>;
type Claims = Readonly<Record<string, unknown>>;

/** What may be logged of an error: its causes hold tokens and claims. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code, error: given } = error as { code?: unknown; error?: unknown };
  const words = [given, code].filter((word): word is string => typeof word === 'string').join(', ');
  return words === '' ? error.message.slice(0, 200) : `${error.message} (${words})`.slice(0, 300);
}
