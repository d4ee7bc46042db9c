/** Real answers: Claude by the published shape of the Messages API, others by a local endpoint. */
import nock from '../support/outside';
import { z } from 'zod';
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
  spent,
  useEndpoint,
} from './llm-support';

const endpoint = useEndpoint();

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

  test('is paid for in boot time only when asked: its SDK is loaded by the first question', async () => {
    let loads = 0;
    const anthropic = () => {
      loads++;
      return import('@anthropic-ai/sdk');
    };
    await llmWith({ LLM_MODE: 'fake' }, { anthropic }).llm.ask(QUESTION);
    const { llm } = llmWith({}, { anthropic });
    expect(loads).toBe(0);
    claude().reply(200, message(GOOD));
    await llm.ask(QUESTION);
    expect(loads).toBe(1);
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
    const { llm, ctx } = llmWith(endpointOnly(endpoint));
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
    const { llm, ctx } = llmWith(anthropicFirst(endpoint));
    expect((await llm.ask(QUESTION)).output).toEqual(GOOD);
    const [, second] = endpoint.requests;
    expect(second?.body.messages).toEqual([
      { role: 'user', content: QUESTION.prompt },
      { role: 'assistant', content: JSON.stringify(bad) },
      { role: 'user', content: expect.stringMatching(/- verdict: .*\n- why: [\s\S]*mended/) as string },
    ]);
    const paid = { inputTokens: 1000, outputTokens: 200, costUsd: 0.0002 };
    expect(ctx.usages).toMatchObject([{ provider: 'anthropic', ...NOTHING }, paid, paid]);
  });

  test('twice is a failure that names the fields', async () => {
    endpoint.script.push(chat(bad), chat('Sorry, I cannot.'));
    const { llm, ctx } = llmWith(endpointOnly(endpoint));
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
    const { llm, ctx } = llmWith(endpointOnly(endpoint));
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
