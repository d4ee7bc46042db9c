import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import nock from '../../support/outside';
import { retryAfterMs } from '../../../src/platforms/calls/requester';
import { API, AUTH, ACCOUNT, Clock, CLUSTER, drivers, refusal, TOKEN } from './harness';

const make = drivers();
const patch = () => nock(API).patch('/capsules/cap-1');
const get = () => nock(API).get('/capsules/cap-1');
const DOCUMENT = { scaling: { desiredReplicas: 1, runningReplicas: 1 } };

describe('answers that pass', () => {
  it('a 429 is waited out for as many seconds as it asks', async () => {
    patch().reply(429, {}, { 'retry-after': '3' });
    patch().reply(200, {});
    const clock = new Clock();
    await make(clock).scale('cap-1', 1);
    expect(clock.waits).toEqual([3_100]); // asked 3 s, plus 0.5 × 200 ms of jitter
  });

  it('a 429 is waited out until the date it names', async () => {
    const clock = new Clock();
    patch().reply(429, {}, { 'retry-after': new Date(clock.at + 5_000).toUTCString() });
    patch().reply(200, {});
    await make(clock).scale('cap-1', 1);
    expect(clock.waits).toEqual([5_100]);
  });

  it('a 429 without a time, or with an unreadable one, backs off with jitter', async () => {
    patch().reply(429);
    patch().reply(429, {}, { 'retry-after': 'soon' });
    patch().reply(200, {});
    const clock = new Clock();
    await make(clock).scale('cap-1', 1);
    expect(clock.waits).toEqual([100, 200]);
  });

  it('a wait longer than the deadline is not begun', async () => {
    patch().reply(429, {}, { 'retry-after': '3600' });
    const clock = new Clock();
    const error = await refusal(make(clock).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'rate-limited', mayHaveApplied: false, retryable: true });
    expect(clock.waits).toEqual([]);
  });

  it('a 5xx, then a 2xx', async () => {
    patch().reply(500);
    patch().reply(502);
    patch().reply(503);
    patch().reply(200, {});
    const clock = new Clock();
    await make(clock).scale('cap-1', 1);
    expect(clock.waits).toEqual([100, 200, 400]);
  });

  it('backoff stops growing', async () => {
    get().times(9).reply(500);
    const clock = new Clock();
    await refusal(make(clock, { maxRetries: 8, deadlineMs: 60_000 }).observe('cap-1'));
    expect(Math.max(...clock.waits)).toBe(2_500);
  });

  it('a reset connection is tried again', async () => {
    get().replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    get().reply(200, DOCUMENT);
    await expect(make(new Clock()).observe('cap-1')).resolves.toEqual({ desired: 1, running: 1 });
  });
});

describe('answers that stay', () => {
  it.each([
    [400, 'rejected'],
    [404, 'not-found'],
    [409, 'rejected'],
    [422, 'rejected'],
  ])('a %d is not tried again', async (status, kind) => {
    patch().reply(status, { error: { message: `no: ${TOKEN}` } });
    const clock = new Clock();
    const error = await refusal(make(clock).scale('cap-1', 1));
    expect(error).toMatchObject({ kind, mayHaveApplied: false, retryable: false });
    expect(error.message).toMatch(/scale capsule cap-1 to 1: PATCH \/capsules\/cap-1 was answered/);
    expect(error.message).toContain('"no: [redacted]"');
    expect(clock.waits).toEqual([]);
  });

  it('a redirect is refused, and its target never called', async () => {
    const elsewhere = nock('https://elsewhere.test').get('/').reply(200, DOCUMENT);
    get().reply(302, '', { location: 'https://elsewhere.test/' });
    const error = await refusal(make(new Clock()).observe('cap-1'));
    expect(error.kind).toBe('rejected');
    expect(error.message).toContain('CC_API_URL');
    expect(elsewhere.isDone()).toBe(false);
    nock.cleanAll();
  });

  it('retries end', async () => {
    get().times(3).reply(503);
    const error = await refusal(make(new Clock(), { maxRetries: 2 }).observe('cap-1'));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('tried 3 times');
  });

  it('the deadline ends retries too, counting every request of the call', async () => {
    nock(CLUSTER).get('/capsule/cap-1').times(3).reply(503);
    const clock = new Clock();
    const platform = make(clock, { dialect: 'products', deadlineMs: 600, maxRetries: 100 });
    const error = await refusal(platform.scale('cap-1', 1));
    expect(error.message).toContain('deadline of 600 ms');
    expect(clock.waits).toEqual([100, 200]);
  });

  it('an answer larger than any capsule document is not read', async () => {
    get().reply(200, { filler: 'x'.repeat(2_000_000) });
    const error = await refusal(make(new Clock(), { maxRetries: 0 }).observe('cap-1'));
    expect(error.kind).toBe('unavailable');
  });
});

describe('a change that may have happened', () => {
  it.each([
    ['a 5xx', () => patch().reply(504)],
    ['a reset', () => patch().replyWithError(Object.assign(new Error(), { code: 'ECONNRESET' }))],
  ])('is told after %s', async (_name, answer) => {
    answer();
    const error = await refusal(make(new Clock(), { maxRetries: 0 }).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
  });

  it('is still told when a later try fails otherwise', async () => {
    patch().reply(500);
    patch().reply(401);
    const error = await refusal(make(new Clock()).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'auth', mayHaveApplied: true });
  });

  it('is still told when the login before a later try fails', async () => {
    nock(AUTH).post('/api/auth/login').reply(200, { token: 'opaque' });
    patch().reply(500);
    patch().reply(401);
    nock(AUTH).post('/api/auth/login').reply(403);
    const error = await refusal(make(new Clock(), { credentials: ACCOUNT }).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'auth', mayHaveApplied: true });
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED'])('is not claimed after %s', async (code) => {
    patch().replyWithError(Object.assign(new Error(code), { code }));
    const error = await refusal(make(new Clock(), { maxRetries: 0 }).scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false });
    expect(error.message).toContain(code);
  });

  it('is not claimed for a read', async () => {
    get().reply(500);
    const error = await refusal(make(new Clock(), { maxRetries: 0 }).observe('cap-1'));
    expect(error.mayHaveApplied).toBe(false);
  });
});

describe('against a real server', () => {
  /** A capsule whose first PATCH is applied and never answered. */
  async function forgetful() {
    const state = { desired: 0, patches: 0 };
    const server = createServer((request, response) => {
      if (request.method === 'GET') {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ desiredReplicas: state.desired, runningReplicas: state.desired }));
        return;
      }
      state.desired = 1;
      if (++state.patches > 1) response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    nock.enableNetConnect('127.0.0.1');
    const stop = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return { state, stop, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it('a PATCH applied but timed out is repeated harmlessly and read back', async () => {
    const server = await forgetful();
    const platform = make(new Clock(), { apiUrl: server.url, requestTimeoutMs: 100 });
    await platform.scale('cap-1', 1);
    expect(server.state.patches).toBe(2);
    await expect(platform.observe('cap-1')).resolves.toEqual({ desired: 1, running: 1 });
    await server.stop();
  });

  it('a PATCH applied but timed out for good says so, and reading back tells the truth', async () => {
    const server = await forgetful();
    const platform = make(new Clock(), { apiUrl: server.url, requestTimeoutMs: 100, maxRetries: 0 });
    const error = await refusal(platform.scale('cap-1', 1));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
    expect(error.message).toContain('no answer within 100 ms');
    expect((await platform.observe('cap-1')).running).toBe(1);
    await server.stop();
  });

  it('an abort in the middle of a PATCH ends it at once and admits it may have been applied', async () => {
    const server = await forgetful();
    const controller = new AbortController();
    const platform = make(new Clock(), { apiUrl: server.url });
    const call = refusal(platform.scale('cap-1', 1, controller.signal));
    while (server.state.patches === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('no longer wanted'));
    const error = await call;
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
    expect(error.cause).toMatchObject({ message: 'no longer wanted' });
    await server.stop();
  });

  it('closing ends calls under way, refuses later ones, and can be repeated', async () => {
    const server = await forgetful();
    const platform = make(new Clock(), { apiUrl: server.url });
    const call = refusal(platform.scale('cap-1', 1));
    while (server.state.patches === 0) await new Promise((resolve) => setImmediate(resolve));
    await platform.close();
    await platform.close();
    expect((await call).mayHaveApplied).toBe(true);
    expect((await refusal(platform.observe('cap-1'))).kind).toBe('unavailable');
    await server.stop();
  });

  it('a signal that is already aborted sends nothing', async () => {
    const server = await forgetful();
    const platform = make(new Clock(), { apiUrl: server.url });
    const error = await refusal(platform.scale('cap-1', 1, AbortSignal.abort()));
    expect(error.mayHaveApplied).toBe(false);
    expect(server.state.patches).toBe(0);
    await server.stop();
  });

  it('an abort ends a wait between retries', async () => {
    const controller = new AbortController();
    patch().reply(429, {}, { 'retry-after': '20' });
    const clock = new Clock();
    const sleep = (_ms: number, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        controller.abort(new Error('enough'));
      });
    const error = await refusal(make(clock, { sleep }).scale('cap-1', 1, controller.signal));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false });
  });
});

describe('Retry-After', () => {
  it.each([
    [undefined, undefined],
    ['0', 0],
    [' 7 ', 7_000],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 20_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['later', undefined],
  ])('%s is %s ms', (header, expected) => expect(retryAfterMs(header, 10_000)).toBe(expected));
});
