/** Agents that keep their queue in Redis: what was accepted outlives the process. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { AgentRunResult, type AgentRunRequest } from '../../src/contract';
import { freePort } from '../support/ports';
import { useProcesses } from '../support/processes';
import { redisUrl } from '../support/redis';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { buildAgents, runRequest, startAgent, SUBJECTS, type Agent } from './agents';

/** Long enough for the lock of a process that was killed to end, on a busy machine as well. */
const TAKE_OVER_MS = 40_000;

beforeAll(buildAgents, 120_000);

const withRedis = Object.entries(SUBJECTS).filter(([, { redis, greets }]) => redis && greets);

describe.each(withRedis)('%s', (name) => {
  const processes = useProcesses();
  const webhooks: WebhookReceiver[] = [];
  afterAll(() => Promise.all(webhooks.map((webhook) => webhook.close())));

  /** A queue and a webhook of the test's own: most of its time it waits until a lock ends, so all run at once. */
  async function scene() {
    const agentId = `test:${randomUUID()}`;
    const webhook = await startWebhookReceiver();
    webhooks.push(webhook);
    const start = (env: Record<string, string> = {}): Promise<Agent> =>
      startAgent(processes, name, { REDIS_URL: redisUrl(), AGENT_ID: agentId, ...env });
    /** Has the job accepted by an agent that is then killed: at once, or when the job runs. */
    const leaveBehind = async (request: AgentRunRequest, when: 'accepted' | 'started'): Promise<void> => {
      const agent = await start();
      expect(await agent.post('/run', request)).toMatchObject({ status: 202 });
      if (when === 'started') await agent.process.waitFor(/"started"/);
      await crash(agent);
    };
    const nextResult = async () => AgentRunResult.parse((await webhook.next(TAKE_OVER_MS)).body);
    /** Nothing is kept of its only job but that it was reported: a process that ends before reports once more. */
    const forgotten = async (): Promise<void> => {
      const client = new Redis(redisUrl());
      const queue = `bull:agent-${agentId.replaceAll(':', '-')}`;
      const isForgotten = async () => {
        const [job] = await client.zrange(`${queue}:completed`, 0, -1);
        return job !== undefined && (await client.hget(`${queue}:${job}`, 'data')) === '{}';
      };
      await until(isForgotten).finally(() => client.disconnect());
    };
    return { webhook, start, leaveBehind, nextResult, forgotten };
  }
  const crash = async (agent: Agent) => {
    agent.process.killAlone('SIGKILL');
    await agent.process.exited;
  };

  test.concurrent('a job whose agent is killed is run once, by the next process', async () => {
    const { webhook, start, leaveBehind, nextResult, forgotten } = await scene();
    const request = runRequest(webhook.url, { name: 'Ada', pauseMs: 1500 });
    await leaveBehind(request, 'started');

    const next = await start();
    expect((await next.get('/status')).body).toMatchObject({
      state: 'running',
      current: { runId: request.runId, stepId: request.stepId },
    });
    expect(await next.post('/run', runRequest(webhook.url, {}))).toMatchObject({ status: 429 });
    expect((await next.post('/run', request)).body).toMatchObject({ duplicate: true });
    expect(await nextResult()).toMatchObject({ runId: request.runId, status: 'success' });
    await next.process.waitFor(/"reported".*"answer":200/);
    expect((await next.get('/status')).body).toMatchObject({ state: 'idle', last: { runId: request.runId } });
    await forgotten();
    await crash(next);

    const last = await start();
    expect((await last.get('/status')).body).toMatchObject({ state: 'idle' });
    expect((await last.post('/run', request)).body).toMatchObject({ duplicate: true });
    const other = runRequest(webhook.url, {});
    await last.post('/run', other);
    expect(await nextResult()).toMatchObject({ runId: other.runId });
    expect(webhook.deliveries).toHaveLength(2);
    expect(last.process.output().match(/"started"/g)).toHaveLength(1);
  });

  test.concurrent('a job whose time was over meanwhile is reported as timeout and not run', async () => {
    const { webhook, start, leaveBehind, nextResult } = await scene();
    const acceptedBefore = Date.now();
    await leaveBehind(runRequest(webhook.url, { pauseMs: 60_000 }, { timeoutSeconds: 1 }), 'accepted');
    await until(() => Date.now() - acceptedBefore > 2000);
    const next = await start();
    expect(await nextResult()).toMatchObject({ status: 'timeout', error: 'not finished within 1 s' });
    expect(next.process.output()).not.toMatch(/"started"/);
  });

  test.concurrent(
    'a result that could not be delivered is delivered by the next process, without running again',
    async () => {
      const { webhook, start, nextResult } = await scene();
      webhook.answerWith({ status: 503 });
      const agent = await start();
      const request = runRequest(webhook.url, { name: 'Ada' });
      await agent.post('/run', request);
      const result = await nextResult();
      await webhook.next(); // its second try: by now the result is kept
      await crash(agent);

      webhook.answerWith({ status: 200 });
      const next = await start();
      expect((await next.get('/status')).body).toMatchObject({ state: 'idle', last: result });
      await next.process.waitFor(/"reported".*"answer":200/);
      expect(next.process.output()).not.toMatch(/"started"/);
    },
  );

  test.concurrent('a job that takes process after process with it is given up', async () => {
    const { webhook, start, leaveBehind, nextResult } = await scene();
    const request = runRequest(webhook.url, { pauseMs: 60_000 }, { timeoutSeconds: 600 });
    await leaveBehind(request, 'started');
    const second = await start();
    await second.process.waitFor(/"started"/, TAKE_OVER_MS);
    await crash(second);
    await start();
    expect(await nextResult()).toMatchObject({
      runId: request.runId,
      status: 'error',
      error: 'the agent ended twice while it ran this job',
    });
  });

  test.concurrent('exits at once on SIGTERM when it has nothing to do', async () => {
    const { start } = await scene();
    const agent = await start({ AGENT_GRACE_SECONDS: '600' });
    expect((await agent.get('/status')).body).toMatchObject({ state: 'idle' });
    agent.process.killAlone('SIGTERM');
    expect(await agent.process.exited).toEqual({ code: 0, signal: null });
  });

  test.concurrent(
    'without its Redis it is alive, takes no job, says why, and keeps the password to itself',
    async () => {
      const { webhook, start } = await scene();
      const agent = await start({ REDIS_URL: `redis://:password-canary@127.0.0.1:${await freePort()}` });
      expect(await agent.get('/health')).toMatchObject({ status: 200 });
      expect(await agent.post('/run', runRequest(webhook.url, {}))).toMatchObject({
        status: 503,
        body: { error: expect.stringContaining('REDIS_URL') as string },
      });
      expect(await agent.get('/status')).toMatchObject({ status: 503 });
      expect(agent.process.output()).not.toContain('canary');
    },
  );
});
