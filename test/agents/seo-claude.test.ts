/** Claude's side of the analyser, against the published shape of the Messages API. */
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/seo-analyser/src/jobs/seo-analyser';
import { setVariables, testContext } from './context';

const KEY = 'sk-ant-canary-5521';
const API = 'https://api.anthropic.com';
const PAGE = 'https://example.com/';

useOutside();
let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    ANTHROPIC_API_KEY: KEY,
    OPENAI_API_KEY: undefined,
    LLM_MODE: undefined,
    LLM_PRICES: undefined,
    LLM_PROVIDERS: undefined,
    LLM_RECORDINGS: undefined,
  });
});
afterEach(() => restore());

const win = { title: 'Write a title', why: 'Nobody finds it.', effort: 'low', impact: 'high', pages: [PAGE] };
const written = { summary: 'One page, no title.', opportunities: [win], topWin: win };

function message(text: string, more: object = {}) {
  return {
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5-5',
    content: [{ type: 'text', text, citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 1000,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 200,
      service_tier: 'standard',
    },
    ...more,
  };
}

async function analyse(ctx = testContext()) {
  return output.parse(await run(input.parse({ siteUrl: PAGE, pages: [{ url: PAGE }] }), ctx));
}

test('Claude writes the recommendations; score and problems stay with the rules; the cost is reported', async () => {
  let sent: Record<string, unknown> = {};
  nock(API)
    .matchHeader('authorization', `Bearer ${KEY}`)
    .post('/v1/messages', (body: Record<string, unknown>) => Boolean((sent = body)))
    .reply(200, message(JSON.stringify(written)));
  const ctx = testContext();
  const report = await analyse(ctx);
  expect(report.recommendationsNote).toBeUndefined();
  expect(report).toMatchObject({ ...written, recommendationsBy: 'claude', model: 'claude-sonnet-5-5' });
  expect(report.recommendationsNote).toBeUndefined();
  expect(report.problemsByPage[0]?.problems.map(({ rule }) => rule)).toContain('title-missing');
  expect(sent).toMatchObject({
    model: 'claude-sonnet-5-5',
    output_config: {
      format: { type: 'json_schema', schema: { type: 'object', additionalProperties: false } },
    },
  });
  // 1000 input tokens at 2, 200 output tokens at 10 US dollars per million.
  expect(ctx.usages).toEqual([
    {
      provider: 'anthropic',
      model: 'claude-sonnet-5-5',
      inputTokens: 1000,
      outputTokens: 200,
      costUsd: 0.004,
    },
  ]);
});

test('pages that were not crawled are left out', async () => {
  const invented = { ...win, pages: [PAGE, 'https://example.com/invented'] };
  nock(API)
    .post('/v1/messages')
    .reply(200, message(JSON.stringify({ ...written, opportunities: [invented] })));
  expect((await analyse()).opportunities).toEqual([win]);
});

test('rows of Search Console are shown to the model, and it may name their pages', async () => {
  const found = 'https://example.com/found';
  const answer = { ...written, topWin: { ...win, pages: [found, 'https://example.com/invented'] } };
  let prompt = '';
  nock(API)
    .post('/v1/messages', (body: { messages: { content: string }[] }) => {
      prompt = body.messages[0]?.content ?? '';
      return true;
    })
    .reply(200, message(JSON.stringify(answer)));
  const rows = [{ query: 'red shoes', page: found, clicks: 3, impressions: 900, position: 8 }];
  const report = output.parse(await run(input.parse({ siteUrl: PAGE, rows }), testContext()));
  expect(JSON.parse(prompt)).toMatchObject({ search: { totals: { clicks: 3, impressions: 900 } } });
  expect(report.topWin?.pages).toEqual([found]);
});

test('what does not fit is mended once, and both answers are paid for', async () => {
  const long = { ...written, summary: 'x'.repeat(3001) };
  nock(API)
    .post('/v1/messages')
    .reply(200, message(JSON.stringify(long)));
  nock(API)
    .post('/v1/messages', (body: { messages: unknown[] }) => body.messages.length === 3)
    .reply(200, message(JSON.stringify(written)));
  const ctx = testContext();
  expect(await analyse(ctx)).toMatchObject({ summary: written.summary, recommendationsBy: 'claude' });
  expect(ctx.usages).toHaveLength(2);
});

test('another model may write them instead, and is named', async () => {
  const restoreMore = setVariables({
    LLM_PROVIDERS: 'anthropic:claude-sonnet-5-5,openai:gpt-6-luna',
    OPENAI_API_KEY: 'sk-canary-5522',
  });
  nock(API)
    .post('/v1/messages')
    .reply(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  nock('https://api.openai.com')
    .matchHeader('authorization', 'Bearer sk-canary-5522')
    .post('/v1/chat/completions')
    .reply(200, {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      model: 'gpt-6-luna-2026-09-22',
      choices: [
        { index: 0, message: { role: 'assistant', content: JSON.stringify(written) }, finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: 1000, completion_tokens: 200, total_tokens: 1200 },
    });
  const ctx = testContext();
  const report = await analyse(ctx);
  restoreMore();
  expect(report).toMatchObject({
    ...written,
    recommendationsBy: 'model',
    model: 'gpt-6-luna-2026-09-22',
    recommendationsNote: 'Written by gpt-6-luna-2026-09-22.',
  });
  expect(ctx.usages).toMatchObject([
    { provider: 'anthropic', costUsd: 0 },
    { provider: 'openai', costUsd: 0.0002 },
  ]);
});

test('recommendations that were made up are called so', async () => {
  const restoreMore = setVariables({ LLM_MODE: 'fake', ANTHROPIC_API_KEY: undefined });
  const report = await analyse();
  restoreMore();
  expect(report).toMatchObject({ recommendationsBy: 'model', model: 'fake', summary: 'fake summary' });
  expect(report.recommendationsNote).toBe('Made up, because LLM_MODE is fake.');
});

test('who replays gets the recording or nothing', async () => {
  const restoreMore = setVariables({ LLM_MODE: 'replay' });
  await expect(analyse().finally(restoreMore)).rejects.toThrow(
    /no recording at recordings\/recommendations-.*LLM_MODE=record/,
  );
});

test.each<[what: string, variables: Record<string, string | undefined>, note: RegExp]>([
  ['no key', { ANTHROPIC_API_KEY: undefined }, /^Written by rules: ANTHROPIC_API_KEY is not set\.$/],
  ['a wrong list', { LLM_PROVIDERS: 'claude' }, /^Written by rules: LLM_PROVIDERS: entry 1 must be/],
  ['an unknown price', { LLM_PROVIDERS: 'anthropic:claude-next-9' }, /set LLM_PRICES=/],
])('with %s the rules write the recommendations and name the variable', async (_what, variables, note) => {
  const restoreMore = setVariables(variables);
  const report = await analyse();
  restoreMore();
  expect(report).toMatchObject({
    recommendationsBy: 'rules',
    recommendationsNote: expect.stringMatching(note) as string,
  });
});

const error = (type: string, text: string) => ({
  type: 'error',
  error: { type, message: text },
  request_id: 'req_1',
});
const noPause = { 'retry-after': '0' };

test.each<[what: string, billed: number, answer: () => void, note: RegExp]>([
  [
    'a refused key',
    0,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(401, error('authentication_error', `bad key ${KEY}`)),
    /401/,
  ],
  [
    'an overloaded API',
    0,
    () =>
      nock(API).post('/v1/messages').times(3).reply(529, error('overloaded_error', 'Overloaded'), noPause),
    /529/,
  ],
  [
    'text that is no JSON',
    2,
    () => nock(API).post('/v1/messages').times(2).reply(200, message('Sure!')),
    /not even repaired: the answer is not JSON/,
  ],
  [
    'JSON of another shape',
    2,
    () => nock(API).post('/v1/messages').times(2).reply(200, message('{"summary":3}')),
    /summary/,
  ],
  [
    'an answer that was cut off',
    1,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(200, message('{"sum', { stop_reason: 'max_tokens' })),
    /cut off at maxTokens/,
  ],
  [
    'a refusal',
    1,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(200, message('', { stop_reason: 'refusal' })),
    /declined/,
  ],
])('on %s the rules write the recommendations and say why', async (_what, billed, answer, note) => {
  answer();
  const ctx = testContext();
  const report = await analyse(ctx);
  expect(report.recommendationsBy).toBe('rules');
  expect(report.recommendationsNote).toMatch(/^Written by rules, because the model could not be used: /);
  expect(report.recommendationsNote).toMatch(note);
  expect(report.opportunities.length).toBeGreaterThan(0);
  // What was answered was billed, usable or not; what was not answered leaves a trace without tokens.
  expect(ctx.usages.filter(({ costUsd }) => costUsd > 0)).toHaveLength(billed);
  expect(ctx.usages.length).toBeGreaterThan(0);
  expect(JSON.stringify([report, ctx.logs])).not.toContain(KEY);
});

test('a dry run does not call Claude', async () => {
  const report = await analyse(testContext({ dryRun: true }));
  expect(report).toMatchObject({
    recommendationsBy: 'rules',
    recommendationsNote: expect.stringMatching(/dry run/) as string,
  });
});

test('a cancelled run fails instead of falling back', async () => {
  const ctx = testContext();
  nock(API)
    .post('/v1/messages')
    .reply(() => {
      ctx.stop.abort(new Error('cancelled'));
      return [200, message(JSON.stringify(written))];
    });
  await expect(analyse(ctx)).rejects.toThrow('cancelled');
});
