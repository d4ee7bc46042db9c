/** Real answers: Claude by the published shape of the Messages API, others by a local endpoint; and failover. */
import nock from 'nock';
import { z } from 'zod';
import type { LlmLimits } from '../../agents/_template/src/llm';
import {
  ANTHROPIC,
  apiError,
  chat,
  GOOD,
  KEYS,
  llmWith,
  message,
  MODEL,
  QUESTION,
  recorder,
  spent,
  startEndpoint,
  type Endpoint,
} from './llm-support';
import { until } from '../support/until';

let endpoint: Endpoint;
beforeAll(async () => (endpoint = await startEndpoint()));
afterAll(() => endpoint.close());
beforeEach(() => {
  endpoint.requests.length = 0;
  endpoint.script.length = 0;
  nock.disableNetConnect();
  nock.enableNetConnect('127.0.0.1');
});
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
  expect(endpoint.script).toEqual([]);
});

const claude = (): nock.Interceptor => nock(ANTHROPIC).post('/v1/messages');
const anthropicFirst = (): NodeJS.ProcessEnv => ({
  LLM_PROVIDERS: `anthropic:${MODEL},openai:gpt-6-luna@${endpoint.url}#OPENAI_API_KEY`,
});
const endpointOnly = (entry = 'openai:gpt-6-luna'): NodeJS.ProcessEnv => ({
  LLM_PROVIDERS: `${entry}@${endpoint.url}#OPENAI_API_KEY`,
});
const nothing = { inputTokens: 0, outputTokens: 0, costUsd: 0 };

describe('Claude', () => {
  test('is asked by the schema, and its answer is data', async () => {
    let sent: Record<string, unknown> = {};
    nock(ANTHROPIC)
      .matchHeader('authorization', `Bearer ${KEYS.ANTHROPIC_API_KEY}`)
      .post('/v1/messages', (body: Record<string, unknown>) => Boolean((sent = body)))
      .reply(200, message(GOOD));
    const { llm, ctx } = llmWith({});
    const asked = await llm.ask({ ...QUESTION, system: 'You are strict.', temperature: 0.5 });
    expect(asked).toEqual({ output: GOOD, provider: 'anthropic', model: MODEL });
    expect(sent).toEqual({
      model: MODEL,
      max_tokens: 500,
      system: 'You are strict.',
      messages: [{ role: 'user', content: QUESTION.prompt }],
      output_config: {
        format: {
          type: 'json_schema',
          schema: {
            type: 'object',
            properties: {
              verdict: { type: 'string', enum: ['good', 'bad'] },
              why: { type: 'string', description: '(minLength: 3, maxLength: 40)' },
            },
            required: ['verdict', 'why'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(ctx.tools).toEqual([
      {
        name: 'llm',
        params: { ask: 'verdict', provider: 'anthropic', model: MODEL },
        result: expect.objectContaining({ stop: 'end', model: MODEL }) as object,
      },
    ]);
  });

  test('cached tokens are counted, and cost what they cost', async () => {
    claude().reply(200, message(GOOD, { usage: spent(100, 200, 3000, 400) }));
    const { llm, ctx } = llmWith({});
    await llm.ask(QUESTION);
    // 100 × 2 + 3000 × 0.1 + 400 × 2.5 + 200 × 10 US dollars per million.
    expect(ctx.usages).toEqual([
      {
        provider: 'anthropic',
        model: MODEL,
        inputTokens: 3500,
        cacheReadTokens: 3000,
        outputTokens: 200,
        costUsd: 0.0035,
      },
    ]);
  });

  test('without its SDK the question fails with the way to install it', async () => {
    const { llm } = llmWith({}, { anthropic: undefined as never });
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'configuration',
      message: expect.stringMatching(/npm install @anthropic-ai\/sdk/) as string,
    });
  });

  test('one question may go to another model than the rest', async () => {
    nock(ANTHROPIC)
      .post('/v1/messages', (body: { model: string }) => body.model === 'claude-haiku-5-5')
      .reply(200, message(GOOD, { model: 'claude-haiku-5-5' }));
    const { llm, ctx } = llmWith({});
    await llm.ask({ ...QUESTION, model: 'anthropic:claude-haiku-5-5' });
    expect(ctx.usages).toMatchObject([{ model: 'claude-haiku-5-5', costUsd: 0.0002 }]);
  });

  test('an alias that answers under an unknown name costs what was asked for', async () => {
    claude().reply(200, message(GOOD, { model: 'claude-sonnet-5-5-turbo' }));
    const { llm, ctx } = llmWith({});
    await llm.ask(QUESTION);
    expect(ctx.usages).toMatchObject([{ model: 'claude-sonnet-5-5-turbo', costUsd: 0.004 }]);
  });
});

describe('an OpenAI-compatible endpoint', () => {
  test('is asked by the schema, strictly where every field is required', async () => {
    endpoint.script.push(
      chat(GOOD, {
        usage: { prompt_tokens: 1000, completion_tokens: 200, prompt_tokens_details: { cached_tokens: 600 } },
      }),
    );
    const { llm, ctx } = llmWith(endpointOnly());
    const asked = await llm.ask({ ...QUESTION, system: 'You are strict.', temperature: 0.5 });
    expect(asked).toEqual({ output: GOOD, provider: `openai@${endpoint.host}`, model: 'gpt-6-luna' });
    const [request] = endpoint.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers.authorization).toBe(`Bearer ${KEYS.OPENAI_API_KEY}`);
    expect(request?.body).toMatchObject({
      model: 'gpt-6-luna',
      max_completion_tokens: 500,
      temperature: 0.5,
      messages: [
        { role: 'system', content: 'You are strict.' },
        { role: 'user', content: QUESTION.prompt },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'verdict', strict: true } },
    });
    // 400 × 0.1 + 600 × 0.01 + 200 × 0.5 US dollars per million.
    expect(ctx.usages).toMatchObject([
      { inputTokens: 1000, cacheReadTokens: 600, outputTokens: 200, costUsd: 0.000146 },
    ]);
  });

  test('that knows no JSON schema is told it in words; without a named key it gets none', async () => {
    endpoint.script.push(chat(`\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\``, { model: 'llama3' }));
    const { llm } = llmWith({
      LLM_PROVIDERS: `openai-json:llama3@${endpoint.url}`,
      LLM_PRICES: '{"openai:llama3":{"input":0,"output":0}}',
    });
    expect((await llm.ask(QUESTION)).output).toEqual(GOOD);
    const [request] = endpoint.requests;
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.body).toMatchObject({ max_tokens: 500, response_format: { type: 'json_object' } });
    expect(request?.body.messages[0]).toMatchObject({
      role: 'system',
      content: expect.stringContaining('"enum":["good","bad"]') as string,
    });
  });
});

describe('an answer that does not fit', () => {
  const bad = { verdict: 'fair', why: 'x' };

  test('is repaired once by who gave it, told what is wrong; both answers are paid for', async () => {
    endpoint.script.push(chat(bad), chat(GOOD));
    claude().reply(529, apiError('overloaded_error', 'Overloaded'));
    const { llm, ctx } = llmWith(anthropicFirst());
    expect((await llm.ask(QUESTION)).output).toEqual(GOOD);
    const [, second] = endpoint.requests;
    expect(second?.body.messages).toEqual([
      { role: 'user', content: QUESTION.prompt },
      { role: 'assistant', content: JSON.stringify(bad) },
      { role: 'user', content: expect.stringMatching(/- verdict: .*\n- why: [\s\S]*mended/) as string },
    ]);
    const paid = { inputTokens: 1000, outputTokens: 200, costUsd: 0.0002 };
    expect(ctx.usages).toMatchObject([{ provider: 'anthropic', ...nothing }, paid, paid]);
  });

  test('twice is a failure that names the fields', async () => {
    endpoint.script.push(chat(bad), chat('Sorry, I cannot.'));
    const { llm, ctx } = llmWith(endpointOnly());
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'schema',
      message: expect.stringMatching(/verdict: .*not even repaired: the answer is not JSON/) as string,
    });
    expect(ctx.usages).toHaveLength(2);
    expect(ctx.logs.map(({ message: text }) => text)).toEqual(Array(2).fill('llm answer does not fit'));
  });

  test.each<[kind: string, answer: object, message: RegExp]>([
    ['truncated', chat('{"ver', {}, { finish_reason: 'length' }), /cut off at maxTokens \(500\)/],
    ['refused', chat('', {}, { message: { content: null, refusal: 'I will not.' } }), /declined/],
    ['refused', chat('', {}, { finish_reason: 'content_filter' }), /declined/],
  ])('because it was %s is not asked for again, but paid for', async (kind, answer, text) => {
    endpoint.script.push(answer as { body: unknown });
    const { llm, ctx } = llmWith(endpointOnly());
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(text) as string,
    });
    expect(ctx.usages).toMatchObject([{ costUsd: 0.0002 }]);
  });

  test.each([
    ['max_tokens', 'truncated'],
    ['refusal', 'refused'],
  ])('of Claude with the reason %s is %s', async (stop_reason, kind) => {
    claude().reply(200, message('', { stop_reason }));
    const { llm, ctx } = llmWith({});
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({ kind });
    expect(ctx.usages).toMatchObject([{ costUsd: 0.004 }]);
  });
});

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
      /Connection error/,
    ],
  ])('goes to the next provider on %s, and leaves a trace', async (_what, answer, reason) => {
    answer();
    endpoint.script.push(chat(GOOD));
    const { llm, ctx } = llmWith(anthropicFirst(), { limits: { pauseMs: 1, tryMs: 1500 } });
    expect(await llm.ask(QUESTION)).toMatchObject({ output: GOOD, model: 'gpt-6-luna' });
    expect(ctx.usages).toMatchObject([
      { provider: 'anthropic', model: MODEL, ...nothing },
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
    expect(ctx.usages).toMatchObject([nothing, { costUsd: 0.004 }]);
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
    const { llm, ctx } = llmWith(anthropicFirst());
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
    const { llm, ctx } = llmWith(anthropicFirst(), { limits: { pauseMs: 1, rounds: 2 } });
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/503 .*Down.*; openai@.*429 Busy$/) as string,
    });
    expect(ctx.usages).toHaveLength(4);
  });

  test('a provider that says when to come back is not asked sooner', async () => {
    endpoint.script.push({ status: 429, headers: { 'retry-after': '1' }, body: {} }, chat(GOOD));
    const { llm } = llmWith(endpointOnly());
    const startedAt = performance.now();
    await llm.ask(QUESTION);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
  });
});

describe('time and the job', () => {
  test('the whole question has one deadline', async () => {
    endpoint.script.push({ status: 503, headers: { 'retry-after': '3600' }, body: {} });
    const { llm } = llmWith(endpointOnly(), { limits: { pauseMs: 1, totalMs: 400 } });
    await expect(llm.ask(QUESTION)).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'verdict: no answer within 0.4 s in all',
    });
  });

  test('a job that is stopped stops the request, with its own reason', async () => {
    endpoint.script.push('silence');
    const ctx = recorder();
    const { llm } = llmWith(endpointOnly(), { ctx });
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
  const { llm, ctx } = llmWith(anthropicFirst());
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

test('a question that is no question is refused before anybody is asked', async () => {
  const { llm } = llmWith({});
  const ask = (more: object) => llm.ask({ name: 'x', schema: z.object({}), maxTokens: 10, ...more });
  await expect(ask({})).rejects.toThrow('x: needs a prompt');
  await expect(ask({ name: 'a b', prompt: 'x' })).rejects.toThrow('name: must be 1 to 60');
  const messages = [{ role: 'user', content: 'x' }];
  await expect(ask({ prompt: 'x', messages })).rejects.toThrow('not both');
  await expect(ask({ messages: [...messages, { role: 'assistant', content: 'y' }] })).rejects.toThrow(
    'end with the user',
  );
});
