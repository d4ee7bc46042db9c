/** Builds on Code Capsules, case by case, against the shapes docs/platforms.md names. */
import nock from '../../support/outside';
import type { Build } from '../../../src/platforms/builds';
import { ACCOUNT, API, AUTH, Clock, CLUSTER, drivers, jwt, refusal, TOKEN } from './harness';

const make = drivers();
const post = () => nock(CLUSTER).post('/capsules/cap-1/builds', {});
const list = () => nock(CLUSTER).get('/capsules/cap-1/builds');

const document = (id: string, more: object = {}) => ({
  id,
  status: 'Starting',
  type: 'manual',
  isDeployed: false,
  createdOn: '2026-01-01T00:00:10.000Z',
  metadata: { branch: 'main', commit: { latest: 'c0ffee' } },
  ...more,
});
const build = (id: string, more: Partial<Build> = {}): Build => ({
  id,
  capsuleId: 'cap-1',
  status: 'queued',
  startedAt: Date.parse('2026-01-01T00:00:10Z'),
  branch: 'main',
  commit: 'c0ffee',
  deployed: false,
  ...more,
});
const OLD = build('old');

const start = (clock = new Clock(), options = {}) => make(clock, options).builds.start('cap-1', [OLD]);

describe('starting a build', () => {
  it('posts once to the cluster, whichever dialect scales', async () => {
    for (const dialect of ['capsule', 'products'] as const) {
      const scope = nock(CLUSTER, { reqheaders: { authorization: `Bearer ${TOKEN}` } })
        .post('/capsules/cap-1/builds', {})
        .reply(201, document('new'));
      await expect(start(new Clock(), { dialect })).resolves.toEqual(build('new'));
      expect(scope.isDone()).toBe(true);
    }
  });

  it.each([
    ['wrapped as data', { data: document('new') }],
    ['wrapped as build', { build: document('new') }],
    ['twice wrapped', { data: { build: document('new') } }],
    ['with a number for an id', document(7 as unknown as string)],
    [
      'under other names',
      {
        buildId: 'new',
        state: 'PENDING',
        createdAt: 1767225610000,
        metadata: { branch: 'main', commit: 'c0ffee' },
      },
    ],
  ])('reads an answer that is %s', async (_how, answer) => {
    post().reply(200, answer);
    await expect(start()).resolves.toMatchObject({
      id: expect.stringMatching(/^(new|7)$/) as string,
      status: 'queued',
      startedAt: OLD.startedAt,
      commit: 'c0ffee',
    });
  });

  it('looks for the build in the list when the answer names none', async () => {
    post().reply(202, { message: 'accepted' });
    list().reply(200, { builds: [document('new'), document('old')] });
    await expect(start()).resolves.toEqual(build('new'));
  });

  it('renews a refused token once and posts again: a 401 started nothing', async () => {
    const clock = new Clock();
    const tokens = [jwt(clock.at, 3_600, 'first'), jwt(clock.at, 3_600, 'second')];
    for (const token of tokens) nock(AUTH).post('/api/auth/login').reply(200, { token });
    post().matchHeader('authorization', `Bearer ${tokens[0]}`).reply(401);
    post().matchHeader('authorization', `Bearer ${tokens[1]}`).reply(201, document('new'));
    await expect(start(clock, { credentials: ACCOUNT })).resolves.toMatchObject({ id: 'new' });
  });

  it('waits out a 429 and posts again: it started nothing', async () => {
    post().reply(429, {}, { 'retry-after': '2' });
    post().reply(201, document('new'));
    const clock = new Clock();
    await expect(start(clock)).resolves.toMatchObject({ id: 'new' });
    expect(clock.waits).toEqual([2_100]);
  });

  it('posts again when no connection was made', async () => {
    post().replyWithError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    post().reply(201, document('new'));
    await expect(start()).resolves.toMatchObject({ id: 'new' });
  });

  it.each([
    [400, 'rejected'],
    [403, 'auth'],
    [404, 'not-found'],
    [409, 'rejected'],
  ])('gives up on a %d, knowing that nothing began', async (status, kind) => {
    post().reply(status, { error: { message: `no: ${TOKEN}` } });
    expect(await refusal(start())).toMatchObject({ kind, mayHaveApplied: false });
  });
});

describe('a POST whose answer is lost', () => {
  const lost: [string, () => void][] = [
    ['500', () => void post().reply(500)],
    ['503 with a time', () => void post().reply(503, {}, { 'retry-after': '1' })],
    ['reset', () => void post().replyWithError(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))],
    ['timeout', () => void post().delay(500).reply(201, document('new'))],
  ];

  it.each(lost)('%s: the build that appeared is the one, and there is no second POST', async (_how, lose) => {
    lose();
    list().reply(200, { builds: [document('old')] });
    list().reply(200, { builds: [document('new', { status: 'Building' }), document('old')] });
    const clock = new Clock();
    await expect(start(clock, { requestTimeoutMs: 100 })).resolves.toEqual(
      build('new', { status: 'building' }),
    );
    expect(clock.waits).toEqual([500]);
  });

  it.each(lost)(
    '%s: if none appears it may still have begun, and there is no second POST',
    async (_how, lose) => {
      lose();
      list()
        .times(4)
        .reply(200, { builds: [document('old')] });
      const clock = new Clock();
      const error = await refusal(start(clock, { requestTimeoutMs: 100 }));
      expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
      expect(error.message).toContain('No new build has appeared so far, but one may still begin.');
      expect(clock.waits).toEqual([500, 1_000, 2_000]);
    },
  );

  it('is still uncertain when the list cannot be read either', async () => {
    post().reply(502);
    list().times(5).reply(502);
    expect(await refusal(start())).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
  });

  it('takes the oldest of several new builds: the others came after it', async () => {
    post().reply(500);
    list().reply(200, {
      builds: [document('pushed', { createdOn: '2026-01-01T00:00:20Z' }), document('new'), document('old')],
    });
    await expect(start()).resolves.toMatchObject({ id: 'new' });
  });

  it('says that it may have begun when the caller stops it in between', async () => {
    const stop = new AbortController();
    post().delay(5_000).reply(201, document('new'));
    const started = make(new Clock()).builds.start('cap-1', [OLD], stop.signal);
    setTimeout(() => stop.abort(new Error('stop')), 50);
    expect(await refusal(started)).toMatchObject({ kind: 'unavailable', mayHaveApplied: true });
  });
});

describe('listing builds', () => {
  it.each([
    ['as builds', { builds: [document('b'), document('a')] }],
    ['as data', { data: [document('b'), document('a')] }],
    ['as builds in data', { data: { builds: [document('b'), document('a')] } }],
    ['bare', [document('b'), document('a')]],
    ['oldest first', [document('a'), document('b', { createdOn: '2026-01-01T00:00:11' })]],
  ])('reads them %s', async (_how, answer) => {
    list().reply(200, answer as object);
    const builds = await make(new Clock()).builds.list('cap-1');
    expect(builds.map(({ id }) => id)).toEqual(['b', 'a']);
  });

  it.each([
    ['Starting', 'queued'],
    ['Building', 'building'],
    ['in_progress', 'building'],
    ['Succeeded', 'succeeded'],
    ['SUCCESS', 'succeeded'],
    ['Failed', 'failed'],
    ['Cancelled', 'failed'],
    ['Rolling', 'unknown'],
    [undefined, 'unknown'],
    [3, 'unknown'],
  ])('understands the status %s as %s', async (status, expected) => {
    list().reply(200, { builds: [document('a', { status })] });
    await expect(make(new Clock()).builds.list('cap-1')).resolves.toMatchObject([{ status: expected }]);
  });

  it('leaves out what cannot be read, and keeps the rest', async () => {
    const odd = { finishedOn: null, createdOn: 'yesterday', isDeployed: 'yes', metadata: 'main' };
    list().reply(200, { builds: [document('a', { status: 'Succeeded', ...odd })] });
    await expect(make(new Clock()).builds.list('cap-1')).resolves.toEqual([
      { id: 'a', capsuleId: 'cap-1', status: 'succeeded' },
    ]);
  });

  it.each([
    ['no list', { message: 'hello' }],
    ['a list of something else', { builds: [{ name: 'no id' }] }],
    ['no JSON', 'hello'],
  ])('does not take %s for "no builds"', async (_what, answer) => {
    list().reply(200, answer);
    const error = await refusal(make(new Clock()).builds.list('cap-1'));
    expect(error).toMatchObject({ kind: 'rejected' });
    expect(error.message).toContain('Check CC_CLUSTER_URL');
  });

  it('is tried again after a 5xx', async () => {
    list().reply(503);
    list().reply(200, { builds: [] });
    await expect(make(new Clock()).builds.list('cap-1')).resolves.toEqual([]);
  });

  it('names the variable that is missing, and sends nothing', async () => {
    const driver = make(new Clock(), { clusterUrl: undefined, apiUrl: API });
    const error = await refusal(driver.builds.list('cap-1'));
    expect(error).toMatchObject({ kind: 'rejected', mayHaveApplied: false });
    expect(error.message).toContain('CC_CLUSTER_URL is not set');
  });
});

describe('the log of a build', () => {
  it('asks in nanoseconds around the build, and takes colours and secrets out', async () => {
    const finishedAt = (OLD.startedAt as number) + 60_000;
    const range = {
      limit: '500',
      start: `${(OLD.startedAt as number) - 120_000}000000`,
      end: `${finishedAt + 300_000}000000`,
      direction: 'forward',
    };
    const logs = ['\u001b[32mnpm run build\u001b[0m', `token ${TOKEN}`, 'two\nlines\n'].map((log) => ({
      log,
    }));
    nock(CLUSTER)
      .get('/builds/old/logs')
      .query(range)
      .reply(200, { data: { logs, totalLogCount: 3 } });
    const lines = await make(new Clock()).builds.log({ ...OLD, finishedAt }, 4);
    expect(lines).toEqual(['npm run build', 'token [redacted]', 'two', 'lines']);
  });
});
