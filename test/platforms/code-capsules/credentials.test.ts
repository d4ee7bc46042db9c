import nock from '../../support/outside';
import { ACCOUNT, API, API_KEY, AUTH, Clock, drivers, jwt, PASSWORD, refusal, TOKEN } from './harness';

const make = drivers();
const DOCUMENT = { scaling: { desiredReplicas: 0, runningReplicas: 0 } };

const LOGIN_BODY = { email: ACCOUNT.email, password: PASSWORD, type: '[User] Login Initiated' };

function login(token: string) {
  return nock(AUTH, { reqheaders: { 'x-api-key': API_KEY } })
    .post('/api/auth/login', LOGIN_BODY)
    .reply(200, { token });
}

function read(token: string, status = 200) {
  return nock(API, { reqheaders: { authorization: `Bearer ${token}` } })
    .get('/capsules/cap-1')
    .reply(status, DOCUMENT);
}

describe('a fixed token', () => {
  it('is refused once and for all: a 401 is not tried again', async () => {
    read(TOKEN, 401);
    const error = await refusal(make(new Clock()).observe('cap-1'));
    expect(error).toMatchObject({ kind: 'auth', retryable: false });
    expect(error.message).toContain('CC_API_TOKEN');
  });

  it('without the right to a capsule is an auth error too', async () => {
    read(TOKEN, 403);
    expect((await refusal(make(new Clock()).observe('cap-1'))).kind).toBe('auth');
  });
});

describe('an account', () => {
  it('logs in at the first call and keeps the token for the next', async () => {
    const clock = new Clock();
    const token = jwt(clock.at, 3600, 'first');
    login(token);
    read(token);
    read(token);
    const platform = make(clock, { credentials: ACCOUNT });
    await platform.observe('cap-1');
    await platform.observe('cap-1');
  });

  it('logs in once for concurrent calls', async () => {
    const clock = new Clock();
    const token = jwt(clock.at, 3600, 'first');
    login(token);
    for (let i = 0; i < 5; i++) read(token);
    const platform = make(clock, { credentials: ACCOUNT });
    await Promise.all(Array.from({ length: 5 }, () => platform.observe('cap-1')));
  });

  it.each([
    ['a long-lived token a minute before its end', 3600, 3541],
    ['a short-lived token a fifth of its life before its end', 10, 8.5],
  ])('renews %s', async (_name, life, after) => {
    const clock = new Clock();
    const first = jwt(clock.at, life, 'first');
    const platform = make(clock, { credentials: ACCOUNT });
    login(first);
    read(first);
    await platform.observe('cap-1');

    clock.at += after * 1000;
    const second = jwt(clock.at, life, 'second');
    login(second);
    read(second);
    await platform.observe('cap-1');
  });

  it('does not take a token for expired because the clocks differ', async () => {
    const clock = new Clock();
    const token = jwt(clock.at - 7_200_000, 3600, 'issued two hours ago by the server clock');
    login(token);
    read(token);
    read(token);
    const platform = make(clock, { credentials: ACCOUNT });
    await platform.observe('cap-1');
    await platform.observe('cap-1');
  });

  it('uses an opaque token until it is refused, then logs in once more', async () => {
    login('opaque-1');
    read('opaque-1', 401);
    login('opaque-2');
    read('opaque-2');
    const observation = await make(new Clock(), { credentials: ACCOUNT }).observe('cap-1');
    expect(observation).toEqual({ desired: 0, running: 0 });
  });

  it('gives up when the new token is refused as well', async () => {
    login('opaque-1');
    read('opaque-1', 401);
    login('opaque-2');
    read('opaque-2', 401);
    const error = await refusal(make(new Clock(), { credentials: ACCOUNT }).observe('cap-1'));
    expect(error.kind).toBe('auth');
    expect(error.message).toContain('CC_EMAIL, CC_PASSWORD and CC_API_KEY');
  });

  it.each([400, 401, 403, 404])(
    'a login answered %d is an auth error that is not retried',
    async (status) => {
      nock(AUTH)
        .post('/api/auth/login')
        .reply(status, { message: `wrong password ${PASSWORD} for key ${API_KEY}` });
      const error = await refusal(make(new Clock(), { credentials: ACCOUNT }).scale('cap-1', 1));
      expect(error).toMatchObject({ kind: 'auth', mayHaveApplied: false });
      expect(error.message).toContain('CC_PASSWORD');
      expect(error.message).toContain('[redacted]');
    },
  );

  it('a login without a token in its answer is an auth error', async () => {
    nock(AUTH).post('/api/auth/login').reply(200, {});
    expect((await refusal(make(new Clock(), { credentials: ACCOUNT }).observe('cap-1'))).kind).toBe('auth');
  });

  it('retries a login that meets a server error', async () => {
    nock(AUTH).post('/api/auth/login').reply(503);
    login('opaque');
    read('opaque');
    await make(new Clock(), { credentials: ACCOUNT }).observe('cap-1');
  });

  it('a failed login does not stick: the next call tries again', async () => {
    const platform = make(new Clock(), { credentials: ACCOUNT });
    nock(AUTH).post('/api/auth/login').reply(401);
    await refusal(platform.observe('cap-1'));
    login('opaque');
    read('opaque');
    await platform.observe('cap-1');
  });

  it('one caller giving up does not fail the login of the others', async () => {
    const token = 'opaque';
    const controller = new AbortController();
    const scope = nock(AUTH).post('/api/auth/login').delay(50).reply(200, { token });
    scope.on('request', () => controller.abort());
    read(token);
    const platform = make(new Clock(), { credentials: ACCOUNT });
    const [given, kept] = await Promise.all([
      refusal(platform.observe('cap-1', controller.signal)),
      platform.observe('cap-1'),
    ]);
    expect(given.kind).toBe('unavailable');
    expect(kept.running).toBe(0);
  });
});
