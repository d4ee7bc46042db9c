/** What every scaffold does, in any language, shown with the job of its template. */
import { AgentRunResult, AgentStatus } from '../../src/contract';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { buildAgents, runRequest, startAgent, SUBJECTS, type Agent } from './agents';

beforeAll(buildAgents, 120_000);

const templates = Object.entries(SUBJECTS).filter(([, { greets }]) => greets);

describe.each(templates)('%s', (name, { agentId, showsItsWork }) => {
  const processes = useProcesses();
  let webhook: WebhookReceiver;

  beforeEach(async () => {
    webhook = await startWebhookReceiver();
  });
  afterEach(() => webhook.close());

  const nextResult = async () => AgentRunResult.parse((await webhook.next()).body);
  const statusOf = async (agent: Agent, query = '') =>
    AgentStatus.parse((await agent.get(`/status${query}`)).body);
  const greet = (input: Record<string, unknown>) => runRequest(webhook.url, input);

  test('runs as many jobs at once as AGENT_CONCURRENCY says, and tells of each', async () => {
    const agent = await startAgent(processes, name, { AGENT_CONCURRENCY: '2' });
    const [first, second, third] = [1, 2, 3].map(() => greet({ pauseMs: 60_000 }));
    if (!first || !second || !third) throw new Error('three requests were made');
    const queryOf = ({ runId, stepId }: typeof first) => `?runId=${runId}&stepId=${stepId}`;

    expect(await agent.post('/run', first)).toMatchObject({ status: 202 });
    expect(await agent.post('/run', second)).toMatchObject({ status: 202 });
    expect(await agent.post('/run', third)).toMatchObject({ status: 429 });
    expect(await statusOf(agent)).toMatchObject({ state: 'running', current: { runId: first.runId } });
    expect((await statusOf(agent, queryOf(second))).current).toMatchObject({ runId: second.runId });

    await agent.post('/cancel', { runId: second.runId, stepId: second.stepId });
    expect(await nextResult()).toMatchObject({ runId: second.runId, error: 'cancelled' });
    await until(async () => (await statusOf(agent, queryOf(second))).current === undefined);
    expect(await statusOf(agent, queryOf(second))).toMatchObject({
      state: 'running',
      last: { runId: second.runId },
    });
    expect(await agent.post('/run', third)).toMatchObject({ status: 202 });

    for (const { runId, stepId } of [first, third]) {
      await agent.post('/cancel', { runId, stepId });
      expect(await nextResult()).toMatchObject({ runId });
    }
    await until(async () => (await statusOf(agent)).state === 'idle');
    expect((await statusOf(agent, queryOf(first))).last).toMatchObject({ runId: first.runId });
    expect((await statusOf(agent)).last).toMatchObject({ runId: third.runId });
  });

  test('lets a running job finish after SIGTERM, but takes no other', async () => {
    const agent = await startAgent(processes, name, { AGENT_GRACE_SECONDS: '30' });
    const request = greet({ pauseMs: 1000 });
    await agent.post('/run', request);
    agent.process.killAlone('SIGTERM');
    const refused = await until(async () => {
      const answer = await agent.post('/run', greet({}));
      return answer.status === 429 && answer;
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await nextResult()).toMatchObject({ runId: request.runId, status: 'success' });
    expect(await agent.process.exited).toEqual({ code: 0, signal: null });
    expect(webhook.deliveries).toHaveLength(1);
  });

  test('makes its own job of STARTUP_INPUT and sends the result where it is told', async () => {
    const agent = await startAgent(processes, name, {
      AGENT_MODE: 'startup',
      STARTUP_INPUT: '{"name":"Ada"}',
      RESULT_WEBHOOK_URL: webhook.url,
    });
    const result = await nextResult();
    expect(result).toMatchObject({ workflowId: 'startup', stepId: agentId, status: 'success' });
    expect(result.output).toEqual({ greetings: ['Hello, Ada!'] });
    await until(async () => (await statusOf(agent)).state === 'idle');
    expect((await statusOf(agent)).last).toEqual(result);
  });

  test('needs nobody for a job of its own: the result is in the log', async () => {
    const env = { AGENT_MODE: 'startup', STARTUP_INPUT: '{"pauseMs":60000}', STARTUP_TIMEOUT_SECONDS: '1' };
    const late = await startAgent(processes, name, env);
    await late.process.waitFor(/"finished".*"status": ?"timeout"/);
    const agent = await startAgent(processes, name, { ...env, STARTUP_INPUT: '{"name":"Ada"}' });
    await agent.process.waitFor(/"finished".*"Hello, Ada!"/);
  });

  test.each([
    ['AGENT_CONCURRENCY', '0'],
    ['AGENT_GRACE_SECONDS', 'long'],
    ['STARTUP_TIMEOUT_SECONDS', '-1'],
    ['STARTUP_INPUT', '["Ada"]'],
  ])('does not start with %s=%s, and names it', async (variable, value) => {
    const env = { AGENT_MODE: 'startup', STARTUP_INPUT: '{}', [variable]: value };
    await expect(startAgent(processes, name, env)).rejects.toThrow(new RegExp(`${variable}: `));
  });

  if (!showsItsWork) return;
  test('shows how far a job is, and records its tool calls', async () => {
    const agent = await startAgent(processes, name);
    await agent.post('/run', greet({ name: 'Ada', times: 2, pauseMs: 500 }));
    await until(async () => {
      const { current } = await statusOf(agent);
      return JSON.stringify(current?.progress) === '{"greeted":1,"of":2}';
    });
    const { progress, toolCalls } = await nextResult();
    expect(progress).toEqual({ greeted: 2, of: 2 });
    const call = { name: 'greet', params: { name: 'Ada' }, result: 'Hello, Ada!' };
    expect(toolCalls).toEqual([expect.objectContaining(call), expect.objectContaining(call)]);
  });
});
