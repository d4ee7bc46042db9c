/** One suite for every agent: real processes, built and started as they are deployed. */
import { createHmac } from 'node:crypto';
import { AgentHealth, AgentRunResult, AgentStatus } from '../../src/contract';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import {
  buildAgents,
  runRequest,
  serve,
  startAgent,
  SUBJECTS,
  type Agent,
  type Surroundings,
} from './agents';
import { rowsAnswer, TOKEN_ANSWER } from './google';

const SECRET = 'secret-canary-71c0';

let around: Surroundings;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  await buildAgents();
  const site = await serve((request, response) => {
    response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' });
    response.end('<title>Small</title><p>One page.');
  });
  const silent = await serve(() => undefined);
  const services = await serve((request, response) => {
    if (request.url === '/slack') return void response.end('ok');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/token' ? TOKEN_ANSWER : rowsAnswer(2)));
  });
  const folder = await temporaryFolder();
  closing.push(site.close, silent.close, services.close, folder.remove);
  around = { siteUrl: site.url, silentUrl: silent.url, servicesUrl: services.url, reportDir: folder.path };
}, 120_000);

afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

describe.each(Object.entries(SUBJECTS))('%s', (name, subject) => {
  const processes = useProcesses();
  let webhook: WebhookReceiver;

  beforeEach(async () => {
    webhook = await startWebhookReceiver();
  });
  afterEach(() => webhook.close());

  async function nextResult(): Promise<AgentRunResult> {
    return AgentRunResult.parse((await webhook.next()).body);
  }

  describe('with quick work', () => {
    let agent: Agent;

    beforeAll(async () => {
      const env = { AGENT_SECRET: SECRET, REPORT_DIR: around.reportDir, ...subject.env?.(around) };
      agent = await startAgent(processes, name, env);
    });

    test('tells its health', async () => {
      const { status, body } = await agent.get('/health');
      expect(status).toBe(200);
      expect(AgentHealth.parse(body)).toEqual({
        status: 'ok',
        agentId: subject.agentId,
        version: '0.1.0',
        bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        mode: 'api',
      });
    });

    test('runs the job, reports the result signed, and keeps it at /status', async () => {
      const request = runRequest(`${webhook.url}?token=hush`, subject.input(around), { attempt: 2 });
      expect(await agent.post('/run', request)).toMatchObject({ status: 202, body: { accepted: true } });
      const { headers, raw, path } = await webhook.next();
      expect(path).toBe('/webhook?token=hush');
      const { workflowId, stepId, runId } = request;
      const result = AgentRunResult.parse(JSON.parse(raw.toString()));
      expect(result).toMatchObject({ workflowId, stepId, runId, attempt: 2, status: 'success' });
      expect(result.output).toMatchObject(subject.output);

      const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
      const mac = createHmac('sha256', SECRET).update(`${id}.${timestamp}.`).update(raw).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${mac}`);
      expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(60);

      const after = AgentStatus.parse((await agent.get('/status')).body);
      expect(after).toMatchObject({ state: 'idle', last: result });
      expect(after.current).toBeUndefined();
    });

    test('takes the same run, step and attempt once, and the next attempt again', async () => {
      const request = runRequest(webhook.url, subject.input(around));
      await agent.post('/run', request);
      await nextResult();
      const again = await agent.post('/run', request);
      expect(again).toMatchObject({ status: 202, body: { accepted: true, duplicate: true } });
      expect((await agent.get('/status')).body).toMatchObject({
        state: 'idle',
        last: { runId: request.runId },
      });
      const retry = { ...request, config: { ...request.config, attempt: 2 } };
      expect((await agent.post('/run', retry)).body).toEqual({ accepted: true });
      expect(await nextResult()).toMatchObject({ runId: request.runId, attempt: 2 });
      expect(webhook.deliveries).toHaveLength(2);
    });

    test('refuses what is not a run request, naming the field', async () => {
      const request = runRequest(webhook.url, {});
      const bad: [unknown, string][] = [
        [{ ...request, runId: 'seven' }, 'runId'],
        [{ ...request, input: [] }, 'input'],
        [
          { ...request, config: { ...request.config, webhookUrl: 'file:///etc/passwd' } },
          'config.webhookUrl',
        ],
        [{ ...request, config: { ...request.config, timeoutSeconds: 0 } }, 'config.timeoutSeconds'],
        ['{"broken', 'JSON'],
      ];
      for (const [body, field] of bad)
        expect(await agent.post('/run', body)).toMatchObject({
          status: 400,
          body: { error: expect.stringContaining(field) as string },
        });
    });

    test('refuses a request that is too large', async () => {
      const request = runRequest(webhook.url, { filler: 'x'.repeat(11 * 1024 * 1024) });
      expect(await agent.post('/run', request)).toMatchObject({ status: 413 });
    });

    test('refuses what is not declared as JSON', async () => {
      const body = JSON.stringify(runRequest(webhook.url, subject.input(around)));
      for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
        const headers = { 'content-type': type };
        const answer = await fetch(`${agent.url}/run`, { method: 'POST', headers, body });
        expect([type, answer.status]).toEqual([type, 415]);
      }
    });

    test('answers an input that does not fit by an error naming the field, and lives on', async () => {
      await agent.post('/run', runRequest(webhook.url, subject.wrong.input));
      expect(await nextResult()).toMatchObject({
        status: 'error',
        output: {},
        error: expect.stringContaining(subject.wrong.field) as string,
      });
      expect(await agent.get('/health')).toMatchObject({ status: 200 });
    });

    test('sends the result again until it is acknowledged, then no more', async () => {
      webhook.answerWith(() => ({ status: [503, 429][webhook.deliveries.length - 1] ?? 200 }));
      await agent.post('/run', runRequest(webhook.url, subject.input(around)));
      const tries = [await webhook.next(), await webhook.next(), await webhook.next()];
      expect(new Set(tries.map(({ raw }) => raw.toString())).size).toBe(1);
      expect(new Set(tries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      await agent.process.waitFor(/"reported".*"answer": ?200/);
    });

    test('takes a 4xx as final', async () => {
      webhook.answerWith({ status: 404 });
      await agent.post('/run', runRequest(webhook.url, subject.input(around)));
      await webhook.next();
      await agent.process.waitFor(/"reported".*"answer": ?404/);
      expect(webhook.deliveries).toHaveLength(1);
    });

    test('keeps the token and its secret out of its output', async () => {
      expect(agent.process.output()).toMatch(/"reported"/);
      expect(agent.process.output()).not.toMatch(/hush|secret-canary/);
    });
  });

  describe('with long work', () => {
    const startSlow = (env = {}): Promise<Agent> =>
      startAgent(processes, name, { ...subject.slowEnv(around), ...env });
    const slow = (config = {}) => runRequest(webhook.url, subject.slowInput(around), config);
    let agent: Agent;

    beforeAll(async () => {
      agent = await startSlow();
    });

    test('says it is busy, and stops on cancel of that run only', async () => {
      const request = slow();
      await agent.post('/run', request);
      const { status, headers } = await agent.post('/run', slow());
      expect([status, Number(headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
      expect((await agent.post('/run', request)).body).toMatchObject({ duplicate: true });
      expect((await agent.get('/status')).body).toMatchObject({
        state: 'running',
        current: { runId: request.runId, stepId: request.stepId },
      });

      await agent.post('/cancel', { runId: slow().runId, stepId: request.stepId });
      await agent.post('/cancel', '{}');
      expect((await agent.get('/status')).body).toMatchObject({ state: 'running' });
      const { runId, stepId } = request;
      expect(await agent.post('/cancel', { runId, stepId })).toMatchObject({ status: 202 });
      expect(await nextResult()).toMatchObject({ runId, status: 'error', error: 'cancelled' });
      await until(async () => ((await agent.get('/status')).body as AgentStatus).state === 'idle');
    });

    test('reports a timeout when the time is over', async () => {
      await agent.post('/run', slow({ timeoutSeconds: 0.3 }));
      const result = await nextResult();
      expect(result).toMatchObject({ status: 'timeout', error: 'not finished within 0.3 s' });
      expect(result.durationMs).toBeGreaterThanOrEqual(300);
    });

    test('on SIGTERM reports the run as terminated and exits 0', async () => {
      const doomed = await startSlow({ AGENT_GRACE_SECONDS: '0' });
      await doomed.post('/run', slow());
      doomed.process.killAlone('SIGTERM');
      expect(await nextResult()).toMatchObject({ status: 'error', error: 'terminated before it finished' });
      expect(await doomed.process.exited).toEqual({ code: 0, signal: null });
    });
  });

  describe('in startup mode', () => {
    const env = () => ({
      AGENT_MODE: 'startup',
      AGENT_SECRET: SECRET,
      ORCHESTRATOR_WEBHOOK_URL: webhook.url,
      REPORT_DIR: around.reportDir,
      ...subject.env?.(around),
    });

    test('claims its job once it listens, trying again on 503, and runs it', async () => {
      const request = runRequest(webhook.url, subject.input(around));
      webhook.answerWith(({ path }) => {
        if (path !== '/webhook/claim') return { status: 200 };
        return webhook.deliveries.length === 1 ? { status: 503 } : { status: 200, body: request };
      });
      const agent = await startAgent(processes, name, env());
      const { body: health } = await agent.get('/health');
      const { bootId } = AgentHealth.parse(health);
      await webhook.next();
      expect((await webhook.next()).body).toEqual({ agentId: subject.agentId, bootId, secret: SECRET });
      expect(await nextResult()).toMatchObject({ runId: request.runId, status: 'success' });
      // The orchestrator may send the same job as well.
      expect((await agent.post('/run', request)).body).toMatchObject({ duplicate: true });
      expect(agent.process.output()).not.toContain(SECRET);
    });

    test('stays up without work on 204, and exits at once on SIGTERM', async () => {
      webhook.answerWith({ status: 204 });
      const agent = await startAgent(processes, name, env());
      await agent.process.waitFor(/"claimed".*204/);
      expect((await agent.get('/status')).body).toMatchObject({ state: 'idle' });
      agent.process.killAlone('SIGTERM');
      expect(await agent.process.exited).toEqual({ code: 0, signal: null });
    });

    test('does not start without what it needs, and says what that is', async () => {
      const start = startAgent(processes, name, { AGENT_MODE: 'startup' });
      await expect(start).rejects.toThrow(/ORCHESTRATOR_WEBHOOK_URL and AGENT_SECRET/);
    });
  });
});
