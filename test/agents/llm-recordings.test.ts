/** Answers are kept and given back; who lacks one is told how to get it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folders';
import { chat, GOOD, KEYS, llmWith, QUESTION, startEndpoint, type Endpoint } from './llm-support';

let endpoint: Endpoint;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let recordings: string;
beforeAll(async () => (endpoint = await startEndpoint()));
afterAll(() => endpoint.close());
beforeEach(async () => {
  endpoint.requests.length = 0;
  endpoint.script.length = 0;
  folder = await temporaryFolder();
  recordings = join(folder.path, 'recordings');
});
afterEach(() => folder.remove());

const mode = (LLM_MODE: string) =>
  llmWith({
    LLM_MODE,
    LLM_RECORDINGS: recordings,
    LLM_PROVIDERS: `openai:gpt-6-luna@${endpoint.url}#OPENAI_API_KEY`,
  });

test('a question with its repair is recorded, one file a request, and replayed without anybody being asked', async () => {
  endpoint.script.push(chat({ verdict: 'fair' }), chat(GOOD));
  const recorded = mode('record');
  await recorded.llm.ask(QUESTION);
  expect(recorded.ctx.usages).toHaveLength(2);
  const files = await readdir(recordings);
  expect(files).toEqual(Array(2).fill(expect.stringMatching(/^verdict-[0-9a-f]{16}\.json$/)));

  const replayed = mode('replay');
  expect(await replayed.llm.ask(QUESTION)).toEqual({ output: GOOD, provider: 'replay', model: 'gpt-6-luna' });
  expect(endpoint.requests).toHaveLength(2);
  // The same tokens, but paid for only once.
  const replay = {
    provider: 'replay',
    model: 'gpt-6-luna',
    inputTokens: 1000,
    outputTokens: 200,
    costUsd: 0,
  };
  expect(replayed.ctx.usages).toEqual([replay, replay]);
});

test('a recording can be read by people, and holds no key', async () => {
  endpoint.script.push(chat({ ...GOOD, why: KEYS.OPENAI_API_KEY }));
  await mode('record').llm.ask({ ...QUESTION, prompt: `Is ${KEYS.OPENAI_API_KEY} good?` });
  const [name = ''] = await readdir(recordings);
  const text = await readFile(join(recordings, name), 'utf8');
  expect(text).not.toContain('canary');
  expect(text.split('\n').length).toBeGreaterThan(20);
  expect(JSON.parse(text)).toMatchObject({
    recordedAt: expect.stringMatching(/^20\d\d-/) as string,
    request: {
      name: 'verdict',
      messages: [{ role: 'user', content: 'Is [redacted] good?' }],
      maxTokens: 500,
    },
    answer: { stop: 'end', usage: { provider: `openai@${endpoint.host}`, costUsd: 0.0002 } },
  });
});

test('what is recorded does not depend on who is asked', async () => {
  endpoint.script.push(chat(GOOD));
  await mode('record').llm.ask(QUESTION);
  const { llm } = llmWith({ LLM_MODE: 'replay', LLM_RECORDINGS: recordings, ANTHROPIC_API_KEY: undefined });
  expect((await llm.ask(QUESTION)).output).toEqual(GOOD);
});

test.each<[what: string, change: object]>([
  ['prompt', { prompt: 'Is this text bad?' }],
  ['system', { system: 'You are kind.' }],
  ['maxTokens', { maxTokens: 501 }],
  ['temperature', { temperature: 1 }],
  ['model', { model: 'openai:gpt-6-sol' }],
])(
  'another %s is another request, and its recording is missed with the command that makes it',
  async (_what, change) => {
    endpoint.script.push(chat(GOOD));
    await mode('record').llm.ask(QUESTION);
    const { llm, ctx } = mode('replay');
    await expect(llm.ask({ ...QUESTION, ...change })).rejects.toMatchObject({
      kind: 'no-recording',
      message: expect.stringMatching(
        /^no recording at .*verdict-[0-9a-f]{16}\.json; make it with: LLM_MODE=record LLM_RECORDINGS=\S+ node /,
      ) as string,
    });
    expect(endpoint.requests).toHaveLength(1);
    expect(ctx.usages).toEqual([]);
  },
);

test('the command has a place for the key that is missing', async () => {
  const { llm } = llmWith({ LLM_MODE: 'replay', ANTHROPIC_API_KEY: undefined });
  await expect(llm.ask({ ...QUESTION, name: 'never-recorded' })).rejects.toThrow(
    /no recording at recordings\/never-recorded-.*LLM_MODE=record ANTHROPIC_API_KEY=YOUR_KEY node /,
  );
});

test('a file that is no recording is named', async () => {
  endpoint.script.push(chat(GOOD));
  await mode('record').llm.ask(QUESTION);
  const [name = ''] = await readdir(recordings);
  await writeFile(join(recordings, name), '{"answer":{}}');
  await expect(mode('replay').llm.ask(QUESTION)).rejects.toMatchObject({
    kind: 'no-recording',
    message: expect.stringMatching(
      /verdict-.*: not a recording: [\s\S]*delete it and record it anew/,
    ) as string,
  });
});

test('a folder that cannot be read is an error of its own', async () => {
  endpoint.script.push(chat(GOOD));
  await mode('record').llm.ask(QUESTION);
  const [name = ''] = await readdir(recordings);
  recordings = join(folder.path, 'other');
  await mkdir(join(recordings, name), { recursive: true });
  await expect(mode('replay').llm.ask(QUESTION)).rejects.toMatchObject({ code: 'EISDIR' });
});
