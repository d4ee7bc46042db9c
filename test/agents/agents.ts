/** The agents of this repository as child processes, and what each needs to be tested by one table. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { CheckInputs, fillIn, INPUT_FILE } from '../../src/agent-check/inputs';
import type { AgentRunRequest } from '../../src/contract';
import { webCommand } from '../../src/platforms/local/procfile';
import type { Processes, TestProcess } from '../support/processes';
import { base64, keyFile, PROPERTY } from './google';

export const ROOT = join(__dirname, '../..');

/** Loopback servers and folders the jobs need. */
export interface Surroundings {
  /** Answers with one small HTML page. */
  siteUrl: string;
  /** Accepts requests and never answers. */
  silentUrl: string;
  /** Answers as Google does at /token and /sites, and as Slack's webhooks do at /slack. */
  servicesUrl: string;
  reportDir: string;
}

/** What the contract test has to know of an agent, whatever its language. */
export interface Subject {
  agentId: string;
  /** Its scaffold; an agent in TypeScript is built by `buildAgents`. */
  language: 'typescript' | 'python';
  /** Whether it keeps its queue at REDIS_URL. */
  redis: boolean;
  /** Its job is the template's, with `name`, `times` and `pauseMs`: what every scaffold does is shown with that. */
  greets?: boolean;
  /** That job tells its progress and calls a tool for each greeting. */
  showsItsWork?: boolean;
  input: (around: Surroundings) => Record<string, unknown>;
  /** Added to the environment where the job needs an outside service. */
  env?: (around: Surroundings) => Record<string, string>;
  /** Added to the environment so that a run with `slowInput` goes on until it is stopped. */
  slowEnv: (around: Surroundings) => Record<string, string>;
  slowInput: (around: Surroundings) => Record<string, unknown>;
  /** An input that does not fit, and the field its error must name. */
  wrong: { input: Record<string, unknown>; field: string };
  output: Record<string, unknown>;
}

const crawled = { siteUrl: 'http://example.com/', pages: [{ url: 'http://example.com/', title: 'Hello' }] };
const report = { siteUrl: 'http://example.com/', summary: 'All is well.', score: 90 };

const searchConsole = (tokenUrl: string, apiUrl: string) => ({
  GOOGLE_SERVICE_ACCOUNT_JSON: base64(keyFile(tokenUrl)),
  GSC_SITE_URL: PROPERTY,
  GSC_API_URL: apiUrl,
});

const TYPESCRIPT = { language: 'typescript', redis: true } as const;
const PYTHON = { language: 'python', redis: false } as const;

/** By folder in `agents/`: agents of which more has to be known than their agent.check.json says. */
const KNOWN: Record<string, Subject> = {
  _template: {
    ...TYPESCRIPT,
    greets: true,
    showsItsWork: true,
    agentId: 'template',
    input: () => ({ name: 'Ada' }),
    slowEnv: () => ({}),
    slowInput: () => ({ pauseMs: 60_000 }),
    wrong: { input: { times: 'often' }, field: 'input.times' },
    output: { greetings: ['Hello, Ada!'] },
  },
  '_template-python': {
    ...PYTHON,
    greets: true,
    showsItsWork: true,
    agentId: 'template-python',
    input: () => ({ name: 'Ada' }),
    slowEnv: () => ({}),
    slowInput: () => ({ pauseMs: 60_000 }),
    wrong: { input: { times: 'often' }, field: 'input.times' },
    output: { greetings: ['Hello, Ada!'] },
  },
  'site-crawler': {
    ...TYPESCRIPT,
    agentId: 'site-crawler',
    input: ({ siteUrl }) => ({ siteUrl }),
    slowEnv: () => ({}),
    slowInput: ({ silentUrl }) => ({ siteUrl: silentUrl, timeoutMs: 60_000 }),
    wrong: { input: { siteUrl: 'nowhere' }, field: 'input.siteUrl' },
    output: { totals: expect.objectContaining({ pages: 1 }) },
  },
  'seo-analyser': {
    ...TYPESCRIPT,
    agentId: 'seo-analyser',
    input: () => crawled,
    slowEnv: ({ silentUrl }) => ({
      ANTHROPIC_API_KEY: 'sk-test',
      LLM_PROVIDERS: `anthropic:claude-sonnet-5-5@${silentUrl}#ANTHROPIC_API_KEY`,
    }),
    slowInput: () => crawled,
    wrong: { input: { siteUrl: 'http://example.com/', pages: 'none' }, field: 'input.pages' },
    output: { recommendationsBy: 'rules', counts: expect.objectContaining({ pages: 1 }) },
  },
  'report-notifier': {
    ...TYPESCRIPT,
    agentId: 'report-notifier',
    input: () => report,
    slowEnv: ({ silentUrl }) => ({ SLACK_WEBHOOK_URL: silentUrl }),
    slowInput: () => report,
    wrong: { input: { ...report, score: 'good' }, field: 'input.score' },
    output: { delivered: 'files' },
  },
  'gsc-fetcher': {
    ...TYPESCRIPT,
    agentId: 'gsc-fetcher',
    input: () => ({ days: 7 }),
    env: ({ servicesUrl }) => searchConsole(`${servicesUrl}token`, servicesUrl),
    slowEnv: ({ silentUrl }) => searchConsole(`${silentUrl}token`, silentUrl),
    slowInput: () => ({}),
    wrong: { input: { days: 'many' }, field: 'input.days' },
    output: { siteProperty: PROPERTY, rowCount: 2 },
  },
  'slack-notifier': {
    ...TYPESCRIPT,
    agentId: 'slack-notifier',
    input: () => ({ text: 'Hello' }),
    env: ({ servicesUrl }) => ({ SLACK_WEBHOOK_URL: `${servicesUrl}slack` }),
    slowEnv: ({ silentUrl }) => ({ SLACK_WEBHOOK_URL: silentUrl }),
    slowInput: () => ({ text: 'Hello' }),
    wrong: { input: { text: 7 }, field: 'input.text' },
    output: { delivered: true, via: 'webhook' },
  },
  'keyword-clusterer': {
    ...PYTHON,
    agentId: 'keyword-clusterer',
    input: () => ({ queries: ['red tent', 'red tents', 'camping stove'] }),
    slowEnv: () => ({}),
    // Each is as unlike every other as the limit lets it be, so that all have to be compared.
    slowInput: () => ({
      queries: Array.from({ length: 20_000 }, (_, n) => `seo ${n} tool best price ${n} review`),
      similarity: 0.2,
    }),
    wrong: { input: { rows: 'none' }, field: 'input.rows' },
    output: { unclustered: ['camping stove'], summary: expect.objectContaining({ clusters: 1 }) },
  },
};

/**
 * A new agent, by its own agent.check.json: `quick` succeeds, `slow` goes on until it is stopped. One whose job
 * needs an outside service for that gets a row above.
 */
function described(agentId: string): Subject[] {
  const folder = join(ROOT, 'agents', agentId);
  const typescript = existsSync(join(folder, 'src/runner.ts'));
  if (!typescript && !existsSync(join(folder, 'scaffold/runner.py'))) return [];
  const file = join(folder, INPUT_FILE);
  const { quick, slow, wrong, wrongField } = CheckInputs.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (!slow || !wrong || wrongField === undefined) {
    throw new Error(`${file} needs slow, wrong and wrongField; else give ${agentId} a row in ${__filename}`);
  }
  const filled =
    (input: Record<string, unknown>) =>
    ({ siteUrl, silentUrl }: Surroundings) =>
      fillIn(input, { page: siteUrl, silent: silentUrl });
  return [
    {
      ...(typescript ? TYPESCRIPT : PYTHON),
      agentId,
      input: filled(quick ?? {}),
      slowEnv: () => ({}),
      slowInput: filled(slow),
      wrong: { input: wrong, field: wrongField },
      output: {},
    },
  ];
}

const others = readdirSync(join(ROOT, 'agents')).filter((name) => !(name in KNOWN));

/** Every agent with the scaffold, by folder in `agents/`. */
export const SUBJECTS: Record<string, Subject> = {
  ...KNOWN,
  ...Object.fromEntries(others.flatMap((name) => described(name).map((subject) => [name, subject]))),
};

export const AGENTS = Object.keys(SUBJECTS);
export const PYTHON_AGENTS = AGENTS.filter((name) => SUBJECTS[name]?.language === 'python');

export interface Agent {
  process: TestProcess;
  url: string;
  get: (path: string) => Promise<{ status: number; body: unknown }>;
  /** Sends JSON, or text as it is. */
  post: (path: string, body: unknown) => Promise<{ status: number; body: unknown; headers: Headers }>;
}

/** Variables of agents that whoever runs the tests may have set for themselves. */
const UNSET = [
  'AGENT_CONCURRENCY',
  'AGENT_GRACE_SECONDS',
  'AGENT_ID',
  'AGENT_MODE',
  'AGENT_SECRET',
  'ANTHROPIC_API_KEY',
  'GOOGLE_SERVICE_ACCOUNT_JSON',
  'GSC_API_URL',
  'GSC_SITE_URL',
  'LLM_MODE',
  'LLM_PRICES',
  'LLM_PROVIDERS',
  'LLM_RECORDINGS',
  'OPENAI_API_KEY',
  'ORCHESTRATOR_WEBHOOK_URL',
  'REDIS_URL',
  'REPORT_DIR',
  'RESULT_WEBHOOK_URL',
  'STARTUP_INPUT',
  'STARTUP_TIMEOUT_SECONDS',
  'SLACK_API_URL',
  'SLACK_BOT_TOKEN',
  'SLACK_CHANNEL',
  'SLACK_WEBHOOK_URL',
];

/**
 * Starts a built agent (by its folder in `agents/`, or an absolute one) by its Procfile, on a free port (PORT is 0), and waits for the line in which it
 * says `"listening"` and its `"port"`.
 */
export async function startAgent(
  processes: Processes,
  name: string,
  env: Record<string, string> = {},
): Promise<Agent> {
  const folder = resolve(ROOT, 'agents', name);
  // In place of the shell, so that signals reach the agent itself.
  const child = await processes.start('sh', ['-c', `exec ${await webCommand(folder)}`], {
    cwd: folder,
    env: { ...Object.fromEntries(UNSET.map((key) => [key, undefined])), PORT: '0', ...env },
  });
  const [, port] = await child.waitFor(/"listening".*"port": ?(\d+)/);
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

/** Checks the agents' types and brings their `dist` up to date, as `npm run build` does in each. */
export async function buildAgents(): Promise<void> {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const names = AGENTS.filter((name) => SUBJECTS[name]?.language === 'typescript');
  await run(require.resolve('typescript/bin/tsc'), '-b', ...names.map((name) => `agents/${name}`));
  // All by one process: most of the time of one is its start.
  const bundles = names.map((name) => pathToFileURL(join(ROOT, 'agents', name, 'build.mjs')).href);
  await run(
    '--input-type=module',
    '--eval',
    `await Promise.all(${JSON.stringify(bundles)}.map((file) => import(file)))`,
  );
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
