/** What the variables mean, and that each mistake in them is named with its mend. */
import { readConfig } from '../../agents/_template/src/llm/config';
import { costOf, priceOf, PRICES } from '../../agents/_template/src/llm/prices';
import { llmWith, QUESTION } from './llm-support';

const read = (env: NodeJS.ProcessEnv) => readConfig(env);

describe('LLM_PROVIDERS', () => {
  test('unset asks Claude with ANTHROPIC_API_KEY', () => {
    const { targets, mode } = read({ ANTHROPIC_API_KEY: 'k' });
    expect(mode).toBe('live');
    expect(targets).toEqual([
      expect.objectContaining({
        provider: 'anthropic',
        model: 'claude-sonnet-5-5',
        baseUrl: 'https://api.anthropic.com',
        key: 'k',
      }),
    ]);
  });

  test('is a list in order of preference, each with its address and key', () => {
    const { targets, leftOut } = read({
      LLM_PROVIDERS:
        'anthropic:claude-opus-5-5, anthropic:claude-opus-5-5#SECOND,openai:gpt-6-luna@https://proxy.example/v1/#PROXY_KEY,openai-json:llama3:8b@http://localhost:11434/v1',
      LLM_PRICES: '{"openai:llama3:8b":{"input":0,"output":0}}',
      ANTHROPIC_API_KEY: 'one',
      SECOND: 'two',
      PROXY_KEY: 'three',
      OPENAI_API_KEY: 'not for an address of its own',
    });
    expect(leftOut).toEqual([]);
    expect(
      targets.map(({ provider, model, baseUrl, key, format }) => [provider, model, baseUrl, key, format]),
    ).toEqual([
      ['anthropic', 'claude-opus-5-5', 'https://api.anthropic.com', 'one', 'schema'],
      ['anthropic', 'claude-opus-5-5', 'https://api.anthropic.com', 'two', 'schema'],
      ['openai@proxy.example', 'gpt-6-luna', 'https://proxy.example/v1', 'three', 'schema'],
      ['openai@localhost:11434', 'llama3:8b', 'http://localhost:11434/v1', undefined, 'json'],
    ]);
  });

  test('leaves out what has no key, and says so', () => {
    const { ctx, llm } = llmWith({
      LLM_PROVIDERS: 'anthropic:claude-opus-5-5#NO_SUCH_KEY,openai:gpt-6-luna',
    });
    expect(llm.problem).toBeUndefined();
    expect(ctx.logs).toEqual([
      { message: 'llm providers left out', fields: { reasons: ['NO_SUCH_KEY is not set'] } },
    ]);
  });
});

test.each<[what: string, env: NodeJS.ProcessEnv, problem: RegExp]>([
  ['no key', { ANTHROPIC_API_KEY: undefined }, /^ANTHROPIC_API_KEY is not set$/],
  ['an unknown mode', { LLM_MODE: 'alive' }, /^LLM_MODE: must be live, record, replay, fake, not "alive"/],
  [
    'an unknown provider',
    { LLM_PROVIDERS: 'openai:gpt-6-luna,claude' },
    /^LLM_PROVIDERS: entry 2 must be anthropic:MODEL/,
  ],
  [
    'a password in an address',
    { LLM_PROVIDERS: 'openai:m@https://a:sk-canary@c.de' },
    /entry 1 .*no password/,
  ],
  [
    'a token in an address',
    { LLM_PROVIDERS: 'openai:m@https://c.de/v1?key=sk-canary' },
    /entry 1 .*no query/,
  ],
  ['a key instead of its variable', { LLM_PROVIDERS: 'openai:m#sk-canary' }, /entry 1 .*#KEY_VARIABLE/],
  ['only commas', { LLM_PROVIDERS: ' , ' }, /LLM_PROVIDERS names no provider/],
  [
    'a proxy for Claude without a key of its own',
    { LLM_PROVIDERS: 'anthropic:claude-opus-5@https://proxy.example' },
    /entry 1 must end in the variable with the key for that address, as in #ANTHROPIC_API_KEY/,
  ],
  [
    'a model without a price',
    { LLM_PROVIDERS: 'anthropic:claude-opus-99' },
    /no price is known for anthropic:claude-opus-99: set LLM_PRICES=\{"anthropic:claude-opus-99":/,
  ],
  ['prices that are no JSON', { LLM_PRICES: 'cheap' }, /^LLM_PRICES: .*not JSON/],
  ['a price below zero', { LLM_PRICES: '{"openai:m":{"input":-1,"output":1}}' }, /LLM_PRICES[\s\S]*input/],
  ['a price without provider', { LLM_PRICES: '{"m":{"input":1,"output":1}}' }, /LLM_PRICES/],
])('%s is a problem that names its mend, and fails the question', async (_what, env, problem) => {
  const { llm, ctx } = llmWith(env);
  expect(llm.problem).toMatch(problem);
  expect(llm.problem).not.toContain('sk-canary');
  await expect(llm.ask(QUESTION)).rejects.toMatchObject({
    name: 'LlmFailure',
    kind: 'configuration',
    message: expect.stringMatching(problem) as string,
  });
  expect(ctx.usages).toEqual([]);
});

test('a mode that asks nobody needs neither key nor price', () => {
  const env = { ANTHROPIC_API_KEY: undefined, LLM_PROVIDERS: 'anthropic:claude-opus-99' };
  expect(llmWith({ ...env, LLM_MODE: 'fake' }).llm).toMatchObject({ problem: undefined, mode: 'fake' });
  expect(llmWith({ ...env, LLM_MODE: 'replay' }).llm).toMatchObject({ problem: undefined, mode: 'replay' });
});

describe('prices', () => {
  test('each table says of which day it is and where it was read', () => {
    for (const { asOf, source, models } of Object.values(PRICES)) {
      expect(asOf).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(new URL(source).protocol).toBe('https:');
      for (const [model, price] of Object.entries(models)) {
        expect([model, price.input > 0, price.output > price.input]).toEqual([model, true, true]);
        expect([model, price.cacheRead < price.input, price.cacheWrite >= price.input]).toEqual([
          model,
          true,
          true,
        ]);
      }
    }
  });

  test('a snapshot costs what its model costs; another version is another model', () => {
    expect(priceOf('anthropic', 'claude-haiku-4-5-20251001', {})?.input).toBe(1);
    expect(priceOf('openai', 'gpt-6.1-sol-2026-09-29', {})?.output).toBe(10);
    expect(priceOf('anthropic', 'claude-sonnet-5-6', {})).toBeUndefined();
    expect(priceOf('openai', 'claude-sonnet-5', {})).toBeUndefined();
  });

  test('own prices come first; what they leave out of the cache costs as input', () => {
    const { prices } = read({ LLM_PRICES: '{"anthropic:claude-sonnet-5-5":{"input":4,"output":8}}' });
    expect(priceOf('anthropic', 'claude-sonnet-5-5', prices)).toEqual({
      input: 4,
      output: 8,
      cacheRead: 4,
      cacheWrite: 4,
    });
  });

  test('cached input, cache writes, output and long prompts each have their rate', () => {
    const haiku = PRICES.anthropic.models['claude-haiku-5-5'];
    if (!haiku) throw new Error('no such model');
    // 50,000 uncached at 0.1, 30,000 read at 0.01, 20,000 written at 0.125, 1,000 out at 0.5 US dollars per million.
    const short = { input: 100_000, cacheRead: 30_000, cacheWrite: 20_000, output: 1000 };
    expect(costOf(short, haiku)).toBe(0.0083);
    // One token more, and every token of the request costs five times as much.
    expect(costOf({ ...short, input: 100_001 }, haiku)).toBe(0.0415005);
  });
});
