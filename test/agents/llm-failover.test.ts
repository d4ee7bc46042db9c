/** Who is asked next when a provider fails, what is left of it in the records, and when to give up. */
import nock from '../support/outside';
import { z } from 'zod';
import type { LlmLimits } from '../../agents/_template/src/llm';
import { until } from '../support/until';
import {
  ANTHROPIC,
  anthropicFirst,
  apiError,
  chat,
  claude,
  endpointOnly,
  GOOD,
  KEYS,
  llmWith,
  message,
  MODEL,
  NOTHING,
  QUESTION,
  recorder,
  useEndpoint,
  type Endpoint,
} from './llm-support';

const endpoint = useEndpoint();

describe('failover', () => {
  test.each<[what: string, answer: () => void, reason: RegExp]>([
    ['429', () => claude().reply(429, apiError('rate_limit_error', 'Slow down')), /^429 .*Slow down/],
    ['500', () => claude().reply(500, apiError('api_error', 'Oops')), /^500 .*Oops/],
    ['529', () => claude().reply(529, apiError('overloaded_error', 'Overloaded')), /^529 .*Overloaded/],
    ['402', () => claude().reply(402, apiError('billing_error', 'No credit')), /^402 .*No credit/],
    [
      'a time-out',
      () => claude().delayConnection(60_000).reply(200, message(GOOD)),
      /no answer within|timed out/,
    ],
    [
      'a broken connection',
      () => claude().replyWithError(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
      /Connection error: .*reset/,
    ],
  ])('goes to the next provider on %s, and leaves a trace', async (_what, answer, reason) => {
    answer();
    endpoint.script.push(chat(GOOD));
    const { llm, ctx } = llmWith(anthropicFirst(endpoint), { limits: { pauseMs: 1, tryMs: 1500 } });
    expect(await llm.ask(QUESTION)).toMatchObject({ output: GOOD, model: 'gpt-6-luna' });
    expect(ctx.usages).toMatchObject([
      { provider: 'anthropic', model: MODEL, ...NOTHING },
      { provider: `openai@${endpoint.host}`, inputTokens: 1000 },
    ]);
    expect(ctx.logs).toEqual([
      {
        message: 'llm try failed',
        fields: {
          ask: 'verdict',
          provider: 'anthropic',
          model: MODEL,
          key: 'ANTHROPIC_API_KEY',
          reason: expect.stringMatching(reason) as string,
        },
      },
    ]);
    expect(ctx.tools.map((tool) => [typeof tool.error, typeof tool.result])).toEqual([
      ['string', 'undefined'],
      ['undefined', 'object'],
    ]);
  });

  test.each<[what: string, broken: Endpoint['script'][number], limits: Partial<LlmLimits>]>([
    ['429', { status: 429, body: { error: { message: 'Slow down' } } }, {}],
    ['503 that is no JSON', { status: 503, body: '<h1>Down</h1>' }, {}],
    ['a reset', 'reset', {}],
    ['silence', 'silence', { tryMs: 300 }],
    ['a body that is no completion', { body: { hello: 'world' } }, {}],
    ['a redirect', { status: 307, headers: { location: 'https://elsewhere.example/' }, body: '' }, {}],
  ])('goes on from an endpoint that answers with %s', async (_what, broken, limits) => {
    endpoint.script.push(broken);
    claude().reply(200, message(GOOD));
    const { llm, ctx } = llmWith(
      { LLM_PROVIDERS: `openai:gpt-6-luna@${endpoint.url},anthropic:${MODEL}` },
      { limits: { pauseMs: 1, tryMs: 30_000, ...limits } },
    );
    expect(await llm.ask(QUESTION)).toMatchObject({ provider: 'anthropic' });
    expect(ctx.usages).toMatchObject([NOTHING, { costUsd: 0.004 }]);
  });

  test('goes to the next key when one is refused, names its variable, and does not use it again', async () => {
    const auth = { authorization: `Bearer ${KEYS.ANTHROPIC_API_KEY}` };
    nock(ANTHROPIC, { reqheaders: auth })
      .post('/v1/messages')
      .reply(401, apiError('authentication_error', `invalid key ${KEYS.ANTHROPIC_API_KEY}`));
    const second = { authorization: `Bearer ${KEYS.SECOND_KEY}` };
    nock(ANTHROPIC, { reqheaders: second })
      .post('/v1/messages')
      .reply(529, apiError('overloaded_error', 'Busy'));
    nock(ANTHROPIC, { reqheaders: second }).post('/v1/messages').reply(200, message(GOOD));
    const { llm, ctx } = llmWith({ LLM_PROVIDERS: `anthropic:${MODEL},anthropic:${MODEL}#SECOND_KEY` });
    expect((await llm.ask(QUESTION)).output).toEqual(GOOD);
    expect(ctx.logs.map(({ fields }) => (fields as { key: string }).key)).toEqual([
      'ANTHROPIC_API_KEY',
      'SECOND_KEY',
    ]);
  });

  test('with every key refused the configuration is to blame', async () => {
    claude().reply(401, apiError('authentication_error', 'invalid x-api-key'));
    const { llm } = llmWith({});
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'configuration',
      message: expect.stringMatching(/401 .*key from ANTHROPIC_API_KEY/) as string,
    });
  });

  test.each([400, 404, 413])('does not take what is our own fault (%d) elsewhere', async (status) => {
    claude().reply(status, apiError('invalid_request_error', 'max_tokens: too large'));
    const { llm, ctx } = llmWith(anthropicFirst(endpoint));
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'configuration',
      message: expect.stringContaining('max_tokens: too large') as string,
    });
    expect(endpoint.requests).toEqual([]);
    expect(ctx.usages).toHaveLength(1);
  });

  test('goes round the list again, then gives up with every reason', async () => {
    const busy = { status: 429, body: { error: { message: 'Busy' } } };
    endpoint.script.push(busy, busy);
    claude().times(2).reply(503, apiError('api_error', 'Down'));
    const { llm, ctx } = llmWith(anthropicFirst(endpoint), { limits: { pauseMs: 1, rounds: 2 } });
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/503 .*Down.*; openai@.*429 Busy$/) as string,
    });
    expect(ctx.usages).toHaveLength(4);
  });

  test('a provider that says when to come back is not asked sooner', async () => {
    endpoint.script.push({ status: 429, headers: { 'retry-after': '1' }, body: {} }, chat(GOOD));
    const { llm } = llmWith(endpointOnly(endpoint));
    const startedAt = performance.now();
    await llm.ask(QUESTION);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
  });
});

describe('time and the job', () => {
  test('the whole question has one deadline', async () => {
    endpoint.script.push({ status: 503, headers: { 'retry-after': '3600' }, body: {} });
    const { llm } = llmWith(endpointOnly(endpoint), { limits: { pauseMs: 1, totalMs: 400 } });
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'verdict: no answer within 0.4 s in all',
    });
  });

  test('a job that is stopped stops the request, with its own reason', async () => {
    endpoint.script.push('silence');
    const ctx = recorder();
    const { llm } = llmWith(endpointOnly(endpoint), { ctx });
    const asked = llm.ask(QUESTION);
    const stopped = expect(asked).rejects.toThrow('cancelled');
    await until(() => endpoint.requests.length > 0);
    ctx.stop.abort(new Error('cancelled'));
    await stopped;
    expect(ctx.usages).toEqual([]);
  });
});

test('no key turns up in an error, a log, the usage or a tool call', async () => {
  const leak = `your key ${KEYS.ANTHROPIC_API_KEY} is bad`;
  claude().reply(401, apiError('authentication_error', leak));
  endpoint.script.push(
    { status: 500, body: { error: { message: `and so is ${KEYS.OPENAI_API_KEY}` } } },
    chat({ verdict: KEYS.OPENAI_API_KEY }),
    chat({ verdict: KEYS.OPENAI_API_KEY }),
  );
  const { llm, ctx } = llmWith(anthropicFirst(endpoint));
  const error = await llm
    .ask({ ...QUESTION, schema: z.object({ verdict: z.string().startsWith('x') }) })
    .catch((e: Error) => e);
  if (!(error instanceof Error)) throw new Error('the answer should not fit');
  const seen = JSON.stringify([
    error,
    String(error),
    error.stack,
    error.cause,
    ctx.logs,
    ctx.usages,
    ctx.tools,
  ]);
  expect(seen).toContain('[redacted]');
  expect(seen).not.toContain('canary');
});
