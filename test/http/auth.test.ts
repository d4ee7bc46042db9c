/** Who gets in: with keys, without keys, and how often. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { ApiKeys, isFromThisMachine, sameSecret } from '../../src/http/auth';
import { ROUTES } from '../../src/http/routes';
import { asksForScope } from '../../src/http/scopes';
import { startApi, type Api, type ApiOptions } from './support/api';

const KEY = 'key-canary-5a0f5c1e';
const OTHER = 'key-canary-77777777';
const hashed = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

let api: Api;
const start = async (options: ApiOptions) => (api = await startApi(options));
afterEach(() => api?.close());

const KEYED = ROUTES.filter(asksForScope);
/** A path that reaches a route's gate. */
const pathOf = (path: string) =>
  path.replace(':runId', '3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11').replace(/:\w+/g, 'x');

describe('with API keys', () => {
  beforeEach(() => start({ auth: new ApiKeys([KEY, hashed(OTHER)]) }));

  it.each(KEYED.map((r) => [r.method.toUpperCase(), r.path] as const))(
    '%s %s needs one',
    async (method, path) => {
      const { status, headers, body } = await api.call(method, pathOf(path));
      expect([status, body.code]).toEqual([401, 'unauthorized']);
      expect(headers['www-authenticate']).toMatch(/^Bearer/);
    },
  );

  it.each([KEY, OTHER])('either key opens', async (key) => {
    expect((await api.call('GET', '/agents', { headers: bearer(key) })).status).toBe(200);
    expect((await api.call('GET', '/agents', { headers: { Authorization: `bearer ${key}` } })).status).toBe(
      200,
    );
  });

  it.each([
    ['wrong', `Bearer ${KEY}x`],
    ['cut', `Bearer ${KEY.slice(0, -1)}`],
    ['empty', 'Bearer '],
    ['of another scheme', `Basic ${KEY}`],
    ['the hash itself', `Bearer ${hashed(OTHER)}`],
    ['endless', `Bearer ${'x'.repeat(5_000)}`],
  ])('a key that is %s does not', async (_what, authorization) => {
    const { status } = await api.call('GET', '/agents', { headers: { Authorization: authorization } });
    expect(status).toBe(401);
  });

  it('no key is needed where the caller proves itself otherwise, or is told nothing', async () => {
    const statuses = await Promise.all(
      ['/health', '/ready', '/', '/docs', '/openapi.json'].map(
        async (path) => (await api.call('GET', path)).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect((await api.call('POST', '/webhook?token=a.b', { json: {} })).body.code).toBe('callback-forged');
    const claim = { agentId: 'a', bootId: 'b', secret: 'c' };
    expect((await api.call('POST', '/webhook/claim', { json: claim })).body.code).toBe('claim-refused');
  });

  it('names the key by the beginning of its hash in the ledger, and never shows it', async () => {
    await api.startRun('single', { headers: bearer(KEY) });
    const ledger = (await api.store.ledger(0, 10)).map((e) => e.body).join('');
    expect(ledger).toContain(`"actor":"key:${hashed(KEY).slice('sha256:'.length, 'sha256:'.length + 8)}"`);
    expect(ledger + api.logged()).not.toContain('canary');
  });
});

it.each([[[]], [['']], [['sha256:abc']]])('refuses to be configured with %j', (keys) => {
  expect(() => new ApiKeys(keys)).toThrow(RangeError);
});

it('compares secrets by content', () => {
  expect([sameSecret('a', 'a'), sameSecret('a', 'b'), sameSecret('a', 'aa')]).toEqual([true, false, false]);
});

describe('without a key', () => {
  beforeEach(() => start({ auth: 'loopback-only' }));

  it('this machine gets in, under each of its names', async () => {
    for (const host of ['localhost', `localhost:${api.port}`, '127.0.0.1:80', '[::1]:80']) {
      expect((await api.call('GET', '/agents', { headers: { host } })).status).toBe(200);
    }
  });

  it.each([
    ['a name that was rebound to this machine', { host: 'evil.example' }],
    ['a name that begins like ours', { host: 'localhost.evil.example' }],
    ['a proxy', { 'X-Forwarded-For': '203.0.113.7' }],
    ['a proxy that speaks RFC 7239', { Forwarded: 'for=203.0.113.7' }],
    ['a page of another site', { Origin: 'https://evil.example' }],
    ['a page of another port', { Origin: 'http://localhost:1' }],
    ['a page without an origin', { Origin: 'null' }],
    ['a page, by what the browser says', { 'Sec-Fetch-Site': 'cross-site' }],
  ] as Array<[string, Record<string, string>]>)('%s does not', async (_who, headers) => {
    const { status, body } = await api.call('POST', '/workflows/single/runs', { headers });
    expect([status, body.code]).toEqual([403, 'loopback-only']);
    expect((await api.store.runs({}, 1)).items).toEqual([]);
  });

  it('our own docs page does', async () => {
    const host = `localhost:${api.port}`;
    const headers = { host, Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' };
    expect((await api.call('POST', '/workflows/single/runs', { headers })).status).toBe(201);
  });
});

it.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::ffff:127.0.0.1', true],
  ['::1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['fe80::1', false],
  [undefined, false],
])('takes the peer %s for this machine: %s', (remoteAddress, expected) => {
  const headers: IncomingHttpHeaders = { host: 'localhost' };
  expect(isFromThisMachine({ socket: { remoteAddress } as Socket, headers })).toBe(expected);
});

describe('rate limits', () => {
  const limits = { requestsPerSecond: 1, requestBurst: 3, failuresPerSecond: 1, failureBurst: 2 };
  beforeEach(() => start({ auth: new ApiKeys([KEY, OTHER]), limits }));
  const get = async (key: string, from?: string) =>
    api.call('GET', '/agents', { headers: bearer(key), ...(from !== undefined && { from }) });

  it('hold for each key by itself, and pass with time', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await get(KEY)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await get(KEY);
    expect(refused.body.code).toBe('rate-limited');
    expect(refused.headers['retry-after']).toBe('1');
    expect((await get(OTHER)).status).toBe(200);
    api.clock.advance(1_000);
    expect((await get(KEY)).status).toBe(200);
  });

  it('slow whoever guesses, and nobody who knows', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await get('guess', '127.0.0.2')).status);
    expect(statuses).toEqual([401, 401, 429]);
    expect((await get('guess', '127.0.0.3')).status).toBe(401);
    expect((await get(KEY, '127.0.0.2')).status).toBe(200);
  });

  it('slow guessed claims, by address', async () => {
    const claim = (from: string) =>
      api.call('POST', '/webhook/claim', {
        json: { agentId: 'crawler', bootId: 'b', secret: 'guess' },
        from,
      });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await claim('127.0.0.4')).status);
    expect(statuses).toEqual([401, 401, 429]);
    expect((await claim('127.0.0.5')).status).toBe(401);
  });

  it('go by the address a trusted proxy names, and by no other', async () => {
    const guess = (ip: string) =>
      api.call('GET', '/agents', { headers: { ...bearer('guess'), 'X-Forwarded-For': ip } });
    for (const ip of ['203.0.113.1', '203.0.113.2']) await guess(ip);
    expect((await guess('203.0.113.3')).status).toBe(429);
    await api.close();
    await start({ auth: new ApiKeys([KEY]), limits, trustedProxies: 1 });
    for (const ip of ['203.0.113.1', '203.0.113.2']) await guess(ip);
    expect((await guess('203.0.113.3')).status).toBe(401);
  });
});
