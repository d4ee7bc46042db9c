/**
 * An OpenID Connect provider over real HTTP with real RS256 keys: discovery, authorization code with PKCE, client
 * authentication, single-use codes. Whoever comes is logged in at once. Tests may have it lie.
 */
import { createHash, createSign, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CLIENT = { id: 'reveille', secret: 'oidc-client-secret-canary-0123456789' };

/** What the next ID token says otherwise than it should. */
export interface Lie {
  claims?: Record<string, unknown>;
  /** Signed with a key that is not published. */
  forged?: boolean;
  /** Not signed at all. */
  unsigned?: boolean;
}

/** Made once a file: a key takes longer than a login. */
let keys: [KeyObject, KeyObject] | undefined;

interface Grant {
  nonce: string;
  challenge: string;
  redirectUri: string;
}

export type OidcProvider = Awaited<ReturnType<typeof startOidcProvider>>;

export async function startOidcProvider() {
  keys ??= [newKey(), newKey()];
  const [key, other] = keys;
  const grants = new Map<string, Grant>();
  const state = {
    person: { sub: 'anna-1', email: 'Anna@Example.com', email_verified: true } as Record<string, unknown>,
    lie: {} as Lie,
    /** What the discovery document says otherwise. */
    metadata: {} as Record<string, unknown>,
    /** Takes a code more than once. */
    isCareless: false,
    /** Answers 503 to everything. */
    isDown: false,
    /** Requests by path. */
    asked: [] as string[],
  };
  const tokens = ({ nonce }: Grant) => idToken({ ...state, issuer: url(), nonce, key, other });
  const server = createServer((req, res) => void serve(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '/', url());
    state.asked.push(pathname);
    if (state.isDown) return void res.writeHead(503).end();
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return send(res, 200, { ...metadataOf(url()), ...state.metadata });
      case '/jwks':
        return send(res, 200, {
          keys: [{ ...key.export({ format: 'jwk' }), kid: 'one', use: 'sig' }].map(publicPart),
        });
      case '/authorize':
        return authorize(searchParams, res);
      case '/token':
        return token(req, new URLSearchParams(await bodyOf(req)), res);
      default:
        return void res.writeHead(404).end();
    }
  }

  function authorize(query: URLSearchParams, res: ServerResponse): void {
    const of = (name: string) => query.get(name) ?? '';
    const fault = faultOf(query);
    if (fault !== undefined) return send(res, 400, { error: 'invalid_request', error_description: fault });
    const code = randomBytes(16).toString('hex');
    grants.set(code, {
      nonce: of('nonce'),
      challenge: of('code_challenge'),
      redirectUri: of('redirect_uri'),
    });
    const back = new URL(of('redirect_uri'));
    back.search = new URLSearchParams({ code, state: of('state'), iss: url() }).toString();
    res.writeHead(302, { location: back.href }).end();
  }

  function token(req: IncomingMessage, form: URLSearchParams, res: ServerResponse): void {
    if (!isOurClient(req.headers.authorization)) return send(res, 401, { error: 'invalid_client' });
    const code = form.get('code') ?? '';
    const grant = grants.get(code);
    if (!state.isCareless) grants.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isGood =
      form.get('grant_type') === 'authorization_code' &&
      grant?.challenge === challenge &&
      grant.redirectUri === form.get('redirect_uri');
    if (!grant || !isGood) return send(res, 400, { error: 'invalid_grant' });
    send(res, 200, {
      access_token: randomBytes(16).toString('hex'),
      token_type: 'Bearer',
      id_token: tokens(grant),
    });
  }

  return {
    get url() {
      return url();
    },
    state,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Both parts are form-encoded before they are put together. */
function isOurClient(authorization = ''): boolean {
  const pair = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
  const [id, secret] = pair.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
  return authorization.startsWith('Basic ') && id === CLIENT.id && secret === CLIENT.secret;
}

const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

const publicPart = ({ kty, n, e, kid, use }: Record<string, unknown>) => ({
  kty,
  n,
  e,
  kid,
  use,
  alg: 'RS256',
});

const metadataOf = (url: string) => ({
  issuer: url,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  jwks_uri: `${url}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
});

/** What a careful provider refuses before it asks anybody anything. */
function faultOf(query: URLSearchParams): string | undefined {
  const wanted = { response_type: 'code', client_id: CLIENT.id, code_challenge_method: 'S256' };
  const wrong = Object.entries(wanted).find(([name, value]) => query.get(name) !== value);
  if (wrong) return `${wrong[0]} is not ${wrong[1]}`;
  const given = ['state', 'nonce', 'code_challenge', 'redirect_uri'];
  const missing = given.find((name) => (query.get(name) ?? '').length < 20);
  if (missing) return `${missing} is missing or short`;
  return (query.get('scope') ?? '').split(' ').includes('openid') ? undefined : 'no scope openid';
}

interface TokenRequest {
  person: Record<string, unknown>;
  lie: Lie;
  issuer: string;
  nonce: string;
  key: KeyObject;
  other: KeyObject;
}

const LIFE_SECONDS = 300;

function idToken({ person, lie, issuer, nonce, key, other }: TokenRequest): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: issuer,
    aud: CLIENT.id,
    iat: now,
    exp: now + LIFE_SECONDS,
    nonce,
    ...person,
    ...lie.claims,
  };
  const header = lie.unsigned ? { alg: 'none' } : { alg: 'RS256', kid: 'one' };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  if (lie.unsigned) return `${text}.`;
  const signature = createSign('RSA-SHA256')
    .update(text)
    .sign(lie.forged ? other : key, 'base64url');
  return `${text}.${signature}`;
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
