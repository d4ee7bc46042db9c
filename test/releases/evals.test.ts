/** Evaluations at work: an agent does its cases in the sandbox, rules, schemas and a judge look at what it gives. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateFolder, RECORDINGS } from '../../src/releases/pipeline';
import type { LlmMode } from '../../src/releases/sandbox/environment';
import { temporaryFolder } from '../support/folders';
import { writeAgent, type AgentFiles } from './support/agents';

const KEY = 'judge-key-canary-0123456789';
/** Remembers, in a file of its folder, how often it was asked, and does well every other time. */
const FLAKY = `const fs = require('node:fs'); const n = fs.existsSync('count') ? Number(fs.readFileSync('count', 'utf8')) : 0;
  fs.writeFileSync('count', String(n + 1)); return { good: n % 2 === 0 };`;

describe('an evaluation', () => {
  let root: string;
  let remove: () => Promise<void>;
  let provider: Server;
  let asked: string[] = [];
  let n = 0;
  const saved = { ...process.env };

  beforeAll(async () => {
    ({ path: root, remove } = await temporaryFolder());
    provider = createServer((req, res) => {
      void (async () => {
        let text = '';
        for await (const chunk of req) text += String(chunk);
        asked.push(text);
        const content = JSON.stringify({
          reason: 'It greets.',
          score: text.includes('Hello, Eve') ? 0.2 : 0.9,
        });
        const message = { role: 'assistant', content };
        const answer = { model: 'judge-1', choices: [{ message, finish_reason: 'stop' }] };
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ ...answer, usage: { prompt_tokens: 5, completion_tokens: 5 } }));
      })();
    }).listen(0, '127.0.0.1');
    await once(provider, 'listening');
    const { port } = provider.address() as AddressInfo;
    process.env['LLM_PROVIDERS'] = `openai:judge-1@http://127.0.0.1:${port}/v1#JUDGE_KEY`;
    process.env['LLM_PRICES'] = '{"openai:judge-1":{"input":0,"output":0}}';
    process.env['JUDGE_KEY'] = KEY;
  });
  beforeEach(() => (asked = []));
  afterAll(async () => {
    for (const name of ['LLM_PROVIDERS', 'LLM_PRICES', 'JUDGE_KEY'])
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    provider.closeAllConnections();
    provider.close();
    await once(provider, 'close');
    await remove();
  });

  const evaluate = (suite: unknown, { llm = 'replay', ...agent }: AgentFiles & { llm?: LlmMode } = {}) => {
    const files = {
      ...agent.files,
      ...(suite !== undefined && { 'evals/greets.json': JSON.stringify(suite) }),
    };
    const written = writeAgent(root, `agent-${(n += 1)}`, { ...agent, files });
    return evaluateFolder({ ...written, manifest: { models: [] }, llm });
  };
  const greets = (name: string, more: object = {}) => ({
    ...{ name, input: { name } },
    checks: [{ rule: { path: 'output.greeting', equals: `Hello, ${name}!` } }],
    ...more,
  });

  it('passes what does well, and fails what does not, by name', async () => {
    const refuses = {
      ...{ name: 'refuses', input: { name: 5 } },
      checks: [
        { rule: { path: 'status', equals: 'error' } },
        { rule: { path: 'error', contains: 'input.name' } },
      ],
    };
    expect(await evaluate({ cases: [greets('Ada'), refuses] })).toMatchObject({
      ...{ stage: 'evals', verdict: 'pass', reason: 'greets: 2 of 2 passed' },
    });
    const bad = await evaluate({ cases: [greets('Ada'), greets('Eve', { input: {} })] });
    expect(bad).toMatchObject({
      verdict: 'fail',
      reason:
        'greets: 1 of 2 passed; Eve: rule: output.greeting is "Hello, world!", not equals "Hello, Eve!"',
    });
  });

  it('says what is flaky, and lets it pass as often as is asked for', async () => {
    const one = {
      ...{ name: 'good', input: {}, repeats: 4, passes: 2 },
      checks: [{ rule: { path: 'output.good', equals: true } }],
    };
    const report = await evaluate({ cases: [one] }, { job: FLAKY });
    expect(report).toMatchObject({ verdict: 'pass', reason: 'greets: 1 of 1 passed, flaky: good' });
    expect(report.report).toMatchObject({
      suites: [{ cases: [{ flaky: true, times: { held: 2, of: 4 } }] }],
    });
    const strict = await evaluate({ cases: [{ ...one, passes: 4 }] }, { job: FLAKY });
    expect(strict).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('flaky: good') as string,
    });
  });

  it.each<[string, unknown, AgentFiles & { llm?: LlmMode }, string, RegExp]>([
    ['no suite', undefined, {}, 'inconclusive', /no evals/],
    [
      'a suite that is none',
      { cases: [{ name: 'a' }] },
      {},
      'fail',
      /^evals\/greets.json does not fit: cases.0.input/,
    ],
    [
      'an agent that does not boot',
      { cases: [greets('Ada')] },
      { first: 'process.exit(1)' },
      'fail',
      /^it did not boot/,
    ],
    [
      'an agent that ends',
      { cases: [greets('Ada'), greets('Eve')] },
      { job: 'process.exit(1)' },
      'fail',
      /0 of 2 passed/,
    ],
    [
      'answers that were made up',
      { cases: [greets('Ada')] },
      {
        job: 'return { greeting: "Hello, Ada!", usage: [{ provider: "fake", model: "fake", inputTokens: 1, outputTokens: 1 }] };',
      },
      'inconclusive',
      /made up/,
    ],
  ])('with %s', async (_what, suite, agent, verdict, reason) => {
    const report = await evaluate(suite, agent);
    expect(report.verdict).toBe(verdict);
    expect(report.reason).toMatch(reason);
  });

  it('asks a judge: live, recorded, and from the recordings without a key', async () => {
    const judged = (name: string) =>
      greets(name, { checks: [{ judge: { question: 'Is it kind to Ada?' } }] });
    const written = writeAgent(root, 'judged', {
      files: { 'evals/kind.yaml': JSON.stringify({ cases: [judged('Ada')] }) },
    });
    const by = (llm: LlmMode) => evaluateFolder({ ...written, manifest: { models: [] }, llm });
    expect(await by('replay')).toMatchObject({
      ...{ verdict: 'inconclusive', reason: expect.stringContaining('--llm record') as string },
    });
    expect(asked).toEqual([]);
    expect(await by('record')).toMatchObject({ verdict: 'pass' });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain('<delivered>');
    expect(readdirSync(join(written.folder, RECORDINGS))).toHaveLength(1);
    delete process.env['JUDGE_KEY'];
    try {
      const replayed = await by('replay');
      expect(replayed).toMatchObject({ verdict: 'pass', report: { judgedBy: ['replay'] } });
      expect(JSON.stringify(replayed)).not.toContain(KEY);
    } finally {
      process.env['JUDGE_KEY'] = KEY;
    }
    expect(asked).toHaveLength(1);
    expect(await evaluate({ cases: [judged('Eve')] }, { llm: 'live' })).toMatchObject({
      verdict: 'fail',
      reason: 'greets: 0 of 1 passed; Eve: judge: 0.20 of 0.70: It greets.',
    });
    expect(await by('fake')).toMatchObject({ verdict: 'inconclusive' });
  });
});
