/** A job that does what jobs should not: the result says so, and the agent lives on. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { AgentRunResult } from '../../src/contract';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { ROOT, runRequest, startAgent, type Agent } from './agents';
import { describeReplay } from './replay-calls';

const JOB = `
import * as z from 'zod';
import type { JobContext } from '../contract';

export const input = z.object({ fault: z.string(), calls: z.array(z.tuple([z.string(), z.unknown()])).default([]) });
export const output = z.object({ text: z.string() });

const at = '2026-11-21T08:00:00Z';
const usage = { provider: 'p', model: 'm', inputTokens: 1, outputTokens: 2, costUsd: 0.5 };

export async function run({ fault, calls }: z.infer<typeof input>, ctx: JobContext): Promise<{ text: string }> {
  if (calls.length > 0) return { text: JSON.stringify(await gotBy(calls, fault, ctx)) };
  if (fault === 'throws') throw new Error('broken on purpose');
  if (fault === 'nobody-answers') throw Object.assign(new Error('both are down'), { kind: 'unavailable' });
  if (fault === 'no-recording') throw Object.assign(new Error('no recording at x'), { kind: 'no-recording' });
  if (fault === 'throws-with-causes')
    throw new Error('cannot read', { cause: new TypeError('fetch failed', { cause: refusedByAll() }) });
  if (fault === 'throws-a-text') throw 'only a text';
  if (fault === 'throws-unawaited') setTimeout(() => { throw new Error('nobody awaits this'); }, 1);
  if (fault === 'rejects-unawaited') void Promise.reject(new Error('nobody handles this'));
  if (fault.endsWith('unawaited')) await new Promise(() => undefined);
  if (fault === 'wrong-output') return { text: 7 as unknown as string };
  if (fault === 'huge-output') return { text: 'x'.repeat(5 * 1024 * 1024) };
  if (fault === 'wrong-usage') ctx.usage({ ...usage, costUsd: -1 });
  if (fault === 'wrong-action') ctx.action({ type: 'message.send', at: 'yesterday' });
  if (fault === 'action') ctx.action({ type: 'message.send', at });
  if (fault === 'records') {
    ctx.usage(usage);
    ctx.action({ type: 'message.send', platform: 'slack', reach: 3, at });
    const params = { list: [1] };
    await ctx.tool('search', params, async () => 'x'.repeat(100_000));
    params.list.push(2);
    await ctx.tool('ask', 1n, () => { throw new Error('no answer'); }).catch(() => undefined);
  }
  if (fault === 'many-records') for (let n = 0; n < 1500; n++) ctx.usage(usage);
  return { text: 'done' };
}

/** As of two addresses that refuse: without a message of its own. */
const refusedByAll = () => Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });

async function gotBy(calls: [string, unknown][], fault: string, ctx: JobContext): Promise<unknown[]> {
  const got = [];
  for (const [name, params] of calls)
    if (name === 'wait') await new Promise((done) => ctx.signal.aborted ? done('') : ctx.signal.onabort = done);
    else
      got.push(await ctx.tool<unknown>(name, params, () => 'asked').catch((error) => {
        if (fault === 'lets-it-through') throw error;
        return 'failed: ' + error.message;
      }));
  return got;
}
`;

const processes = useProcesses();
let webhook: WebhookReceiver;
let agent: Agent;
let folder: string;
let removeFolder: () => Promise<void>;

beforeAll(async () => {
  webhook = await startWebhookReceiver();
  ({ path: folder, remove: removeFolder } = await temporaryFolder());
  for (const part of ['src', 'package.json', 'Procfile'])
    await cp(join(ROOT, 'agents/_template', part), join(folder, part), { recursive: true });
  await writeFile(join(folder, 'src/jobs/hello.ts'), JOB);
  await build({
    entryPoints: [join(folder, 'src/index.ts')],
    outfile: join(folder, 'dist/index.js'),
    bundle: true,
    platform: 'node',
    nodePaths: [join(ROOT, 'node_modules')],
    external: ['bullmq'],
    logLevel: 'warning',
  });
  agent = await startAgent(processes, folder);
});

afterAll(async () => {
  await webhook.close();
  await removeFolder();
});

async function resultOf(fault: string, config = {}, more = {}): Promise<AgentRunResult> {
  const request = runRequest(webhook.url, { fault, ...more }, config);
  expect(await agent.post('/run', request)).toMatchObject({ status: 202 });
  return AgentRunResult.parse((await webhook.next()).body);
}

test.each([
  ['throws', 'broken on purpose'],
  ['throws-with-causes', 'cannot read: fetch failed: ECONNREFUSED'],
  ['throws-a-text', 'only a text'],
  ['wrong-output', 'output.text: '],
  ['huge-output', 'the limit is 4194304'],
  ['wrong-usage', 'usage.costUsd: '],
  ['wrong-action', 'action.at: '],
])('a job that %s', async (fault, error) => {
  expect(await resultOf(fault)).toMatchObject({
    status: 'error',
    output: {},
    error: expect.stringContaining(error) as string,
  });
});

test('the log tells where a job threw, and nothing more of what is known anyway', async () => {
  await resultOf('throws');
  await agent.process.waitFor(/"message":"failed",[^\n]*"stack":"Error: broken on purpose\\n +at [^"]*run /);
  await resultOf('wrong-output');
  await agent.process.waitFor(/"message":"finished",[^\n]*output\.text: /);
  expect(agent.process.output()).not.toMatch(/"stack":"[^\n]*output\.text/);
});

describe('a job that is done once more', () => {
  describeReplay((calls, config, fault = '') => resultOf(fault, config, { calls }));
});

test('records what it consumed, did and called, in copies of a bounded size', async () => {
  const { usage, actions, toolCalls } = await resultOf('records');
  const raw = webhook.deliveries.at(-1)?.raw.toString() ?? '';
  expect(usage).toEqual([{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 2, costUsd: 0.5 }]);
  expect(actions).toMatchObject([{ type: 'message.send', platform: 'slack', reach: 3 }]);
  expect(toolCalls).toMatchObject([
    {
      name: 'search',
      params: { list: [1] },
      result: expect.stringMatching(/^"x+… \(100002 characters\)$/) as string,
      shortened: true,
    },
    { name: 'ask', params: expect.stringContaining('not JSON') as string, shortened: true },
  ]);
  expect(raw).toContain('"error":"no answer"');
  expect(raw.length).toBeLessThan(10_000);
});

test('does not record more than the contract lets through', async () => {
  const { status, usage } = await resultOf('many-records');
  expect([status, usage?.length]).toEqual(['success', 1000]);
  await agent.process.waitFor(/not recorded: too many records/);
});

test('has no effects in a dry run', async () => {
  const result = await resultOf('action', { dryRun: true });
  expect(result).toMatchObject({ status: 'error', error: expect.stringContaining('dry run') as string });
  expect(result.actions).toBeUndefined();
});

// Each has an agent of its own: such a job never ends, and keeps it busy.
test('lives on after what nobody awaits, and reports it', async () => {
  for (const [fault, error] of [
    ['throws-unawaited', 'nobody awaits this'],
    ['rejects-unawaited', 'nobody handles this'],
  ] as const) {
    const other = await startAgent(processes, folder);
    await other.post('/run', runRequest(webhook.url, { fault }));
    expect((await webhook.next()).body).toMatchObject({ status: 'error', error });
    expect(await other.get('/health')).toMatchObject({ status: 200 });
  }
});
