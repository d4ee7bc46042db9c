/** The webhook: every way a result may come, and what is answered. */
import { createHmac, randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { AGENT_SECRET, resultOf, startApi, webhookPath, type Api } from './support/api';
import { text } from './support/client';
import { START } from './support/clock';

let api: Api;
let job: AgentRunRequest;
beforeEach(async () => {
  api = await startApi();
  await api.startRun();
  job = await api.cloud.nextJob();
});
afterEach(() => api.close());

const post = (path: string, json: unknown, headers: Record<string, string> = {}) =>
  api.call('POST', path, { json, headers });

const statusOf = async (runId: string) => text((await api.call('GET', `/runs/${runId}`)).body.status);

/** A path with the token of another attempt, authentic unless told otherwise. */
const pathFor = (change: { runId?: string; expiresAt?: number }): string => {
  const token = api.callbacks.issue({
    runId: job.runId,
    stepId: job.stepId,
    attempt: 1,
    expiresAt: START + 60_000,
    ...change,
  });
  return `/webhook?token=${token}`;
};

describe('a result', () => {
  it('settles the step', async () => {
    const { status, body } = await api.deliver(job);
    expect([status, body]).toEqual([200, { status: 'settled' }]);
    expect((await api.cloud.nextJob()).stepId).toBe('write');
  });

  it('is acknowledged again and changes nothing when it comes twice', async () => {
    await api.deliver(job);
    const { status, body } = await api.deliver(job, { output: { other: true } });
    expect([status, body]).toEqual([200, { status: 'duplicate' }]);
    const run = await api.call('GET', `/runs/${job.runId}`);
    expect(run.body.steps?.[0]?.output).toEqual({ from: 'crawl' });
  });

  it('is recorded when it comes after a cancel', async () => {
    await api.call('POST', `/runs/${job.runId}/cancel`);
    const { status, body } = await api.deliver(job);
    expect([status, body]).toEqual([200, { status: 'late' }]);
    expect(await statusOf(job.runId)).toBe('cancelled');
  });

  it('needs no more than the required fields of the contract', async () => {
    const { workflowId, stepId, runId } = job;
    const result = { workflowId, stepId, runId, status: 'success', output: {}, durationMs: 5 };
    expect((await post(webhookPath(job), result)).body).toEqual({ status: 'settled' });
  });

  it('loses the characters that no store can keep, and nothing else', async () => {
    const raw = JSON.stringify(resultOf(job)).replace(
      '"from"',
      '"a\\u0000b": "\\ud800x\\ud83d\\ude00", "from"',
    );
    const headers = { 'content-type': 'application/json' };
    expect((await api.call('POST', webhookPath(job), { raw, headers })).status).toBe(200);
    const run = await api.call('GET', `/runs/${job.runId}`);
    expect(run.body.steps?.[0]?.output).toEqual({ 'a\ufffdb': '\ufffdx😀', from: 'crawl' });
  });
});

describe('a result is refused', () => {
  it.each([
    ['without a token', '/webhook'],
    ['with an empty token', '/webhook?token='],
    ['with two tokens', '/webhook?token=a.b&token=c.d'],
    ['with a token we did not make', '/webhook?token=abc.def'],
  ])('%s', async (_how, path) => {
    const { status, body } = await post(path, resultOf(job));
    expect([status, body.code]).toEqual([401, 'callback-forged']);
    expect(await statusOf(job.runId)).toBe('running');
  });

  it('with a token that was tampered with', async () => {
    const path = webhookPath(job);
    const tampered = path.endsWith('A') ? `${path.slice(0, -1)}B` : `${path.slice(0, -1)}A`;
    expect((await post(tampered, resultOf(job))).body.code).toBe('callback-forged');
  });

  it('with a token that has expired', async () => {
    const { status, body } = await post(pathFor({ expiresAt: START - 1 }), resultOf(job));
    expect([status, body.code]).toEqual([401, 'callback-expired']);
  });

  it('with the token of another run', async () => {
    const { status, body } = await post(pathFor({ runId: randomUUID() }), resultOf(job));
    expect([status, body.code]).toEqual([401, 'callback-mismatch']);
  });

  it('for a run that is not known', async () => {
    const runId = randomUUID();
    const { status, body } = await post(pathFor({ runId }), resultOf({ ...job, runId }));
    expect([status, body.code]).toEqual([404, 'run-not-found']);
  });

  it.each([
    [{ status: 'done' }, 'body.status'],
    [{ durationMs: -1 }, 'body.durationMs'],
    [{ output: [] }, 'body.output'],
    [{ runId: 'x' }, 'body.runId'],
    [{ usage: [{ provider: 'p' }] }, 'body.usage.0.model'],
  ])('with %j, naming the field', async (change, field) => {
    const { status, body } = await post(webhookPath(job), { ...resultOf(job), ...change });
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([400, 'invalid-request', field]);
  });
});

describe('before it is parsed', () => {
  it('is refused when it is too large', async () => {
    const raw = `{"x": "${'x'.repeat(64 * 1024)}"`; // not even valid JSON: nobody looks
    const headers = { 'content-type': 'application/json' };
    const { status, body } = await api.call('POST', webhookPath(job), { raw, headers });
    expect([status, body.code]).toEqual([413, 'body-too-large']);
  });

  it('is refused when it is too large and does not say so', async () => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    const raw = 'x'.repeat(65 * 1024);
    expect((await api.call('POST', webhookPath(job), { raw, headers })).status).toBe(413);
  });

  it('is not even read without a token of ours', async () => {
    const raw = 'x'.repeat(64 * 1024 + 1);
    const headers = { 'content-type': 'application/json' };
    expect((await api.call('POST', '/webhook?token=a.b', { raw, headers })).status).toBe(401);
  });
});

describe('while the store is down', () => {
  it('a result is not acknowledged, and settles when it comes again', async () => {
    api.outage.error = new Error('password=hunter2 terminating connection');
    const { status, headers, text, body } = await api.deliver(job);
    expect([status, body.code]).toEqual([503, 'unavailable']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(text).not.toContain('hunter2');
    api.outage.error = undefined;
    expect((await api.deliver(job)).body).toEqual({ status: 'settled' });
  });

  it('is not acknowledged either when only the commit fails', async () => {
    api.outage.error = new Error('disk full');
    api.outage.pingFails = false;
    expect((await api.deliver(job)).status).toBe(503);
  });
});

describe('a signature', () => {
  const sign = (body: string, { key = AGENT_SECRET, at = START, id = 'msg_1' } = {}) => {
    const timestamp = String(Math.floor(at / 1_000));
    const bytes = key.startsWith('whsec_') ? Buffer.from(key.slice(6), 'base64') : key;
    const mac = createHmac('sha256', bytes).update(`${id}.${timestamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
  };
  const deliver = (signed: Record<string, string>, of = job) =>
    api.call('POST', webhookPath(of), {
      raw: JSON.stringify(resultOf(of)),
      headers: { 'content-type': 'application/json', ...signed },
    });

  it('that holds lets the result in', async () => {
    expect((await deliver(sign(JSON.stringify(resultOf(job))))).status).toBe(200);
  });

  it('may be one of several, as in a rotation', async () => {
    const headers = sign(JSON.stringify(resultOf(job)));
    headers['webhook-signature'] = `v1,AAAA ${headers['webhook-signature']} v2,other`;
    expect((await deliver(headers)).status).toBe(200);
  });

  it.each([
    ['by another key', () => sign(JSON.stringify(resultOf(job)), { key: 'another-key-0123456789' })],
    ['over another body', () => sign('{}')],
    ['from 301 s ago', () => sign(JSON.stringify(resultOf(job)), { at: START - 301_000 })],
    ['from 301 s ahead', () => sign(JSON.stringify(resultOf(job)), { at: START + 301_000 })],
    ['without its id', () => ({ ...sign(JSON.stringify(resultOf(job))), 'webhook-id': '' })],
    ['without its time', () => ({ ...sign(JSON.stringify(resultOf(job))), 'webhook-timestamp': 'now' })],
    [
      'of another version',
      () => ({ ...sign(JSON.stringify(resultOf(job))), 'webhook-signature': 'v2,AAAA' }),
    ],
  ])('%s is refused although the token holds', async (_what, headers) => {
    const { status, body } = await deliver(headers());
    expect([status, body.code]).toEqual([401, 'signature-invalid']);
    expect(await statusOf(job.runId)).toBe('running');
  });

  it('of an agent that has no secret here is not looked at', async () => {
    await api.deliver(job);
    const second = await api.cloud.nextJob();
    expect(second.stepId).toBe('write');
    expect((await deliver(sign('{}', { key: 'whatever-0123456789' }), second)).status).toBe(200);
  });
});

it('shows neither token nor secret, in no answer and no log line', async () => {
  const token = new URL(job.config.webhookUrl).searchParams.get('token') ?? '';
  await api.call('POST', '/webhook/claim', {
    json: { agentId: 'crawler', bootId: 'b', secret: AGENT_SECRET },
  });
  await api.deliver(job);
  await api.call('GET', `/webhook?token=${token}`);
  const answers = await Promise.all(
    [
      '/agents',
      '/workflows',
      '/capsules',
      '/shifts',
      '/runs',
      `/runs/${job.runId}`,
      '/metrics',
      '/openapi.json',
    ].map(async (path) => (await api.call('GET', path)).text),
  );
  const shown = answers.join('') + api.logged();
  expect(shown).toContain(job.runId);
  expect(shown).not.toContain('secret-canary');
  expect(shown).not.toContain(token);
  expect(shown).not.toContain(token.split('.')[1]);
});
