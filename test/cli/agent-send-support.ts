/** Agents that behave as a test needs, and the command that sends them a job. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { useProcesses } from '../support/processes';

export const CLI = resolve(__dirname, '../../dist/cli/index.js');
export const KEY = 'key-canary-0123456789abcdef';
export const SECRET = 'agent-secret-canary-0123456789';
export const EXAMPLE_RUN = '00000000-0000-0000-0000-000000000001';

export type Json = Record<string, unknown>;
export interface Job {
  workflowId: string;
  stepId: string;
  runId: string;
  input: Json;
  config: { webhookUrl: string; timeoutSeconds: number };
}

/** What an agent does with a job. It answers and reports by itself. */
export interface Behaviour {
  run: (job: Job, agent: FakeAgent) => { status: number; body?: unknown; headers?: Record<string, string> };
  status?: (agent: FakeAgent) => { status: number; body: unknown };
}

export class FakeAgent {
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

export function signature(body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const mac = createHmac('sha256', SECRET).update(`m.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': 'm', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

export const ACCEPTED = { status: 202, body: { accepted: true } };

export const processes = useProcesses();
export const agents: FakeAgent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

export async function agentThat(behaviour: Behaviour): Promise<{ agent: FakeAgent; url: string }> {
  const agent = new FakeAgent(behaviour);
  agents.push(agent);
  return { agent, url: await agent.listen() };
}

export const start = (url: string, args: string[] = [], env: Record<string, string | undefined> = {}) =>
  processes.start(process.execPath, [CLI, 'agent', 'send', url, ...args], {
    env: {
      NO_COLOR: '1',
      AGENT_SECRET: undefined,
      REVEILLE_URL: undefined,
      REVEILLE_API_KEY: undefined,
      ...env,
    },
  });
export async function send(url: string, args: string[] = [], env: Record<string, string | undefined> = {}) {
  const child = await start(url, args, env);
  const { code } = await child.exited;
  return { code, text: child.output() };
}

export const reports = (change: Json = {}, headers: Record<string, string> = {}): Behaviour => ({
  run: (job, agent) => {
    agent.report(job, change, headers);
    return ACCEPTED;
  },
});
