/** Claude's side of the analyser, against the published shape of the Messages API. */
import nock from 'nock';
import { input, output, run } from '../../agents/seo-analyser/src/jobs/seo-analyser';
import { setVariables, testContext } from './context';

const KEY = 'sk-ant-canary-5521';
const API = 'https://api.anthropic.com';
const PAGE = 'https://example.com/';

let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    ANTHROPIC_API_KEY: KEY,
    ANTHROPIC_MODEL: undefined,
    ANTHROPIC_BASE_URL: undefined,
  });
  nock.disableNetConnect();
});
afterEach(() => {
  restore();
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

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

test('an unknown model is put down at the highest price', async () => {
  const restoreModel = setVariables({ ANTHROPIC_MODEL: 'claude-next-9' });
  nock(API)
    .post('/v1/messages', (body: { model: string }) => body.model === 'claude-next-9')
    .reply(200, message(JSON.stringify(written), { model: 'claude-next-9' }));
  const ctx = testContext();
  await analyse(ctx);
  restoreModel();
  expect(ctx.usages).toMatchObject([{ model: 'claude-next-9', costUsd: 0.02 }]);
});

const error = (type: string, text: string) => ({
  type: 'error',
  error: { type, message: text },
  request_id: 'req_1',
});
const noRetry = { 'x-should-retry': 'false' };

test.each<[what: string, billed: boolean, answer: () => void, note: RegExp]>([
  [
    'a refused key',
    false,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(401, error('authentication_error', `bad key ${KEY}`)),
    /401/,
  ],
  [
    'an overloaded API',
    false,
    () => nock(API).post('/v1/messages').reply(529, error('overloaded_error', 'Overloaded'), noRetry),
    /529/,
  ],
  ['text that is no JSON', true, () => nock(API).post('/v1/messages').reply(200, message('Sure!')), /JSON/],
  [
    'JSON of another shape',
    true,
    () => nock(API).post('/v1/messages').reply(200, message('{"summary":3}')),
    /summary/,
  ],
  [
    'an answer that was cut off',
    true,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(200, message('{"sum', { stop_reason: 'max_tokens' })),
    /max_tokens/,
  ],
  [
    'a refusal',
    true,
    () =>
      nock(API)
        .post('/v1/messages')
        .reply(200, message('', { stop_reason: 'refusal' })),
    /refusal/,
  ],
])('on %s the rules write the recommendations and say why', async (_what, billed, answer, note) => {
  answer();
  const ctx = testContext();
  const report = await analyse(ctx);
  expect(report.recommendationsBy).toBe('rules');
  expect(report.recommendationsNote).toMatch(/^Written by rules, because Claude could not be used: /);
  expect(report.recommendationsNote).toMatch(note);
  expect(report.opportunities.length).toBeGreaterThan(0);
  expect(ctx.usages).toHaveLength(billed ? 1 : 0); // what was answered was billed, usable or not
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
