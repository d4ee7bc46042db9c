/** Logins by OpenID Connect that do not hold, and people whom nobody named. */
import { CLIENT } from '../../support/oidc-provider';
import { open, text } from '../support/client';
import { cookie, HTTPS, useLogins } from './support/logins';

const HOUR_SECONDS = 3_600;

const logins = useLogins();

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
    logins.provider.state.lie = lie;
    await logins.refused(await logins.logIn(), [401, 'oidc-refused']);
  });

  it('is refused when its state is not the one of this browser, or there is none', async () => {
    const { path, pending } = await logins.toProvider();
    const forged = path.replace(/state=[^&]+/, `state=${'s'.repeat(43)}`);
    await logins.refused(await logins.get(forged, pending), [401, 'oidc-refused']);
    const other = await logins.toProvider();
    await logins.refused(await logins.get(path, other.pending), [401, 'oidc-refused']);
    await logins.refused(await logins.get(path), [401, 'oidc-not-begun']);
    await logins.refused(await logins.get(path, { Cookie: `__Host-reveille_login=${'x'.repeat(100)}` }), [
      401,
      'oidc-not-begun',
    ]);
  });

  it('opens one session, however often it comes', async () => {
    const { path, pending } = await logins.toProvider();
    expect((await logins.get(path, pending)).status).toBe(303);
    expect((await logins.get(path, pending)).status).toBe(401);
    expect(await logins.sessions()).toHaveLength(1);
  });

  it('opens one session also when a careless provider takes a code twice', async () => {
    logins.provider.state.isCareless = true;
    const { path, pending } = await logins.toProvider();
    const statuses = await Promise.all([1, 2, 3].map(async () => (await logins.get(path, pending)).status));
    expect(statuses.sort()).toEqual([303, 401, 401]);
    expect((await logins.get(path, pending)).body['code']).toBe('oidc-not-begun');
    expect(await logins.sessions()).toHaveLength(1);
  });

  it('is refused after ten minutes', async () => {
    const { path, pending } = await logins.toProvider();
    logins.advance(600_000);
    await logins.refused(await logins.get(path, pending), [401, 'oidc-not-begun']);
  });

  it('is refused when the answer names another issuer, or says that the person did not want to', async () => {
    const { path, pending } = await logins.toProvider();
    const iss = path.replace(/iss=[^&]+/, `iss=${encodeURIComponent('https://evil.example')}`);
    await logins.refused(await logins.get(iss, pending), [401, 'oidc-refused']);
    const denied = `${path.split('?')[0]}?error=access_denied&state=${/state=([^&]+)/.exec(path)?.[1]}&iss=${encodeURIComponent(logins.provider.url)}`;
    await logins.refused(await logins.get(denied, pending), [401, 'oidc-refused']);
  });

  it('counts as a failed login of its address', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 31; i += 1)
      statuses.push((await logins.get('/session/oidc/callback?code=x&state=y')).status);
    expect(new Set(statuses.slice(0, 30))).toEqual(new Set([401]));
    expect(statuses[30]).toBe(429);
  });

  it('says so on a page to a person, and holds no secret anywhere', async () => {
    logins.provider.state.lie = { claims: { aud: 'somebody-else' } };
    const { path, pending } = await logins.toProvider();
    const response = await open(logins.api.port, 'GET', path, {
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
    const told =
      page +
      logins.lines.join('\n') +
      logins.api.logged() +
      JSON.stringify(await logins.api.store.ledger(0, 100));
    expect(logins.lines.join('\n')).toContain('a login by OpenID Connect was refused');
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
    logins.provider.state.person = person;
    await logins.refused(await logins.logIn(), [403, 'oidc-unmapped']);
  });

  it.each([
    ['a group', 'groups', { groups: ['ops'] }],
    ['one group as text', 'groups', { groups: 'ops' }],
    ['a claim within a claim', 'realm_access.roles', { realm_access: { roles: ['ops'] } }],
    ['a claim whose name is an address', 'https://id.example/roles', { 'https://id.example/roles': ['ops'] }],
  ])('is admin by %s', async (_what, groupsClaim, claims) => {
    await logins.api.close();
    await logins.start({ groupsClaim });
    logins.provider.state.person = { sub: 'ben', ...claims };
    const me = { Cookie: text(cookie(await logins.logIn(), 'session')) };
    expect((await logins.get('/session', me)).body).toMatchObject({ owner: 'user:ben', scopes: ['admin'] });
  });
});
