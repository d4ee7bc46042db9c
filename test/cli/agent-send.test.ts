/** `reveille agent send` against agents that behave in every way one can meet. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { useProcesses } from '../support/processes';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
const KEY = 'key-canary-0123456789abcdef';
const SECRET = 'agent-secret-canary-0123456789';
const EXAMPLE_RUN = '00000000-0000-0000-0000-000000000001';

type Json = Record<string, unknown>;
interface Job {
  workflowId: string;
  stepId: string;
  runId: string;
  input: Json;
  config: { webhookUrl: string; timeoutSeconds: number };
}

/** What an agent does with a job. It answers and reports by itself. */
interface Behaviour {
  run: (job: Job, agent: FakeAgent) => { status: number; body?: unknown; headers?: Record<string, string> };
  status?: (agent: FakeAgent) => { status: number; body: unknown };
}

class FakeAgent {
  readonly jobs: Job[] = [];
  readonly cancelled: unknown[] = [];
  private readonly server = createServer((req, res) => {
    void this.answer(req).then(({ status, body, headers }) => {
      res.writeHead(status, { 'content-type': 'application/json', ...headers });
      res.end(JSON.stringify(body ?? {}));
    });
  });

  constructor(private readonly behaviour: Behaviour) {}

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Reports to the address of a job, as an agent does. */
  report(
    job: Job,
    change: Json = {},
    headers: Record<string, string> = {},
    url = job.config.webhookUrl,
  ): void {
    const { workflowId, stepId, runId } = job;
    const result = {
      workflowId,
      stepId,
      runId,
      status: 'success',
      output: { seen: job.input },
      durationMs: 3,
    };
    const body = JSON.stringify({ ...result, ...change });
    const sent = { 'content-type': 'application/json', ...signature(body), ...headers };
    fetch(url, { method: 'POST', body, headers: sent }).catch(() => undefined); // it may be over by then
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async answer(req: IncomingMessage): ReturnType<typeof this.route> {
    const chunks: Buffer[] = [];
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
    return this.route(`${req.method} ${req.url?.split('?')[0]}`, Buffer.concat(chunks).toString());
  }

  private async route(
    call: string,
    body: string,
  ): Promise<{ status: number; body?: unknown; headers?: Record<string, string> }> {
    if (call === 'POST /cancel') {
      this.cancelled.push(JSON.parse(body));
      return { status: 202 };
    }
    if (call === 'GET /status') {
      return this.behaviour.status?.(this) ?? { status: 200, body: { state: 'idle' } };
    }
    if (call !== 'POST /run') return { status: 404 };
    const job = JSON.parse(body) as Job;
    this.jobs.push(job);
    return this.behaviour.run(job, this);
  }
}

function signature(body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const mac = createHmac('sha256', SECRET).update(`m.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': 'm', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

const ACCEPTED = { status: 202, body: { accepted: true } };

const processes = useProcesses();
const agents: FakeAgent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

async function agentThat(behaviour: Behaviour): Promise<{ agent: FakeAgent; url: string }> {
  const agent = new FakeAgent(behaviour);
  agents.push(agent);
  return { agent, url: await agent.listen() };
}

const start = (url: string, args: string[] = [], env: Record<string, string | undefined> = {}) =>
  processes.start(process.execPath, [CLI, 'agent', 'send', url, ...args], {
    env: {
      NO_COLOR: '1',
      AGENT_SECRET: undefined,
      REVEILLE_URL: undefined,
      REVEILLE_API_KEY: undefined,
      ...env,
    },
  });
async function send(url: string, args: string[] = [], env: Record<string, string | undefined> = {}) {
  const child = await start(url, args, env);
  const { code } = await child.exited;
  return { code, text: child.output() };
}

const reports = (change: Json = {}, headers: Record<string, string> = {}): Behaviour => ({
  run: (job, agent) => {
    agent.report(job, change, headers);
    return ACCEPTED;
  },
});

describe('an agent that works', () => {
  it('gets the example job, and its result is shown', async () => {
    const { agent, url } = await agentThat(reports());
    const { code, text } = await send(url);
    expect(code).toBe(0);
    expect(agent.jobs[0]).toMatchObject({
      workflowId: 'test',
      stepId: 'my-new-step',
      runId: EXAMPLE_RUN,
      input: {},
      config: { timeoutSeconds: 300 },
    });
    expect(text).toMatch(/sending[^]*accepted +HTTP 202[^]*success +by webhook[^]*"seen": \{\}/);
    expect(text).toMatch(/signed; with AGENT_SECRET set/);
  });

  it('gets the input of a file or of standard input, and the whole request of another', async () => {
    const { agent, url } = await agentThat(reports());
    const folder = await temporaryFolder();
    const [input, request] = [join(folder.path, 'input.json'), join(folder.path, 'request.json')];
    await writeFile(input, '{"name": "Ada"}');
    await writeFile(request, JSON.stringify({ stepId: 'crawl', input: { n: 1 }, config: { dryRun: true } }));
    expect((await send(url, ['--input', input, '--timeout', '7'])).code).toBe(0);
    expect((await send(url, ['--run-request', request])).code).toBe(0);
    await folder.remove();
    expect(agent.jobs[0]).toMatchObject({ input: { name: 'Ada' }, config: { timeoutSeconds: 7 } });
    expect(agent.jobs[1]).toMatchObject({ stepId: 'crawl', input: { n: 1 }, config: { dryRun: true } });
    expect(agent.jobs[1]?.config.webhookUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/results\/[0-9a-f]+$/);
  });

  it('gets the job as a run of its own when it has had it before', async () => {
    const { agent, url } = await agentThat({
      run: (job, self) => {
        if (job.runId === EXAMPLE_RUN) return { status: 202, body: { accepted: true, duplicate: true } };
        self.report(job);
        return ACCEPTED;
      },
    });
    const { code, text } = await send(url);
    expect([code, text]).toEqual([0, expect.stringMatching(/duplicate[^]*success/)]);
    expect(agent.jobs[1]?.runId).not.toBe(EXAMPLE_RUN);
  });

  it('shows its progress while it works', async () => {
    const { agent, url } = await agentThat({
      run: () => ACCEPTED,
      status: ({ jobs }) => {
        const [job] = jobs;
        const current = job && { runId: job.runId, stepId: job.stepId, progress: { page: 3 } };
        return { status: 200, body: { state: 'running', ...(current && { current }) } };
      },
    });
    const child = await start(url);
    await child.waitFor(/progress +\{"page":3\}/);
    agent.report(agent.jobs[0] as Job);
    expect((await child.exited).code).toBe(0);
    expect(child.output().match(/progress/g)).toHaveLength(1);
  });

  it('has its signature checked where the secret is known', async () => {
    const { url } = await agentThat(reports());
    expect((await send(url, [], { AGENT_SECRET: SECRET })).text).toMatch(/Its signature holds/);
    const wrong = await send(url, [], { AGENT_SECRET: 'another-secret-0123456789' });
    expect([wrong.code, wrong.text]).toEqual([1, expect.stringMatching(/does not hold: .*another secret/)]);
  });

  it('is reported as one JSON document', async () => {
    const { url } = await agentThat(reports());
    const { code, text } = await send(url, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      outcome: 'success',
      ok: true,
      via: 'webhook',
      runId: EXAMPLE_RUN,
      differences: [],
      result: { status: 'success', output: { seen: {} } },
    });
  });
});

describe('an agent that does not', () => {
  it.each([
    [
      'a status nobody knows',
      { status: 'done' },
      /✗ status +done, expected "success" or "error" or "timeout"/,
    ],
    ['a field too few', { durationMs: undefined }, /✗ durationMs +missing, expected number/],
    [
      'the run of another',
      { runId: '11111111-1111-4111-8111-111111111111' },
      /✗ runId +"1{8}-.*expected "0{8}-/,
    ],
    ['a failure', { status: 'error', error: 'no quota' }, /error +by webhook[^]*no quota/],
  ])('reports %s', async (_what, change, said) => {
    const { url } = await agentThat(reports(change));
    const { code, text } = await send(url);
    expect([code, text]).toEqual([1, expect.stringMatching(said)]);
  });

  it('reports to another address than it was given', async () => {
    const { url } = await agentThat({
      run: (job, agent) => {
        agent.report(job, {}, {}, new URL('/webhook', job.config.webhookUrl).href);
        return ACCEPTED;
      },
    });
    expect((await send(url)).text).toMatch(/it came to \/webhook instead of the exact address/);
  });

  it.each([
    ['busy', { status: 429, body: { error: 'busy' }, headers: { 'retry-after': '9' } }, /busy .*about 9 s/],
    ['busy for it does not know how long', { status: 409 }, /busy .*does not say/],
    ['not willing', { status: 400, body: { error: 'input.name' } }, /refused +HTTP 400 .*input\.name/],
  ])('is %s', async (_what, answer, said) => {
    const { url } = await agentThat({ run: () => answer });
    const { code, text } = await send(url);
    expect([code, text]).toEqual([1, expect.stringMatching(said)]);
  });

  it('answers 200 instead of 202, and is told', async () => {
    const { url } = await agentThat({
      run: (job, agent) => {
        agent.report(job);
        return { status: 200, body: { ok: true } };
      },
    });
    expect((await send(url)).text).toMatch(/note +it answered \{"ok":true\}; the contract says 202/);
  });

  it('finishes without a webhook, as GET /status knows', async () => {
    const { url } = await agentThat({
      run: () => ACCEPTED,
      status: ({ jobs: [job] }) => ({
        status: 200,
        body: {
          state: 'idle',
          ...(job && {
            last: { ...job, input: undefined, status: 'success', output: { a: 1 }, durationMs: 1 },
          }),
        },
      }),
    });
    const { code, text } = await send(url);
    expect(code).toBe(1);
    expect(text).toMatch(/no webhook came to http[^]*success +from GET \/status[^]*"a": 1/);
  });

  it('is not there', async () => {
    const { code, text } = await send(`http://127.0.0.1:${await freePort()}`);
    expect([code, text]).toEqual([1, expect.stringMatching(/No agent answers at .*agent dev/s)]);
  });

  it('is told when the person who waits goes away', async () => {
    const { agent, url } = await agentThat({ run: () => ACCEPTED });
    const child = await start(url);
    await child.waitFor(/accepted/);
    child.kill('SIGINT');
    expect((await child.exited).code).toBe(1);
    expect(agent.cancelled).toEqual([{ runId: EXAMPLE_RUN, stepId: 'my-new-step' }]);
  });
});

describe('an agent elsewhere', () => {
  let world: World;
  let orchestrator: Orchestrator;
  beforeAll(async () => {
    world = await World.start({ agents: [{ id: 'alpha' }], workflows: [] });
    orchestrator = await world.orchestrate({ env: { INBOX: 'on', API_KEYS: KEY, HOST: '127.0.0.1' } });
  });
  afterAll(() => world.close());
  const webhook = () => `${orchestrator.url}/inbox/my-test`;

  it('reports to the inbox of an orchestrator, which is read from there', async () => {
    const { agent, url } = await agentThat(reports());
    const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY };
    const { code, text } = await send(url, ['--webhook-url', webhook()], env);
    expect([code, text]).toEqual([0, expect.stringMatching(/success +by webhook[^]*"seen"/)]);
    expect(agent.jobs[0]?.config.webhookUrl).toBe(webhook());
    // What is in the bin from before is not taken for an answer.
    const late = await agentThat(reports({ output: { second: true } }));
    expect((await send(late.url, ['--webhook-url', webhook()], env)).text).toMatch(/"second": true/);
  });

  it('has its large result taken from itself, as an inbox keeps no more than the beginning', async () => {
    const output = { text: 'x'.repeat(1_100_000) };
    const { url } = await agentThat({
      ...reports({ output }),
      status: ({ jobs: [job] }) => ({
        status: 200,
        body: {
          state: 'idle',
          ...(job && { last: { ...job, input: undefined, status: 'success', output, durationMs: 1 } }),
        },
      }),
    });
    const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY };
    const { code, text } = await send(url, ['--webhook-url', webhook()], env);
    expect([code, text]).toEqual([0, expect.stringMatching(/success +from GET \/status[^]*"text": "xxx/)]);
  });

  it('needs the key of that orchestrator, which goes to no other', async () => {
    const { agent, url } = await agentThat(reports());
    const { code, text } = await send(url, ['--webhook-url', webhook()], { REVEILLE_API_KEY: KEY });
    expect([code, text]).toEqual([1, expect.stringMatching(/Set REVEILLE_URL to http:.*REVEILLE_API_KEY/)]);
    expect(agent.jobs).toEqual([]);
  });
});

describe('what can be wrong', () => {
  it.each([
    [['ftp://x']],
    [['http://agent.example.com']],
    [['http://127.0.0.1:1', '--timeout', '0']],
    [['http://127.0.0.1:1', '--input', '/nowhere/at/all.json']],
    [['http://127.0.0.1:1', '--input', CLI]],
    [['http://127.0.0.1:1', '--input', '-', '--run-request', '-']],
  ])('%j is a usage error', async ([url = '', ...args]) => {
    expect((await send(url, args)).code).toBe(2);
  });
});
