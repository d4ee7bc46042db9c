/** Jobs in Python that do what jobs should not, and clients that do: the agent says so, and lives on. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { AgentRunResult, type AgentStatus } from '../../src/contract';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { ROOT, runRequest, startAgent, type Agent } from './agents';
import { describeReplay } from './replay-calls';

const JOB = `
import json, sys, time
from scaffold.schema import anything, list_of, optional, record, text

INPUT = record(fault=text(), calls=optional(list_of(anything()), []))
OUTPUT = record(text=text(0, 10_000_000), more=anything())
SPENT = {'provider': 'p', 'model': 'm', 'inputTokens': 1, 'outputTokens': 2}

def run(input, ctx):
    fault = input['fault']
    if input['calls']: return {'text': json.dumps(got_by(input['calls'], fault, ctx))}
    if fault == 'nobody-answers': raise Failure('unavailable')
    if fault == 'no-recording': raise Failure('no-recording')
    if fault == 'throws': raise RuntimeError('broken on purpose')
    if fault == 'throws-a-key': return {}['absent']
    if fault == 'exits': sys.exit(3)
    if fault == 'wrong-output': return {'text': 7}
    if fault == 'huge-output': return {'text': 'x' * 5 * 1024 * 1024}
    if fault == 'output-of-no-json': return {'text': '', 'more': {1, 2}}
    if fault == 'output-of-no-number': return {'text': '', 'more': float('nan')}
    if fault == 'recurses': return run(input, ctx)
    if fault == 'wrong-usage': ctx.usage(**SPENT, costUsd=-1)
    if fault == 'action': ctx.action(type='message.send', platform='slack', reach=3)
    if fault == 'records': ctx.usage(**SPENT, costUsd=0.5)
    if fault == 'computes':
        while True: sum(range(1000))
    return {'text': 'done'}

class Failure(Exception):
    def __init__(self, kind): self.kind = kind

def got_by(calls, fault, ctx):
    got = []
    for name, params in calls:
        if name == 'wait': ctx.signal.wait()
        else:
            try: got.append(ctx.tool(name, params, lambda: 'asked'))
            except Exception as error:
                if fault == 'lets-it-through': raise
                got.append(f'failed: {error}')
    return got
`;

const processes = useProcesses();
let webhook: WebhookReceiver;
let agent: Agent;
let folder: string;
let removeFolder: () => Promise<void>;

beforeAll(async () => {
  webhook = await startWebhookReceiver();
  ({ path: folder, remove: removeFolder } = await temporaryFolder());
  await cp(join(ROOT, 'agents/_template-python'), folder, { recursive: true });
  await writeFile(join(folder, 'jobs/hello.py'), JOB);
  agent = await startAgent(processes, folder);
});

afterAll(async () => {
  await webhook.close();
  await removeFolder();
});

const request = (fault: string, config = {}, more = {}) =>
  runRequest(webhook.url, { fault, ...more }, config);
const nextResult = async () => AgentRunResult.parse((await webhook.next()).body);

async function resultOf(fault: string, config = {}, more = {}): Promise<AgentRunResult> {
  // The result of the job before is delivered a moment before the agent is free.
  await until(async () => ((await agent.get('/status')).body as AgentStatus).state === 'idle');
  expect(await agent.post('/run', request(fault, config, more))).toMatchObject({ status: 202 });
  return nextResult();
}

describe('a job that is done once more', () => {
  describeReplay((calls, config, fault = '') => resultOf(fault, config, { calls }));
});

test.each([
  ['throws', 'broken on purpose'],
  ['throws-a-key', "KeyError: 'absent'"],
  ['exits', 'SystemExit: 3'],
  ['wrong-output', 'output.text: '],
  ['huge-output', 'the limit is 4194304'],
  ['output-of-no-json', 'not JSON serializable'],
  ['output-of-no-number', 'not JSON compliant'],
  ['recurses', 'maximum recursion depth'],
  ['wrong-usage', 'usage.costUsd: '],
])('a job that %s', async (fault, error) => {
  expect(await resultOf(fault)).toMatchObject({
    status: 'error',
    output: {},
    error: expect.stringContaining(error) as string,
  });
});

test('writes down where a job threw', async () => {
  await resultOf('throws');
  await agent.process.waitFor(/"failed","stack":"Traceback.*hello\.py.*broken on purpose/);
});

test('records what a job consumed and did; has no effects in a dry run', async () => {
  const spent = { provider: 'p', model: 'm', inputTokens: 1, outputTokens: 2, costUsd: 0.5 };
  expect((await resultOf('records')).usage).toEqual([spent]);
  expect((await resultOf('action')).actions).toMatchObject([
    { type: 'message.send', platform: 'slack', reach: 3 },
  ]);
  const dry = await resultOf('action', { dryRun: true });
  expect(dry).toMatchObject({ status: 'error', error: expect.stringContaining('dry run') as string });
  expect(dry.actions).toBeUndefined();
});

describe('with a job that ignores its signal and computes on', () => {
  test('reports its timeout, stays busy, answers meanwhile, and ends within its grace', async () => {
    const stubborn = await startAgent(processes, folder, { AGENT_GRACE_SECONDS: '1' });
    const endless = request('computes', { timeoutSeconds: 0.5 });
    await stubborn.post('/run', endless);
    expect(await nextResult()).toMatchObject({ runId: endless.runId, status: 'timeout' });
    expect((await stubborn.get('/status')).body).toMatchObject({
      state: 'running',
      current: { runId: endless.runId },
      last: { runId: endless.runId, status: 'timeout' },
    });
    expect(await stubborn.post('/run', request('throws'))).toMatchObject({ status: 429 });
    stubborn.process.killAlone('SIGTERM');
    expect(await stubborn.process.exited).toEqual({ code: 0, signal: null });
  });

  test('aborts and reports it on SIGTERM when the grace is over', async () => {
    const stubborn = await startAgent(processes, folder, { AGENT_GRACE_SECONDS: '0.2' });
    const endless = request('computes');
    await stubborn.post('/run', endless);
    stubborn.process.killAlone('SIGTERM');
    expect(await nextResult()).toMatchObject({
      runId: endless.runId,
      status: 'error',
      error: 'terminated before it finished',
    });
    expect(await stubborn.process.exited).toEqual({ code: 0, signal: null });
  });
});

test('says in the log which result was lost when nobody takes it', async () => {
  const lonely = await startAgent(processes, folder, { AGENT_GRACE_SECONDS: '0.2' });
  const deaf = await startWebhookReceiver();
  try {
    deaf.answerWith({ status: 503 });
    const unheard = runRequest(deaf.url, { fault: 'throws' });
    await lonely.post('/run', unheard);
    await deaf.next();
    lonely.process.killAlone('SIGTERM');
    expect(await lonely.process.exited).toEqual({ code: 0, signal: null });
    expect(lonely.process.output()).toMatch(new RegExp(`"lost: .*${unheard.runId}`));
  } finally {
    await deaf.close();
  }
});

describe('with clients that are not well-behaved', () => {
  /** What the agent answers to these bytes, until it closes the connection. */
  async function raw(...parts: string[]): Promise<string> {
    const socket = connect(Number(new URL(agent.url).port), '127.0.0.1').setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    for (const part of parts) socket.write(part);
    await once(socket, 'close');
    return text;
  }
  const post = (...headers: string[]) =>
    ['POST /run HTTP/1.1', 'host: x', 'content-type: application/json', ...headers, '', ''].join('\r\n');

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a body without a length', post(), 411],
    ['a body in chunks', `${post('transfer-encoding: chunked')}0\r\n\r\n`, 411],
    ['a length that is no number', post('content-length: -5'), 411],
    ['a length over the limit', post('content-length: 10485761'), 413],
    ['headers without end', `GET /health HTTP/1.1\r\n${'a: b\r\n'.repeat(200)}\r\n`, 431],
    ['a long line', `GET /${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`, 414],
    ['a body that is not UTF-8', `${post('content-length: 2')}\u0080`, 400],
    ['a deep body', `${post('content-length: 200000')}${'['.repeat(200_000)}`, 400],
    ['another method', 'DELETE /run HTTP/1.1\r\n\r\n', 501],
    ['another path', 'GET /etc/passwd HTTP/1.1\r\n\r\n', 404],
  ])('refuses %s in JSON', async (_what, bytes, status) => {
    const answer = await raw(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual({ error: expect.any(String) as string });
  });

  test('serves others while connections hang', async () => {
    const hanging = Array.from({ length: 50 }, () => connect(Number(new URL(agent.url).port), '127.0.0.1'));
    try {
      await Promise.all(hanging.map((socket) => once(socket, 'connect')));
      for (const socket of hanging) socket.write('POST /run HTTP/1.1\r\ncontent-length: 9\r\n\r\n{');
      expect(await agent.get('/health')).toMatchObject({ status: 200 });
    } finally {
      for (const socket of hanging) socket.destroy();
    }
  });

  test('takes one of many identical requests at once', async () => {
    const same = { ...request('records'), runId: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 20 }, () => agent.post('/run', same)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202));
    const firsts = answers.filter(({ body }) => !(body as { duplicate?: true }).duplicate);
    expect(firsts).toHaveLength(1);
    expect(await nextResult()).toMatchObject({ runId: same.runId, status: 'success' });
  });
});
