/** Runs over HTTP: start, look at, list, cancel, start again. */
import { randomUUID } from 'node:crypto';
import { startApi, type Api } from './support/api';
import { text } from './support/client';
import { START } from './support/clock';
import { until } from '../support/until';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

/** Starts a run of `audit` and lets both agents succeed. */
async function succeeded(): Promise<string> {
  const { body } = await api.startRun();
  await api.deliver(await api.cloud.nextJob());
  await api.deliver(await api.cloud.nextJob());
  return text(body.id);
}

describe('POST /workflows/:workflowId/runs', () => {
  it('starts a run and says where it is', async () => {
    const { status, headers, body } = await api.startRun('audit', {
      json: { input: { siteUrl: 'https://a.test/' } },
    });
    expect(status).toBe(201);
    expect(headers.location).toBe(`/runs/${text(body.id)}`);
    expect(body).toMatchObject({
      workflowId: 'audit',
      trigger: { kind: 'api' },
      createdAt: new Date(START).toISOString(),
      input: { depth: 2, siteUrl: 'https://a.test/' },
      links: { rerun: null, cancel: `/runs/${text(body.id)}/cancel` },
    });
    expect((await api.cloud.nextJob()).input).toMatchObject({ siteUrl: 'https://a.test/' });
  });

  it('takes a missing body as no input', async () => {
    expect((await api.startRun('single')).status).toBe(201);
  });

  it('does the same request with the same key once', async () => {
    const request = { json: { input: { n: 1 } }, headers: { 'Idempotency-Key': 'order 17' } };
    const first = await api.startRun('single', request);
    const again = await api.startRun('single', request);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.location).toBe(first.headers.location);
  });

  it('refuses another request with the same key, and names the run it belongs to', async () => {
    const headers = { 'Idempotency-Key': 'k' };
    const first = await api.startRun('single', { json: { input: { n: 1 } }, headers });
    const other = await api.startRun('single', { json: { input: { n: 2 } }, headers });
    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({ code: 'idempotency-key-reused', runId: first.body.id });
  });

  it.each([
    ['too long', 'x'.repeat(256)],
    ['not ASCII', 'ümlaut'],
  ])('refuses a key that is %s', async (_why, key) => {
    const { status, body } = await api.startRun('single', { headers: { 'Idempotency-Key': key } });
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([
      400,
      'invalid-request',
      'header.Idempotency-Key',
    ]);
  });

  it('takes a key of 255 characters', async () => {
    const { status } = await api.startRun('single', { headers: { 'Idempotency-Key': 'x'.repeat(255) } });
    expect(status).toBe(201);
  });

  it('knows no other workflow', async () => {
    const { status, body } = await api.startRun('nope');
    expect([status, body.code]).toEqual([404, 'workflow-not-found']);
  });

  it.each([
    [{ inputs: {} }, 'body'],
    [{ input: 'text' }, 'body.input'],
    [{ input: null }, 'body.input'],
  ])('names the wrong field of %j', async (json, field) => {
    const { status, body } = await api.startRun('single', { json });
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'invalid-request', field]);
  });
});

describe('GET /runs/:runId', () => {
  it('shows each step with its timings, output and usage', async () => {
    const { body: started } = await api.startRun();
    const job = await api.cloud.nextJob();
    api.clock.advance(2_000);
    const usage = [{ provider: 'anthropic', model: 'm', inputTokens: 1, outputTokens: 2, costUsd: 0.01 }];
    await api.deliver(job, { output: { pages: 3 }, usage });
    const { status, body } = await api.call('GET', `/runs/${text(started.id)}`);
    expect(status).toBe(200);
    expect(body.status).toBe('running');
    expect(body.steps?.[0]).toMatchObject({
      id: 'crawl',
      agentId: 'crawler',
      status: 'succeeded',
      attempt: 1,
      waitMs: 0,
      bootMs: 0,
      workMs: 2_000,
      agentMs: 1_200,
      output: { pages: 3 },
      usage,
      error: null,
      reusedFrom: null,
    });
    expect(body.steps?.[1]).toMatchObject({ id: 'write', output: null, workMs: null });
  });

  it('tells boot from wait', async () => {
    api.cloud.healthy = false;
    const { body: started } = await api.startRun('single');
    await until(() => api.cloud.probes > 0, { what: 'a probe' });
    api.cloud.healthy = true;
    await until(() => (api.clock.advance(100), api.cloud.jobsWaiting > 0), { what: 'the job' });
    const { body } = await api.call('GET', `/runs/${text(started.id)}`);
    expect(Number(body.steps?.[0]?.bootMs)).toBeGreaterThan(0);
    expect(Number(body.steps?.[0]?.waitMs)).toBeGreaterThanOrEqual(Number(body.steps?.[0]?.bootMs));
  });

  it('keeps the error and the last output of a run that failed', async () => {
    const { body: started } = await api.startRun();
    await api.deliver(await api.cloud.nextJob(), {
      status: 'error',
      error: 'no robots',
      output: { pages: 1 },
    });
    const { body } = await api.call('GET', `/runs/${text(started.id)}`);
    expect(body).toMatchObject({
      status: 'failed',
      error: { kind: 'agent-error', message: 'step crawl: no robots' },
      links: { cancel: null, rerun: `/runs/${text(started.id)}/rerun` },
    });
    expect(body.steps?.[0]).toMatchObject({ status: 'failed', output: { pages: 1 } });
    expect(body.steps?.[1]).toMatchObject({ status: 'skipped' });
  });

  it('finds a run by its id in capitals too', async () => {
    const { body: started } = await api.startRun('single');
    const path = `/runs/${text(started.id).toUpperCase()}`;
    expect((await api.call('GET', path)).body.id).toBe(started.id);
    expect((await api.call('POST', `${path}/cancel`)).body.status).toBe('cancelled');
  });

  it.each([
    [randomUUID(), 404, 'run-not-found'],
    ['00000000-0000-0000-0000-000000000001', 404, 'run-not-found'],
    ['17', 400, 'invalid-request'],
    ['%00', 400, 'invalid-request'],
    ['%zz', 400, 'invalid-request'],
  ])('answers for the id %s with %i', async (id, expected, code) => {
    const { status, body } = await api.call('GET', `/runs/${id}`);
    expect([status, body.code]).toEqual([expected, code]);
  });
});

describe('GET /runs', () => {
  it('pages through runs, newest first, each once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      ids.unshift(text((await api.startRun('single')).body.id));
      api.clock.advance(1_000);
    }
    const seen: string[] = [];
    let path = '/runs?limit=2';
    for (let page = 0; page < 3; page += 1) {
      const { body } = await api.call('GET', path);
      seen.push(...(body.items as unknown as Array<{ id: string }>).map((r) => r.id));
      expect(body.nextCursor === null).toBe(page === 2);
      path = `/runs?limit=2&cursor=${text(body.nextCursor ?? '')}`;
    }
    expect(seen).toEqual(ids);
  });

  it('filters by workflow, status and time', async () => {
    const first = (await api.startRun('audit')).body.id;
    api.clock.advance(60_000);
    const second = (await api.startRun('single')).body.id;
    await api.call('POST', `/runs/${text(second)}/cancel`);
    const between = new Date(START + 30_000).toISOString();
    const list = async (query: string) =>
      ((await api.call('GET', `/runs?${query}`)).body.items as unknown as Array<{ id: unknown }>).map(
        (r) => r.id,
      );
    expect(await list('workflowId=audit')).toEqual([first]);
    expect(await list('status=cancelled')).toEqual([second]);
    expect(await list(`createdAfter=${between}`)).toEqual([second]);
    expect(await list(`createdBefore=${between}`)).toEqual([first]);
    expect(await list(`createdBefore=${encodeURIComponent('2026-03-02T13:00:30+01:00')}`)).toEqual([first]);
  });

  it.each([
    ['limit=0', 'query.limit'],
    ['limit=201', 'query.limit'],
    ['limit=ten', 'query.limit'],
    ['limit=1&limit=2', 'query.limit'],
    ['status=asleep', 'query.status'],
    ['createdAfter=yesterday', 'query.createdAfter'],
    ['cursor=abc', 'query.cursor'],
    ['workflowId=%00', 'query.workflowId'],
  ])('refuses ?%s', async (query, field) => {
    const { status, body } = await api.call('GET', `/runs?${query}`);
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'invalid-request', field]);
  });
});

describe('POST /runs/:runId/cancel', () => {
  it('cancels, tells the agent, and is answered the same again', async () => {
    const { body: started } = await api.startRun();
    await api.cloud.nextJob();
    const path = `/runs/${text(started.id)}/cancel`;
    const { status, body } = await api.call('POST', path, { json: { reason: 'wrong site' } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'cancelled', error: { kind: 'cancelled', message: 'wrong site' } });
    await api.engine.tasks.idle();
    expect(api.cloud.cancelled).toEqual([{ runId: started.id, stepId: 'crawl' }]);
    expect((await api.call('POST', path)).status).toBe(200);
  });

  it('cannot cancel what is over', async () => {
    const id = await succeeded();
    const { status, body } = await api.call('POST', `/runs/${id}/cancel`);
    expect([status, body.code]).toEqual([409, 'run-over']);
  });

  it('knows no other run', async () => {
    const { status, body } = await api.call('POST', `/runs/${randomUUID()}/cancel`);
    expect([status, body.code]).toEqual([404, 'run-not-found']);
  });

  it('names who did it in the ledger', async () => {
    const { body: started } = await api.startRun('single');
    await api.call('POST', `/runs/${text(started.id)}/cancel`, { json: { reason: 'because' } });
    const bodies = (await api.store.ledger(0, 100)).map((e) => e.body);
    expect(bodies.find((b) => b.includes('run.cancel'))).toContain('"actor":"local"');
  });
});

describe('POST /runs/:runId/rerun', () => {
  it('takes over what earlier steps delivered', async () => {
    const id = await succeeded();
    const { status, headers, body } = await api.call('POST', `/runs/${id}/rerun`, {
      json: { fromStep: 'write', input: { tone: 'dry' } },
    });
    expect(status).toBe(201);
    expect(headers.location).toBe(`/runs/${text(body.id)}`);
    expect(body.trigger).toEqual({ kind: 'rerun', of: id, fromStep: 'write' });
    expect(body.steps?.[0]).toMatchObject({ status: 'succeeded', reusedFrom: id, output: { from: 'crawl' } });
    expect(await api.cloud.nextJob()).toMatchObject({
      stepId: 'write',
      input: { depth: 2, tone: 'dry', from: 'crawl' },
    });
  });

  it('is done once with a key', async () => {
    const id = await succeeded();
    const request = { headers: { 'Idempotency-Key': 'again' } };
    const first = await api.call('POST', `/runs/${id}/rerun`, request);
    const again = await api.call('POST', `/runs/${id}/rerun`, request);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.id).toBe(first.body.id);
    const other = await api.call('POST', `/runs/${id}/rerun`, { ...request, json: { fromStep: 'write' } });
    expect(other.body.code).toBe('idempotency-key-reused');
  });

  it('refuses what cannot be', async () => {
    const { body: started } = await api.startRun();
    const id = text(started.id);
    const rerun = async (of: string, json: object = {}) => {
      const { status, body } = await api.call('POST', `/runs/${of}/rerun`, { json });
      return { status, ...body };
    };
    expect(await rerun(id)).toMatchObject({ status: 409, code: 'run-not-over' });
    expect(await rerun(randomUUID())).toMatchObject({ status: 404, code: 'run-not-found' });
    await api.call('POST', `/runs/${id}/cancel`);
    expect(await rerun(id, { fromStep: 'nope' })).toMatchObject({ status: 400, code: 'unknown-step' });
    expect(await rerun(id, { fromStep: 'write' })).toMatchObject({
      status: 409,
      code: 'step-not-reached',
      stepId: 'crawl',
    });
  });

  it('cannot repeat a run whose payloads retention removed', async () => {
    const id = await succeeded();
    api.store.payloads = async () => undefined;
    const { status, body } = await api.call('POST', `/runs/${id}/rerun`);
    expect([status, body.code]).toEqual([410, 'payloads-gone']);
    expect((await api.call('GET', `/runs/${id}`)).body).toMatchObject({ status: 'succeeded', input: null });
  });
});
