/** The agents of this repository as child processes, and what each needs to be tested by one table. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentRunRequest } from '../../src/contract';
import type { Processes, TestProcess } from '../support/processes';

export const ROOT = join(__dirname, '../..');
export const AGENTS = ['_template', 'site-crawler', 'seo-analyser', 'report-notifier'] as const;
export type AgentName = (typeof AGENTS)[number];

/** Loopback servers and folders the jobs need. */
export interface Surroundings {
  /** Answers with one small HTML page. */
  siteUrl: string;
  /** Accepts requests and never answers. */
  silentUrl: string;
  reportDir: string;
}

export interface Subject {
  agentId: string;
  input: (around: Surroundings) => Record<string, unknown>;
  /** Added to the environment so that a run with `slowInput` goes on until it is stopped. */
  slowEnv: (around: Surroundings) => Record<string, string>;
  slowInput: (around: Surroundings) => Record<string, unknown>;
  /** An input that does not fit, and the field its error must name. */
  wrong: { input: Record<string, unknown>; field: string };
  output: Record<string, unknown>;
}

const crawled = { siteUrl: 'http://example.com/', pages: [{ url: 'http://example.com/', title: 'Hello' }] };
const report = { siteUrl: 'http://example.com/', summary: 'All is well.', score: 90 };

export const SUBJECTS: Record<AgentName, Subject> = {
  _template: {
    agentId: 'template',
    input: () => ({ name: 'Ada' }),
    slowEnv: () => ({}),
    slowInput: () => ({ pauseMs: 60_000 }),
    wrong: { input: { times: 'often' }, field: 'input.times' },
    output: { greetings: ['Hello, Ada!'] },
  },
  'site-crawler': {
    agentId: 'site-crawler',
    input: ({ siteUrl }) => ({ siteUrl }),
    slowEnv: () => ({}),
    slowInput: ({ silentUrl }) => ({ siteUrl: silentUrl, timeoutMs: 60_000 }),
    wrong: { input: { siteUrl: 'nowhere' }, field: 'input.siteUrl' },
    output: { totals: expect.objectContaining({ pages: 1 }) },
  },
  'seo-analyser': {
    agentId: 'seo-analyser',
    input: () => crawled,
    slowEnv: ({ silentUrl }) => ({ ANTHROPIC_API_KEY: 'sk-test', ANTHROPIC_BASE_URL: silentUrl }),
    slowInput: () => crawled,
    wrong: { input: { siteUrl: 'http://example.com/', pages: 'none' }, field: 'input.pages' },
    output: { recommendationsBy: 'rules', counts: expect.objectContaining({ pages: 1 }) },
  },
  'report-notifier': {
    agentId: 'report-notifier',
    input: () => report,
    slowEnv: ({ silentUrl }) => ({ SLACK_WEBHOOK_URL: silentUrl }),
    slowInput: () => report,
    wrong: { input: { ...report, score: 'good' }, field: 'input.score' },
    output: { delivered: 'files' },
  },
};

export interface Agent {
  process: TestProcess;
  url: string;
  get: (path: string) => Promise<{ status: number; body: unknown }>;
  /** Sends JSON, or text as it is. */
  post: (path: string, body: unknown) => Promise<{ status: number; body: unknown; headers: Headers }>;
}

/** Variables of agents that whoever runs the tests may have set for themselves. */
const UNSET = [
  'AGENT_ID',
  'AGENT_MODE',
  'AGENT_SECRET',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_BASE_URL',
  'ANTHROPIC_MODEL',
  'ORCHESTRATOR_WEBHOOK_URL',
  'REPORT_DIR',
  'SLACK_WEBHOOK_URL',
];

/** Starts a built agent the way its Procfile does, on a free port, and waits until it listens. */
export async function startAgent(
  processes: Processes,
  name: AgentName,
  env: Record<string, string> = {},
): Promise<Agent> {
  const child = await processes.start(process.execPath, ['dist/index.js'], {
    cwd: join(ROOT, 'agents', name),
    env: { ...Object.fromEntries(UNSET.map((key) => [key, undefined])), PORT: '0', ...env },
  });
  const [, port] = await child.waitFor(/"listening".*"port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  return {
    process: child,
    url,
    get: async (path) => {
      const answer = await fetch(url + path);
      return { status: answer.status, body: await answer.json() };
    },
    post: async (path, body) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(url + path, { method: 'POST', headers, body: text });
      return { status: answer.status, body: await answer.json(), headers: answer.headers };
    },
  };
}

export function runRequest(
  webhookUrl: string,
  input: Record<string, unknown>,
  config: Partial<AgentRunRequest['config']> = {},
): AgentRunRequest {
  const ids = { workflowId: 'test', stepId: 'only', runId: randomUUID() };
  return { ...ids, input, config: { webhookUrl, timeoutSeconds: 60, ...config } };
}

/** Brings the agents' `dist` up to date; quick when it is. */
export async function buildAgents(): Promise<void> {
  const tsc = require.resolve('typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-b', ...AGENTS.map((name) => `agents/${name}`)], {
    cwd: ROOT,
  });
}

/** A server that answers each request by `respond`. */
export async function serve(
  respond: Parameters<typeof createServer>[1],
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(respond).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
