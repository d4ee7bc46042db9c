/** Logins by OpenID Connect: who gets in, with what, and where to. */
import type { Request } from 'express';
import { pino } from 'pino';
import { ApiKeys } from '../../../src/http/auth';
import { People } from '../../../src/http/auth-people';
import { CLIENT } from '../../support/oidc-provider';
import { startApi } from '../support/api';
import { text } from '../support/client';
import { CALLBACK, cookie, cookiesOf, HTTPS, ROOT, useLogins } from './support/logins';

const logins = useLogins();

describe('a good login', () => {
  it('opens a session with the scopes that its claims give, and ends with a logout', async () => {
    logins.provider.state.person['groups'] = ['readers', 'others'];
    const answer = await logins.logIn('/app/runs?status=failed');
    expect([answer.status, answer.headers.location]).toEqual([303, '/app/runs?status=failed']);
    const [, line = ''] = cookiesOf(answer);
    expect(line).toMatch(
      /^__Host-reveille_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; .*; Secure$/,
    );
    const me = { Cookie: text(cookie(answer, 'session')) };
    const { body } = await logins.get('/session', me);
    expect(body).toMatchObject({
      ...{ id: 'user:anna-1', owner: 'anna@example.com', scopes: ['viewer', 'approver'] },
    });
    const started = await logins.api.call('POST', '/workflows/single/runs', {
      headers: { ...HTTPS, ...me, 'X-CSRF-Token': text(body['csrfToken']) },
    });
    expect([started.status, started.body['code']]).toEqual([403, 'scope-missing']);
    const headers = { ...HTTPS, ...me, 'X-CSRF-Token': text(body['csrfToken']) };
    expect((await logins.api.call('DELETE', '/session', { headers })).status).toBe(204);
    expect((await logins.get('/session', me)).status).toBe(401);
    expect(await logins.sessions()).toMatchObject([
      { actor: 'user:anna-1', set: { scopes: 'viewer approver', issuer: logins.provider.url } },
    ]);
  });

  it('is ended for one person by an admin, who cannot take a key from them', async () => {
    logins.provider.state.person['groups'] = ['readers'];
    const me = { Cookie: text(cookie(await logins.logIn(), 'session')) };
    expect((await logins.get('/session', me)).status).toBe(200);
    const headers = { authorization: `Bearer ${ROOT}` };
    const { body } = await logins.api.call('POST', '/sessions/end', {
      headers,
      json: { who: 'user:anna-1' },
    });
    expect(body).toEqual({ ended: 1 });
    expect((await logins.get('/session', me)).status).toBe(401);
  });

  it('asks with PKCE, state and nonce, and keeps their secrets in a sealed cookie that lasts ten minutes', async () => {
    const { begun } = await logins.toProvider();
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
    await Promise.all([logins.toProvider(), logins.toProvider(), logins.toProvider()]);
    await logins.logIn();
    expect(logins.provider.state.asked.filter((path) => path.startsWith('/.well-known'))).toHaveLength(1);
  });

  it('ends where logins by OpenID Connect are not offered any more', async () => {
    const headers = { cookie: text(cookie(await logins.logIn(), 'session')) };
    const request = { headers, secure: true, method: 'GET' } as unknown as Request;
    const { store, clock } = logins.api;
    const deps = { auth: new ApiKeys([ROOT]), store, clock, log: pino({ level: 'silent' }) };
    const who = (more: object) => new People({ ...deps, ...more }).identify(request, () => undefined);
    await expect(who({ oidc: logins.oidc })).resolves.toMatchObject({ id: 'user:anna-1' });
    await expect(who({})).resolves.toBe('nobody');
  });

  it('is offered where there is a provider, and nowhere else', async () => {
    expect((await logins.get('/session/methods')).body).toEqual({ methods: ['key', 'oidc'] });
    await logins.api.close();
    logins.api = await startApi({ auth: new ApiKeys([ROOT]), trustedProxies: 1 });
    expect((await logins.get('/session/methods')).body).toEqual({ methods: ['key'] });
    for (const path of ['/session/oidc', '/session/oidc/callback?code=x&state=y'])
      expect((await logins.get(path)).body['code']).toBe('oidc-off');
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
  const answer = await logins.logIn(to);
  expect([answer.status, answer.headers.location]).toEqual([303, '/']);
});

it('leads back to the page of a memo, for who came by a link to it', async () => {
  const path = '/approvals/3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11/page';
  const page = await logins.get(path, { Accept: 'text/html' });
  const [, href] = /href="(\/session\/oidc[^"]*)"/.exec(page.text) ?? [];
  expect(href).toBe(`/session/oidc?to=${path}`);
  const answer = await logins.logIn(path);
  expect([answer.status, answer.headers.location]).toEqual([303, path]);
});

describe('a provider', () => {
  it('that is away leaves people to their keys, and is asked again', async () => {
    logins.provider.state.isDown = true;
    const away = await logins.get('/session/oidc');
    expect([away.status, away.body['code'], away.headers['retry-after']]).toEqual([
      ...[503, 'oidc-provider-away', '5'],
    ]);
    logins.provider.state.isDown = false;
    const { path, pending } = await logins.toProvider();
    logins.provider.state.isDown = true;
    await logins.refused(await logins.get(path, pending), [503, 'oidc-provider-away']);
  });

  it('that names itself otherwise is not used', async () => {
    logins.provider.state.metadata = { issuer: 'https://evil.example' };
    expect((await logins.get('/session/oidc')).body['code']).toBe('oidc-provider-away');
    expect(logins.provider.state.asked).toEqual(['/.well-known/openid-configuration']);
    await expect(logins.oidc.fault()).resolves.toMatch(/issuer/i);
    logins.provider.state.metadata = {};
    await expect(logins.oidc.fault()).resolves.toBeUndefined();
  });

  it('is compared to the letter', async () => {
    await logins.api.close();
    await logins.start({ issuer: `${logins.provider.url}/` });
    expect((await logins.get('/session/oidc')).body['code']).toBe('oidc-provider-away');
  });

  it('gets nobody in the clear', async () => {
    const answer = await logins.api.call('GET', '/session/oidc', {
      headers: { Host: 'reveille.example.com' },
    });
    expect([answer.status, answer.body['code'], cookiesOf(answer)]).toEqual([403, 'login-in-the-clear', []]);
  });
});
