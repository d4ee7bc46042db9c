/** Logins by OpenID Connect, against a provider over real HTTP: who gets in, and everything that does not. */
import type { Request } from 'express';
import { pino } from 'pino';
import type { LedgerEntry } from '../../../src/domain/ledger';
import { ApiKeys } from '../../../src/http/auth';
import { People } from '../../../src/http/auth-people';
import { OidcLogin } from '../../../src/http/oidc/login';
import type { OidcSettings } from '../../../src/http/oidc/settings';
import { CLIENT, startOidcProvider, type OidcProvider } from '../../support/oidc-provider';
import { startApi, type Api } from '../support/api';
import { open, text, type Answer } from '../support/client';
import { ManualClock } from '../support/clock';

const ROOT = 'root-key-canary-5a0f5c1e';
const HTTPS = { 'X-Forwarded-Proto': 'https', Host: 'reveille.example.com' };
const CALLBACK = 'https://reveille.example.com/session/oidc/callback';
const HOUR_SECONDS = 3_600;

let provider: OidcProvider;
let api: Api;
let oidc: OidcLogin;
let lines: string[];

const settingsOf = (more: Partial<OidcSettings> = {}): OidcSettings => ({
  ...{ issuer: provider.url, clientId: CLIENT.id, redirectUri: CALLBACK },
  clientSecret: { reveal: () => CLIENT.secret },
  ...{ request: 'openid profile email groups', groupsClaim: 'groups' },
  access: { viewer: ['readers'], operator: [], approver: ['anna@example.com'], admin: ['ops'] },
  ...more,
});

async function start(more: Partial<OidcSettings> = {}): Promise<void> {
  const note = (fields: unknown, line?: string) => void lines.push(JSON.stringify(fields) + (line ?? ''));
  const log = { warn: note, info: note };
  const clock = new ManualClock();
  oidc = new OidcLogin({ settings: settingsOf(more), clock, log, secret: 'x'.repeat(32) });
  api = await startApi({ auth: new ApiKeys([ROOT]), trustedProxies: 1, oidc });
  // The login's clock is its own: only tests of it move it.
  advance = (ms) => {
    clock.advance(ms);
    api.clock.advance(ms);
  };
}
let advance: (ms: number) => void;

beforeEach(async () => {
  lines = [];
  provider = await startOidcProvider();
  await start();
});
afterEach(async () => {
  await api.close();
  await provider.close();
});

const cookiesOf = ({ headers }: Answer) => headers['set-cookie'] ?? [];
const cookie = (answer: Answer, kind: string) =>
  cookiesOf(answer)
    .map((line) => text(line.split(';')[0]))
    .find((pair) => pair.startsWith(`__Host-reveille_${kind}=`) && !pair.endsWith('='));
const get = (path: string, headers: Record<string, string> = {}) =>
  api.call('GET', path, { headers: { ...HTTPS, ...headers } });

/** Goes to the provider, which sends back: the path and query of the callback, and the browser's cookie. */
async function toProvider(to?: string) {
  const begun = await get(`/session/oidc${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`);
  expect(begun.status).toBe(302);
  const back = await fetch(text(begun.headers.location), { redirect: 'manual' });
  const { pathname, search } = new URL(text(back.headers.get('location')));
  return { path: pathname + search, pending: { Cookie: text(cookie(begun, 'login')) }, begun };
}

async function logIn(to?: string): Promise<Answer> {
  const { path, pending } = await toProvider(to);
  return get(path, pending);
}

const sessions = async () => {
  const entries = (await api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  return entries.filter(({ action }) => action === 'session.opened');
};

async function refused(answer: Answer, expected: [status: number, code: string]): Promise<void> {
  expect([answer.status, answer.body['code']]).toEqual(expected);
  expect(cookie(answer, 'session')).toBeUndefined();
  expect(await sessions()).toEqual([]);
}

describe('a good login', () => {
  it('opens a session with the scopes that its claims give, and ends with a logout', async () => {
    provider.state.person['groups'] = ['readers', 'others'];
    const answer = await logIn('/app/runs?status=failed');
    expect([answer.status, answer.headers.location]).toEqual([303, '/app/runs?status=failed']);
    const [, line = ''] = cookiesOf(answer);
    expect(line).toMatch(
      /^__Host-reveille_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; .*; Secure$/,
    );
    const me = { Cookie: text(cookie(answer, 'session')) };
    const { body } = await get('/session', me);
    expect(body).toMatchObject({
      ...{ id: 'user:anna-1', owner: 'anna@example.com', scopes: ['viewer', 'approver'] },
    });
    const started = await api.call('POST', '/workflows/single/runs', {
      headers: { ...HTTPS, ...me, 'X-CSRF-Token': text(body['csrfToken']) },
    });
    expect([started.status, started.body['code']]).toEqual([403, 'scope-missing']);
    const headers = { ...HTTPS, ...me, 'X-CSRF-Token': text(body['csrfToken']) };
    expect((await api.call('DELETE', '/session', { headers })).status).toBe(204);
    expect((await get('/session', me)).status).toBe(401);
    expect(await sessions()).toMatchObject([
      { actor: 'user:anna-1', set: { scopes: 'viewer approver', issuer: provider.url } },
    ]);
  });

  it('is ended for one person by an admin, who cannot take a key from them', async () => {
    provider.state.person['groups'] = ['readers'];
    const me = { Cookie: text(cookie(await logIn(), 'session')) };
    expect((await get('/session', me)).status).toBe(200);
    const headers = { authorization: `Bearer ${ROOT}` };
    const { body } = await api.call('POST', '/sessions/end', { headers, json: { who: 'user:anna-1' } });
    expect(body).toEqual({ ended: 1 });
    expect((await get('/session', me)).status).toBe(401);
  });

  it('asks with PKCE, state and nonce, and keeps their secrets in a sealed cookie that lasts ten minutes', async () => {
    const { begun } = await toProvider();
    const asked = new URL(text(begun.headers.location)).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      ...{
        client_id: CLIENT.id,
        redirect_uri: CALLBACK,
        response_type: 'code',
        code_challenge_method: 'S256',
      },
      scope: 'openid profile email groups',
    });
    const [line = ''] = cookiesOf(begun);
    expect(line).toMatch(
      /^__Host-reveille_login=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/,
    );
    expect(
      Buffer.from(text(cookie(begun, 'login')).split('=')[1] ?? '', 'base64url').toString(),
    ).not.toContain(text(asked.get('nonce')));
  });

  it('asks the provider once for what it is', async () => {
    await Promise.all([toProvider(), toProvider(), toProvider()]);
    await logIn();
    expect(provider.state.asked.filter((path) => path.startsWith('/.well-known'))).toHaveLength(1);
  });

  it('ends where logins by OpenID Connect are not offered any more', async () => {
    const headers = { cookie: text(cookie(await logIn(), 'session')) };
    const request = { headers, secure: true, method: 'GET' } as unknown as Request;
    const { store, clock } = api;
    const deps = { auth: new ApiKeys([ROOT]), store, clock, log: pino({ level: 'silent' }) };
    const who = (more: object) => new People({ ...deps, ...more }).identify(request, () => undefined);
    await expect(who({ oidc })).resolves.toMatchObject({ id: 'user:anna-1' });
    await expect(who({})).resolves.toBe('nobody');
  });

  it('is offered where there is a provider, and nowhere else', async () => {
    expect((await get('/session/methods')).body).toEqual({ methods: ['key', 'oidc'] });
    await api.close();
    api = await startApi({ auth: new ApiKeys([ROOT]), trustedProxies: 1 });
    expect((await get('/session/methods')).body).toEqual({ methods: ['key'] });
    for (const path of ['/session/oidc', '/session/oidc/callback?code=x&state=y'])
      expect((await get(path)).body['code']).toBe('oidc-off');
  });
});

describe('a login that does not hold', () => {
  const now = () => Math.floor(Date.now() / 1_000);
  it.each([
    ['another nonce', { claims: { nonce: 'n'.repeat(43) } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['an expired token', { claims: { iat: now() - 2 * HOUR_SECONDS, exp: now() - HOUR_SECONDS } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['another audience', { claims: { aud: 'somebody-else' } }],
    ['more audiences, and nobody it was made for', { claims: { aud: [CLIENT.id, 'other'], azp: 'other' } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['an issuer that is nearly ours', { claims: { iss: 'http://127.0.0.1' } }],
    ['a key that is not the provider’s', { forged: true }],
    ['no signature', { unsigned: true }],
    ['a subject that cannot be written down', { claims: { sub: 'a\r\nb' } }],
  ])('is refused: %s', async (_what, lie) => {
    provider.state.lie = lie;
    await refused(await logIn(), [401, 'oidc-refused']);
  });

  it('is refused when its state is not the one of this browser, or there is none', async () => {
    const { path, pending } = await toProvider();
    const forged = path.replace(/state=[^&]+/, `state=${'s'.repeat(43)}`);
    await refused(await get(forged, pending), [401, 'oidc-refused']);
    const other = await toProvider();
    await refused(await get(path, other.pending), [401, 'oidc-refused']);
    await refused(await get(path), [401, 'oidc-not-begun']);
    await refused(await get(path, { Cookie: `__Host-reveille_login=${'x'.repeat(100)}` }), [
      401,
      'oidc-not-begun',
    ]);
  });

  it('opens one session, however often it comes', async () => {
    const { path, pending } = await toProvider();
    expect((await get(path, pending)).status).toBe(303);
    expect((await get(path, pending)).status).toBe(401);
    expect(await sessions()).toHaveLength(1);
  });

  it('opens one session also when a careless provider takes a code twice', async () => {
    provider.state.isCareless = true;
    const { path, pending } = await toProvider();
    const statuses = await Promise.all([1, 2, 3].map(async () => (await get(path, pending)).status));
    expect(statuses.sort()).toEqual([303, 401, 401]);
    expect((await get(path, pending)).body['code']).toBe('oidc-not-begun');
    expect(await sessions()).toHaveLength(1);
  });

  it('is refused after ten minutes', async () => {
    const { path, pending } = await toProvider();
    advance(600_000);
    await refused(await get(path, pending), [401, 'oidc-not-begun']);
  });

  it('is refused when the answer names another issuer, or says that the person did not want to', async () => {
    const { path, pending } = await toProvider();
    const iss = path.replace(/iss=[^&]+/, `iss=${encodeURIComponent('https://evil.example')}`);
    await refused(await get(iss, pending), [401, 'oidc-refused']);
    const denied = `${path.split('?')[0]}?error=access_denied&state=${/state=([^&]+)/.exec(path)?.[1]}&iss=${encodeURIComponent(provider.url)}`;
    await refused(await get(denied, pending), [401, 'oidc-refused']);
  });

  it('counts as a failed login of its address', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 31; i += 1)
      statuses.push((await get('/session/oidc/callback?code=x&state=y')).status);
    expect(new Set(statuses.slice(0, 30))).toEqual(new Set([401]));
    expect(statuses[30]).toBe(429);
  });

  it('says so on a page to a person, and holds no secret anywhere', async () => {
    provider.state.lie = { claims: { aud: 'somebody-else' } };
    const { path, pending } = await toProvider();
    const response = await open(api.port, 'GET', path, {
      headers: { ...HTTPS, ...pending, Accept: 'text/html' },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const page = Buffer.concat(chunks).toString();
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      401,
      'text/html; charset=utf-8',
    ]);
    expect(page).toContain('Not logged in');
    expect(page).not.toContain('<script');
    const told = page + lines.join('\n') + api.logged() + JSON.stringify(await api.store.ledger(0, 100));
    expect(lines.join('\n')).toContain('a login by OpenID Connect was refused');
    for (const secret of [CLIENT.secret, /code=([^&]+)/.exec(path)?.[1] ?? CLIENT.secret, 'somebody-else'])
      expect(told).not.toContain(secret);
  });
});

describe('somebody whom nobody named', () => {
  it.each([
    ['no group and no address', { sub: 'x' }],
    ['an address that is not verified', { sub: 'x', email: 'anna@example.com' }],
    ['an address that is verified in words', { sub: 'x', email: 'anna@example.com', email_verified: 'true' }],
    [
      'an address with more behind it',
      { sub: 'x', email: 'anna@example.com.evil.example', email_verified: true },
    ],
    ['a group called like an address', { sub: 'x', groups: ['anna@example.com'] }],
    ['a group in another case', { sub: 'x', groups: ['OPS'] }],
    ['groups elsewhere', { sub: 'x', roles: ['ops'] }],
    ['groups that are no list', { sub: 'x', groups: { ops: true } }],
  ])('gets nowhere with %s', async (_what, person) => {
    provider.state.person = person;
    await refused(await logIn(), [403, 'oidc-unmapped']);
  });

  it.each([
    ['a group', 'groups', { groups: ['ops'] }],
    ['one group as text', 'groups', { groups: 'ops' }],
    ['a claim within a claim', 'realm_access.roles', { realm_access: { roles: ['ops'] } }],
    ['a claim whose name is an address', 'https://id.example/roles', { 'https://id.example/roles': ['ops'] }],
  ])('is admin by %s', async (_what, groupsClaim, claims) => {
    await api.close();
    await start({ groupsClaim });
    provider.state.person = { sub: 'ben', ...claims };
    const me = { Cookie: text(cookie(await logIn(), 'session')) };
    expect((await get('/session', me)).body).toMatchObject({ owner: 'user:ben', scopes: ['admin'] });
  });
});

it.each([
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/app//evil.example',
  '/%2f%2fevil.example',
  '/app/../../evil',
  '/app/%2e%2e/x',
  'javascript:alert(1)',
  '/app\r\nLocation: https://evil.example',
  '/app/runs#https://evil.example',
  '/session/oidc',
  `/app/${'x'.repeat(400)}`,
])('goes to the first screen rather than to %j', async (to) => {
  const answer = await logIn(to);
  expect([answer.status, answer.headers.location]).toEqual([303, '/']);
});

it('leads back to the page of a memo, for who came by a link to it', async () => {
  const path = '/approvals/3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11/page';
  const page = await get(path, { Accept: 'text/html' });
  const [, href] = /href="(\/session\/oidc[^"]*)"/.exec(page.text) ?? [];
  expect(href).toBe(`/session/oidc?to=${path}`);
  const answer = await logIn(path);
  expect([answer.status, answer.headers.location]).toEqual([303, path]);
});

describe('a provider', () => {
  it('that is away leaves people to their keys, and is asked again', async () => {
    provider.state.isDown = true;
    const away = await get('/session/oidc');
    expect([away.status, away.body['code'], away.headers['retry-after']]).toEqual([
      ...[503, 'oidc-provider-away', '5'],
    ]);
    provider.state.isDown = false;
    const { path, pending } = await toProvider();
    provider.state.isDown = true;
    await refused(await get(path, pending), [503, 'oidc-provider-away']);
  });

  it('that names itself otherwise is not used', async () => {
    provider.state.metadata = { issuer: 'https://evil.example' };
    expect((await get('/session/oidc')).body['code']).toBe('oidc-provider-away');
    expect(provider.state.asked).toEqual(['/.well-known/openid-configuration']);
    await expect(oidc.fault()).resolves.toMatch(/issuer/i);
    provider.state.metadata = {};
    await expect(oidc.fault()).resolves.toBeUndefined();
  });

  it('is compared to the letter', async () => {
    await api.close();
    await start({ issuer: `${provider.url}/` });
    expect((await get('/session/oidc')).body['code']).toBe('oidc-provider-away');
  });

  it('gets nobody in the clear', async () => {
    const answer = await api.call('GET', '/session/oidc', { headers: { Host: 'reveille.example.com' } });
    expect([answer.status, answer.body['code'], cookiesOf(answer)]).toEqual([403, 'login-in-the-clear', []]);
  });
});
