/** What any request meets before its handler: types, sizes, methods, headers, failures. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { ROUTES } from '../../src/http/routes';
import { mintKey } from '../../src/http/auth-key';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';
import { text } from './support/client';

let api: Api;
beforeEach(async () => {
  api = await startApi({ limits: { bodyMaxBytes: 2_000 } });
});
afterEach(() => api.close());

const start = (
  raw: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => api.call('POST', '/workflows/single/runs', { raw, headers });

describe('a body', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'application/vnd.x+json'])(
    'of the type %s is taken',
    async (type) => {
      expect((await start('{}', { 'content-type': type })).status).toBe(201);
    },
  );

  it.each([
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', {}],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }],
    ['a content encoding', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ] as Array<[string, Record<string, string>]>)('with %s is refused', async (_what, headers) => {
    const { status, body } = await start('{}', headers);
    expect([status, body.code]).toEqual([415, 'unsupported-media-type']);
  });

  it.each(['{', '{"input": {}} x', "{'input': 1}", '\u0000', '[]extra'])(
    'that is %j is not JSON',
    async (raw) => {
      const { status, body } = await start(raw);
      expect([status, body.code]).toEqual([400, 'invalid-json']);
    },
  );

  it.each(['[]', '"text"', '1', 'null'])('that is %s is no object', async (raw) => {
    const { status, body } = await start(raw);
    expect([status, body.code]).toEqual([400, 'invalid-request']);
  });

  it.each([
    ['a NUL', '{"input": {"a": "\\u0000"}}'],
    ['half a surrogate pair', '{"input": {"a": "\\ud800"}}'],
    ['a NUL in a key', '{"input": {"\\u0000": 1}}'],
    ['too many levels', `{"input": ${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`],
  ])('with %s is refused', async (_what, raw) => {
    const { status, body } = await start(raw);
    expect([status, body.code]).toEqual([400, 'invalid-json']);
  });

  it('may hold escaped text that the store can keep', async () => {
    expect((await start('{"input": {"a": "\\ud83d\\ude00 \\\\u0000"}}')).status).toBe(201);
  });

  it('cannot reach into prototypes', async () => {
    const { body } = await start('{"input": {"__proto__": {"polluted": 1}, "a": 1}}');
    expect(body.input).toEqual({ a: 1 });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('that is too large is refused and the connection closed', async () => {
    const { status, headers, body } = await start(JSON.stringify({ input: { a: 'x'.repeat(2_000) } }));
    expect([status, body.code, headers.connection]).toEqual([413, 'body-too-large', 'close']);
  });
});

describe('an address', () => {
  it.each([
    ['GET', '/nope'],
    ['GET', '/runs/a/b/c'],
    ['POST', '/runs/x/nope'],
    ['GET', '/docs/../package.json'],
    ['GET', '/docs/%2e%2e%2fpackage.json'],
    ['GET', '/docs/package.json'],
  ])('%s %s does not exist', async (method, path) => {
    const { status, headers, body } = await api.call(method, path);
    expect([status, body.code]).toEqual([404, 'not-found']);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  });

  it.each([
    ['DELETE', '/runs', 'GET, HEAD'],
    ['PUT', '/workflows/single/runs', 'POST'],
    ['OPTIONS', '/agents', 'GET, HEAD'],
    ['GET', '/webhook', 'POST'],
  ])('%s %s says which methods there are', async (method, path, allow) => {
    const { status, headers, body } = await api.call(method, path);
    expect([status, body.code, headers.allow]).toEqual([405, 'method-not-allowed', allow]);
  });
});

describe('every answer', () => {
  it.each(['/health', '/agents', '/nope', '/docs'])('of %s carries the security headers', async (path) => {
    const { headers } = await api.call('GET', path);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  it('names its request, as the log does', async () => {
    const { headers, body } = await api.call('GET', '/nope');
    expect(body.requestId).toBe(headers['x-request-id']);
    expect(api.logged()).toContain(text(body.requestId));
  });
});

/** Readers that answer from memory, for a caller without a session. */
const ASKING_NOBODY = ['/events', '/agents', '/workflows', '/metrics', '/whoami', '/session'];

describe('a failure', () => {
  const readers = ROUTES.filter((r) => r.method === 'get' && r.access === 'viewer')
    .map((r) => r.path.replace(':workflowId', 'audit').replace(':agentId', 'writer').replace(':attempt', '1'))
    .map((path) => path.replace(/:(releaseId|sha256)/g, 'f'.repeat(64)))
    .map((path) => path.replace(/:\w+/g, '3f3e0d5e-6d0c-4a53-9f4a-0d7c7a6e5b11'))
    // Builds are read from the platform.
    .filter((path) => !path.includes('/builds'))
    .filter((path) => !ASKING_NOBODY.includes(path));

  it.each(readers)('of the store makes GET %s say 503, without a word of why', async (path) => {
    api.outage.error = new Error('connect ECONNREFUSED canary:5432');
    const { status, headers, text, body } = await api.call('GET', path);
    expect([status, body.code]).toEqual([503, 'unavailable']);
    expect(headers['retry-after']).toBe('2');
    expect(text).not.toMatch(/canary|ECONN|stack|at /);
    expect(api.logged()).toContain('ECONNREFUSED');
  });

  it.each(['ECONNRESET', '57P01', '08006', '53300'])(
    'known as %s counts as the store\u2019s even if it is back',
    async (code) => {
      api.outage.pingFails = false;
      api.outage.error = new Error('commit failed', { cause: Object.assign(new Error('x'), { code }) });
      expect((await api.call('GET', '/runs')).body.code).toBe('unavailable');
    },
  );

  it.each(['Query read timeout', 'timeout exceeded when trying to connect'])(
    'of which the driver says "%s" is no fault of the request',
    async (message) => {
      api.outage.pingFails = false;
      api.outage.error = new Error('commit failed', { cause: new Error(message) });
      expect((await api.call('GET', '/runs')).body.code).toBe('unavailable');
    },
  );

  it('of our own is a 500 that tells nothing internal', async () => {
    api.outage.pingFails = false;
    api.outage.error = new TypeError('canary is not a function');
    const { status, text, body } = await api.call('GET', '/runs');
    expect([status, body.code]).toEqual([500, 'internal-error']);
    expect(text).not.toContain('canary');
    expect(api.logged()).toContain('canary is not a function');
  });

  it('of the request line is answered by Node itself', async () => {
    const socket = connect(api.port, '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 400/);
    socket.destroy();
  });
});

describe('a store that hangs', () => {
  /** What is waited for by the clock, while that moves on. */
  async function answerOf(path: string, headers: Record<string, string> = {}) {
    api.outage.hangs = true;
    let answer: Awaited<ReturnType<typeof api.call>> | undefined;
    const called = api.call('GET', path, { headers }).then((given) => (answer = given));
    await until(() => {
      api.clock.advance(100);
      return answer;
    });
    api.outage.hangs = false;
    return called;
  }

  it('is told of in the figures and in /ready', async () => {
    const { status, text } = await answerOf('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^reveille_store_up 0$/m);
    const ready = await answerOf('/ready');
    expect(ready.status).toBe(503);
    expect(ready.body['checks']).toMatchObject({ store: 'does not answer', queue: 'ok' });
  });

  it('keeps nobody waiting, also where it would have to say whose key it is', async () => {
    for (const headers of [{}, { Authorization: `Bearer ${mintKey('0123456789ab')}` }]) {
      const { status, body } = await answerOf('/runs', headers);
      expect([status, body.code]).toEqual([503, 'unavailable']);
    }
  });
});
