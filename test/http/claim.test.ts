/** Agents in startup mode ask for their job. */
import { AGENT_SECRET, startApi, type Api } from './support/api';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const claim = (json: object) => api.call('POST', '/webhook/claim', { json });
const crawler = { agentId: 'crawler', bootId: 'boot-9', secret: AGENT_SECRET };

it('hands over the job that waits', async () => {
  api.cloud.healthy = false; // only its claim tells that it is ready
  const { body: run } = await api.startRun();
  const { status, body } = await claim(crawler);
  expect(status).toBe(200);
  expect(body).toMatchObject({ runId: run.id, stepId: 'crawl', config: { attempt: 1 } });
});

it('answers 204 when there is nothing to do', async () => {
  const { status, text } = await claim(crawler);
  expect([status, text]).toEqual([204, '']);
});

it.each([
  ['an agent that is not known', { ...crawler, agentId: 'nobody' }],
  ['an agent that holds no secret', { ...crawler, agentId: 'writer' }],
  ['a wrong secret', { ...crawler, secret: 'wrong' }],
  ['the beginning of the secret', { ...crawler, secret: AGENT_SECRET.slice(0, -1) }],
])('gives %s the same answer', async (_who, json) => {
  const { status, body } = await claim(json);
  const { requestId: _id, ...rest } = body as Record<string, unknown>;
  expect(status).toBe(401);
  expect(rest).toMatchObject({ code: 'claim-refused' });
  expect(Object.keys(rest).sort()).toEqual(['code', 'hint', 'status', 'title', 'type']);
});

it.each([
  [{ agentId: 'crawler', bootId: 'b' }, 'body.secret'],
  [{ agentId: 'crawler', secret: AGENT_SECRET }, 'body.bootId'],
  [{ ...crawler, secret: '' }, 'body.secret'],
])('names the wrong field of %j', async (json, field) => {
  const { status, body } = await claim(json);
  expect([status, body.errors?.[0]?.field]).toEqual([400, field]);
});

it('says 503 while the store is down, so that the agent asks again', async () => {
  api.outage.error = new Error('gone');
  expect((await claim(crawler)).status).toBe(503);
});
