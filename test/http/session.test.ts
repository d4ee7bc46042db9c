/** Logins of the dashboard by key: the cookie, what it opens, and what other sites' pages cannot do with it. */
import { ApiKeys } from '../../src/http/auth';
import type { LedgerEntry } from '../../src/domain/ledger';
import { startApi, type Api } from './support/api';
import { text, type Answer } from './support/client';

const ROOT = 'root-key-canary-5a0f5c1e';
const bearer = { Authorization: `Bearer ${ROOT}` };

let api: Api;
beforeEach(async () => {
  api = await startApi({ auth: new ApiKeys([ROOT]), trustedProxies: 1 });
});
afterEach(() => api.close());

const logIn = (key = ROOT, headers: Record<string, string> = {}) =>
  api.call('POST', '/session', { json: { key }, headers });
const cookieOf = ({ headers }: Answer): string => text(headers['set-cookie']?.[0]);
const pairOf = (answer: Answer): string => text(cookieOf(answer).split(';')[0]);

/** A browser that is logged in: its cookie, and the token its page read. */
async function browser(key = ROOT) {
  const answer = await logIn(key);
  expect(answer.status).toBe(200);
  return { Cookie: pairOf(answer), 'X-CSRF-Token': text(answer.body['csrfToken']) };
}
const post = (headers: Record<string, string>) => api.call('POST', '/workflows/single/runs', { headers });
const runs = async () => (await api.store.runs({}, 10)).items.length;

it('sets a cookie that no script reads and no other site sends', async () => {
  const answer = await logIn();
  expect(cookieOf(answer)).toMatch(
    /^reveille_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
  );
  expect(answer.text).not.toContain(pairOf(answer).split('=')[1]);
  expect(answer.headers['cache-control']).toBe('no-store');
});

it('sets it for this host alone, over https alone, where the browser came by https', async () => {
  const https = { 'X-Forwarded-Proto': 'https', Host: 'reveille.example.com' };
  const answer = await logIn(ROOT, https);
  expect(cookieOf(answer)).toMatch(
    /^__Host-reveille_session=\S+; Path=\/; HttpOnly; SameSite=Strict; .*; Secure$/,
  );
  const value = pairOf(answer).split('=')[1] ?? '';
  const get = (cookie: string) => api.call('GET', '/session', { headers: { ...https, Cookie: cookie } });
  expect((await get(`a=b; __Host-reveille_session=${value}`)).status).toBe(200);
  expect((await get(`reveille_session=${value}`)).status).toBe(401);
});

it('is refused in the clear, except on this machine', async () => {
  const answer = await logIn(ROOT, { Host: 'reveille.example.com' });
  expect([answer.status, answer.body.code, answer.headers['set-cookie']]).toEqual([
    ...[403, 'login-in-the-clear', undefined],
  ]);
});

it('opens what the key opens', async () => {
  const me = await browser();
  const { body } = await api.call('GET', '/session', { headers: me });
  expect(body).toMatchObject({ scopes: ['admin'], csrfToken: me['X-CSRF-Token'] });
  expect(
    (await post({ ...me, Origin: `http://localhost:${api.port}`, Host: `localhost:${api.port}` })).status,
  ).toBe(201);
  const run = (await api.store.ledger(0, 50)).map((e) => JSON.parse(e.body) as LedgerEntry);
  expect(run.find(({ action }) => action === 'run.created')?.actor).toBe(body['id']);
});

it.each([
  ['no token', { 'X-CSRF-Token': '' }],
  ['another token', { 'X-CSRF-Token': 'x'.repeat(43) }],
  ['another origin', { Origin: 'https://evil.example' }],
  ['no origin to speak of', { Origin: 'null' }],
  ['another port of this host', { Origin: 'http://127.0.0.1:1' }],
  ['another site, by what the browser says', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a sibling, by what the browser says', { 'Sec-Fetch-Site': 'same-site' }],
] as Array<[string, Record<string, string>]>)('changes nothing with %s', async (_what, headers) => {
  const { status, body } = await post({ ...(await browser()), ...headers });
  expect([status, body.code, await runs()]).toEqual([403, 'cross-site', 0]);
});

it('needs no token with an API key, and takes the key before the cookie', async () => {
  const me = await browser();
  expect((await post({ Cookie: me.Cookie, ...bearer })).status).toBe(201);
  const wrong = { ...me, Authorization: 'Bearer wrong' };
  expect((await api.call('GET', '/runs', { headers: wrong })).status).toBe(401);
});

it('ends with a logout, for everybody who has the cookie', async () => {
  const me = await browser();
  const out = await api.call('DELETE', '/session', { headers: me });
  expect([out.status, cookieOf(out)]).toEqual([
    204,
    expect.stringMatching(/^reveille_session=; .*Max-Age=0/),
  ]);
  expect((await api.call('GET', '/session', { headers: me })).status).toBe(401);
});

it('ends after twelve hours', async () => {
  const me = await browser();
  api.clock.advance(12 * 3_600_000 - 1);
  expect((await api.call('GET', '/session', { headers: me })).status).toBe(200);
  api.clock.advance(1);
  expect((await api.call('GET', '/session', { headers: me })).status).toBe(401);
});

it('has the rights of its key, and ends with it', async () => {
  const json = { name: 'read', owner: 'anna', scopes: ['viewer'] };
  const made = await api.call('POST', '/keys', { headers: bearer, json });
  const me = await browser(text(made.body['secret']));
  expect((await api.call('GET', '/session', { headers: me })).body).toMatchObject({
    ...{ id: `key:${text(made.body['key']?.['id'])}`, owner: 'anna', scopes: ['viewer'] },
  });
  const refused = await post(me);
  expect([refused.status, refused.body.code]).toEqual([403, 'scope-missing']);
  await api.call('POST', `/keys/${text(made.body['key']?.['id'])}/revoke`, { headers: bearer });
  expect((await api.call('GET', '/session', { headers: me })).status).toBe(401);
});

it.each([
  ['a wrong key', 'wrong'],
  ['a key nobody made', `rv_000000000000_${'x'.repeat(43)}`],
])('is refused with %s, and after too many for a while', async (_what, key) => {
  const statuses: number[] = [];
  for (let i = 0; i < 31; i += 1) statuses.push((await logIn(key)).status);
  expect(new Set(statuses.slice(0, 30))).toEqual(new Set([401]));
  expect(statuses[30]).toBe(429);
  api.clock.advance(1_000);
  expect((await logIn()).status).toBe(200);
});

it("is not made by another site's page, nor by a form", async () => {
  expect((await logIn(ROOT, { Origin: 'https://evil.example' })).status).toBe(403);
  const form = { raw: `key=${ROOT}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  expect((await api.call('POST', '/session', form)).status).toBe(415);
});

it('is on record, its token nowhere', async () => {
  const me = await browser();
  await api.call('DELETE', '/session', { headers: me });
  const ledger = (await api.store.ledger(0, 50)).map((e) => e.body).join('\n');
  expect(ledger).toMatch(/session\.opened[\s\S]*session\.ended/);
  const token = me.Cookie.split('=')[1] ?? 'none';
  const seen = ledger + api.logged();
  for (const secret of [token, me['X-CSRF-Token'], ROOT]) expect(seen).not.toContain(secret);
});

it('is a problem to ask for where there is none', async () => {
  for (const method of ['GET', 'DELETE']) {
    const { status, body } = await api.call(method, '/session', { headers: bearer });
    expect([status, body.code]).toEqual([404, 'no-session']);
  }
});

describe('the logins of one person', () => {
  it('are ended by an admin, at once, with an entry each; a new one is theirs to make', async () => {
    const made = await api.call('POST', '/keys', {
      ...{ headers: bearer, json: { name: 'anna', owner: 'anna@example.com', scopes: ['operator'] } },
    });
    const secret = text(made.body['secret']);
    const [one, two, other] = [await browser(secret), await browser(secret), await browser()];
    const json = { who: 'anna@example.com', reason: 'has left' };
    const end = (headers: Record<string, string>) => api.call('POST', '/sessions/end', { headers, json });
    expect((await end(one)).status).toBe(403);
    expect((await end(bearer)).body).toEqual({ ended: 2 });
    const status = async (headers: Record<string, string>) =>
      (await api.call('GET', '/session', { headers })).status;
    expect(await Promise.all([one, two, other].map(status))).toEqual([401, 401, 200]);
    const entries = (await api.store.ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    const ended = entries.filter(({ action }) => action === 'session.ended');
    expect(ended).toHaveLength(2);
    expect(ended[0]).toMatchObject({ reason: 'has left', set: { status: 'ended' }, was: { status: 'open' } });
    expect((await end(bearer)).body).toEqual({ ended: 0 });
    expect(await status(await browser(secret))).toBe(200);
  });
});
