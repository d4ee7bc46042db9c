/** Rollouts over HTTP: the rules of an environment, approvals, the watch, and what is told of them. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { SpanData } from '../../src/domain/spans';
import { traceIdOf } from '../../src/domain/trace';
import { purgeHistory } from '../../src/engine/retention';
import { ApiKeys } from '../../src/http/auth';
import { followWork } from '../../src/observability/follow';
import { tellOfWork } from '../../src/observability/tell';
import { registryWithSpare, writerRelease } from '../grpc/support';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';
import { open, text, type Answer, type Body } from './support/client';

const ROOT = 'root-key-canary-5a0f5c1e';
const bearer = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } });
const root = bearer(ROOT);
const [A, B, C] = [writerRelease(1), writerRelease(2), writerRelease(3)];
const DAY_MS = 86_400_000;

let api: Api;
beforeEach(async () => {
  api = await startApi({ auth: new ApiKeys([ROOT]), registry: registryWithSpare() });
  for (const { manifest } of [A, B]) await call('POST', '/releases', { manifest, parts: [] });
});
afterEach(() => api.close());

const call = (method: string, path: string, json?: unknown, by: object = root): Promise<Answer> =>
  api.call(method, path, { ...by, ...(json !== undefined && { json }) });
const setPolicy = (json: object, environment = 'development') =>
  call('POST', `/agents/writer/environments/${environment}/policy`, json);
async function person(owner: string): Promise<object> {
  const { body } = await call('POST', '/keys', { name: 'n', owner, scopes: ['operator', 'approver'] });
  return bearer(text(body['secret']));
}
const begin = (releaseId: string, by: object = root, more: object = {}) =>
  call('POST', '/deployments', { agentId: 'writer', releaseId, ...more }, by);
const isNow = (id: string, status: string): Promise<Body> =>
  until(
    async () => {
      const { body } = await call('GET', `/rollouts/${id}`);
      return body['status'] === (status as unknown) && body;
    },
    { what: `a rollout that is ${status}` },
  );
async function deployed(releaseId: string, more: object = {}): Promise<string> {
  const id = text((await begin(releaseId, root, more)).body['id']);
  await isNow(id, 'done');
  return id;
}
const detail = ({ status, body }: Answer) => [status, body['detail']];

describe('the rules of an environment', () => {
  it('are set one by one, told, and kept in the ledger', async () => {
    const all = {
      ...{ promoteFrom: 'staging', approvals: 2, demands: ['sandbox', 'evals'], allow: ['acme', 'acme'] },
      ...{ stickyBy: 'customer', keepPreviousWarmMs: 60_000, tolerancePercent: 10 },
      permissions: ['net:*'],
    };
    const first = await setPolicy({ ...all, reason: 'as agreed' }, 'production');
    expect(first.body).toMatchObject({ name: 'production', policy: { ...all, allow: ['acme'] } });
    const gone = { stickyBy: null, tolerancePercent: null, permissions: null };
    const { body } = await setPolicy({ approvals: 0, ...gone }, 'production');
    expect(body['policy']).toEqual({
      ...{ ...all, allow: ['acme'] },
      ...{ approvals: 0, ...gone },
    });
    const entries = (await api.store.ledger(0, 100)).map((e) => e.body);
    expect(entries.filter((e) => e.includes('environment.policy'))).toHaveLength(2);
    expect(entries.join()).toContain('as agreed');
  });

  it.each([
    [{ promoteFrom: 'development' }, 400, 'body.promoteFrom: is this environment itself'],
    [{ approvals: 11 }, 400, 'body.approvals'],
    [{ demands: ['luck'] }, 400, 'body.demands.0'],
    [{ permissions: [' '] }, 400, 'body.permissions.0'],
    [{ weight: 5 }, 400, 'Unrecognized key'],
  ])('that make no sense are refused: %j', async (wish, status, told) => {
    const answer = await setPolicy(wish);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(told)]);
  });

  it('are for who holds everything, and of agents that are there', async () => {
    const denied = await call('POST', '/agents/writer/environments/x/policy', {}, await person('ann'));
    expect(denied.status).toBe(403);
    expect((await call('POST', '/agents/nobody/environments/x/policy', {})).status).toBe(404);
  });

  it('let in the very release that is stable in the one before', async () => {
    await setPolicy({ promoteFrom: 'staging' }, 'production');
    const early = await begin(A.id, root, { environment: 'production' });
    expect(detail(early)).toEqual([409, 'The policy of production takes only what is stable in staging.']);
    await deployed(A.id, { environment: 'staging' });
    await deployed(A.id, { environment: 'production' });
    expect((await begin(B.id, root, { environment: 'production' })).status).toBe(409);
  });
});

describe('approvals', () => {
  it('are wanted from as many people as the rules say, and of nobody for their own', async () => {
    const [ann, bob, cleo] = [await person('ann'), await person('bob'), await person('cleo')];
    await setPolicy({ approvals: 2 });
    await call('POST', '/releases', { manifest: C.manifest, parts: [] }, ann);
    const id = text((await begin(C.id, bob)).body['id']);
    const approve = (by: object) => call('POST', `/rollouts/${id}/approve`, { reason: 'good' }, by);
    for (const by of [ann, bob])
      expect(detail(await approve(by))).toEqual([
        409,
        'Who made a release, or began its rollout, does not approve it: ask somebody else.',
      ]);
    const open_ = (await call('GET', '/alerts?open=true')).body['items'] as unknown as Body[];
    expect(open_[0]).toMatchObject({ kind: 'rollout-paused', subject: 'writer/development' });
    const isAsked = async () => (await call('GET', '/alerts?open=true')).text.includes('rollout-paused');
    expect((await approve(cleo)).body['approvals']).toMatchObject({ wanted: 2, given: [{ reason: 'good' }] });
    expect(detail(await approve(cleo))).toEqual([409, 'You approved it already: it takes somebody else.']);
    // Another key of the same person is the same person.
    expect((await approve(await person('cleo'))).status).toBe(409);
    await approve(root);
    const { verdicts, approvals } = await isNow(id, 'done');
    await until(async () => !(await isAsked()), { what: 'the end of the alert' });
    expect([verdicts?.['length'], approvals]).toEqual([2, null]);
    expect((await approve(await person('dan'))).status).toBe(409);
  });

  it('that do not come in time are a no, and an abort is one at once', async () => {
    await setPolicy({ approvals: 1 });
    const id = text((await begin(A.id)).body['id']);
    api.clock.advance(7 * DAY_MS + 1);
    await api.engine.tick();
    expect(await isNow(id, 'rolled-back')).toMatchObject({
      abortedFor: '0 of 1 approvals within the time: that is a no',
    });
    const again = text((await begin(A.id)).body['id']);
    await call('POST', `/rollouts/${again}/abort`, { reason: 'not now' }, await person('ann'));
    expect(await isNow(again, 'rolled-back')).toMatchObject({ abortedFor: 'not now' });
  });
});

/** The next frames of a stream, each the data of a rollout. */
async function* frames(response: IncomingMessage): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  for await (const piece of response.setEncoding('utf8')) {
    const parts = (rest + String(piece)).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^event: rollout\ndata: (.*)$/.exec(part)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Record<string, unknown>;
    }
  }
}

describe('the watch of a rollout', () => {
  const watch = (id: string) => open(api.port, 'GET', `/rollouts/${id}/events`, root);

  it('tells how it stands, each change, and ends with it', async () => {
    await setPolicy({ approvals: 1 });
    const id = text((await begin(A.id)).body['id']);
    const seen: unknown[] = [];
    for await (const { status, stage } of frames(await watch(id))) {
      seen.push([status, stage]);
      if (seen.length === 1) await call('POST', `/rollouts/${id}/approve`, {}, await person('ann'));
    }
    expect(seen[0]).toEqual(['gating', 'approval']);
    expect(seen.at(-1)).toEqual(['done', 'switch']);
  });

  it('sees what another process does, without being told', async () => {
    await setPolicy({ approvals: 1 });
    const id = text((await begin(A.id)).body['id']);
    const told = frames(await watch(id));
    await told.next();
    const known = await api.store.rollout(id);
    if (!known) throw new Error('it is there');
    const state = { ...known.state, memo: 'written elsewhere' };
    const entry = { at: 1, actor: 'x', action: 'rollout.start', entity: 'rollout', id, set: {} } as const;
    await api.store.saveRollout(state, known.version, entry);
    api.clock.advance(2_000);
    expect((await told.next()).value).toMatchObject({ memo: 'written elsewhere' });
    await told.return(undefined);
  });

  it('is refused for what is not there, and ends with the orchestrator', async () => {
    const none = await call('GET', '/rollouts/00000000-0000-4000-8000-000000000000/events');
    expect(none.status).toBe(404);
    await setPolicy({ approvals: 1 });
    const response = await watch(text((await begin(A.id)).body['id']));
    const ended = once(response.resume(), 'end');
    api.streams.close();
    await ended;
  });
});

describe('of rollouts', () => {
  it('figures, a trace and lines of the log are told', async () => {
    const spans: SpanData[] = [];
    const lines: string[] = [];
    const log = { debug: () => undefined, info: (_: object, line: string) => void lines.push(line) };
    const { events, clock } = api;
    const stops = [
      followWork({ events, clock, send: (more) => void spans.push(...more) }),
      tellOfWork({ events, clock, log }),
    ];
    const done = await deployed(A.id);
    await deployed(B.id);
    await call('POST', '/agents/writer/rollback', {});
    await setPolicy({ approvals: 1 });
    const taken = text((await begin(B.id)).body['id']);
    await call('POST', `/rollouts/${taken}/abort`, {});
    await isNow(taken, 'rolled-back');
    for (const stop of stops) stop();
    const judged = { stage: 'sandbox', verdict: 'pass', reason: 'it boots', durationMs: 1_200, report: {} };
    await call('POST', `/releases/${A.id}/verdicts`, judged);
    const { text: figures } = await call('GET', '/metrics');
    for (const line of [
      'reveille_rollout_duration_seconds_count{strategy="direct",outcome="done"} 2',
      'reveille_rollout_duration_seconds_count{strategy="direct",outcome="rolled-back"} 1',
      'reveille_rollout_stage_duration_seconds_count{stage="switch",verdict="pass"} 2',
      'reveille_rollbacks_total{cause="person"} 2',
      'reveille_validation_duration_seconds_sum{stage="sandbox",verdict="pass"} 1.2',
      `reveille_release_share{agent="writer",environment="development",pointer="stable",release="${A.id.slice(0, 12)}"} 1`,
      'reveille_rollouts_open{status="gating"} 0',
    ])
      expect(figures).toContain(line);
    const trace = (id: string) =>
      spans.filter((s) => s.traceId === traceIdOf(id)).map((s) => [s.name, s.fault]);
    expect(trace(done)).toEqual([
      ['rollout writer', undefined],
      ['stage switch', undefined],
    ]);
    expect(trace(taken)).toEqual([
      ['rollout writer', 'taken back: person'],
      ['restore', undefined],
    ]);
    expect(lines).toEqual(expect.arrayContaining(['rollout promoting', 'rollout done', 'rolled back']));
  });

  it('the evidence of a verdict is told, and nothing else that is kept', async () => {
    const id = await deployed(A.id);
    const [verdict] = ((await call('GET', `/rollouts/${id}`)).body['verdicts'] ?? []) as unknown as Body[];
    const [hash] = verdict?.['evidence'] as unknown as string[];
    const found = await call('GET', `/rollouts/${id}/evidence/${hash}`);
    expect(found.body).toMatchObject({ stage: 'switch', verdict: 'pass' });
    const other = await deployed(B.id);
    expect((await call('GET', `/rollouts/${other}/evidence/${'f'.repeat(64)}`)).status).toBe(404);
  });

  it('what is over is history after ninety days', async () => {
    const id = await deployed(A.id);
    const purge = (days: number) => purgeHistory(api.store, 7, api.clock.now() + days * DAY_MS);
    expect(await purge(89)).toEqual({ rollouts: 0, work: 0 });
    expect(await purge(91)).toEqual({ rollouts: 1, work: 0 });
    expect((await call('GET', `/rollouts/${id}`)).status).toBe(404);
  });
});

it('the release before stays awake for as long as the rules say, so that a rollback waits for no boot', async () => {
  await setPolicy({ keepPreviousWarmMs: 60_000 });
  await deployed(A.id);
  await deployed(B.id);
  const awake = async () => {
    const { warm = [] } = (await api.engine.capsules.load('cap-writer'))?.state ?? {};
    return warm.length > 0 ? warm : undefined;
  };
  const warm = await until(awake, { what: 'a capsule that is kept awake' });
  expect(warm).toMatchObject([{ for: { releaseId: A.id }, until: api.clock.now() + 60_000 }]);
  const isGone = async () => (await awake()) === undefined;
  // What a pass reads of switches and releases, the next one goes by.
  const afterPasses =
    <T>(found: () => Promise<T>) =>
    async (): Promise<T> => {
      await api.engine.tick();
      return found();
    };
  // It is answered once it is in force everywhere, which takes the clock's time.
  let isInForce = false;
  const wish = { scope: 'agent', subject: 'writer', message: 'off' };
  const switching = call('POST', '/switches', wish).finally(() => (isInForce = true));
  await until(
    () => {
      api.clock.advance(100);
      return isInForce;
    },
    { what: 'the switch to be in force' },
  );
  const off = await switching;
  await until(afterPasses(isGone), { what: 'the capsule of what is switched off to be let go' });
  await call('POST', `/switches/${text(off.body['id'])}/release`, {});
  await until(afterPasses(awake), { what: 'the capsule to be kept again' });
  await call('POST', '/agents/writer/rollback', {});
  await until(afterPasses(isGone), { what: 'the capsule to be let go' });
});
