/** What the tests of the LLM helper share: a context that records, providers that answer as scripted. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import nock, { useOutside } from '../support/outside';
import { z } from 'zod';
import {
  createLlm,
  type Llm,
  type LlmContext,
  type LlmOptions,
  type LlmUsage,
} from '../../agents/_template/src/llm';

export const ANTHROPIC = 'https://api.anthropic.com';
export const MODEL = 'claude-sonnet-5-5';
/** Canaries: must turn up nowhere but in the header of a request. */
export const KEYS = {
  ANTHROPIC_API_KEY: 'sk-ant-canary-7731',
  SECOND_KEY: 'sk-ant-canary-8842',
  OPENAI_API_KEY: 'sk-canary-9953',
};

export const Verdict = z.object({ verdict: z.enum(['good', 'bad']), why: z.string().min(3).max(40) });
export const GOOD = { verdict: 'good', why: 'It is short.' };
export const QUESTION = { name: 'verdict', schema: Verdict, prompt: 'Is this text good?', maxTokens: 500 };

export interface Recorded extends LlmContext {
  usages: LlmUsage[];
  logs: { message: string; fields: object | undefined }[];
  tools: { name: string; params: unknown; result?: unknown; error?: string }[];
  stop: AbortController;
}

export function recorder(): Recorded {
  const [usages, logs, tools]: [LlmUsage[], Recorded['logs'], Recorded['tools']] = [[], [], []];
  const stop = new AbortController();
  return {
    usages,
    logs,
    tools,
    stop,
    signal: stop.signal,
    log: (message, fields) => void logs.push({ message, fields }),
    usage: (entry) => void usages.push(entry),
    tool: async (name, params, run) => {
      try {
        const result = await run();
        tools.push({ name, params, result });
        return result;
      } catch (error) {
        tools.push({ name, params, error: (error as Error).message });
        throw error;
      }
    },
  };
}

/** A helper with quick pauses and all three keys; `env` adds to them. */
export function llmWith(env: NodeJS.ProcessEnv, more: Partial<LlmOptions> = {}): { llm: Llm; ctx: Recorded } {
  const ctx = recorder();
  const llm = createLlm({
    ctx,
    env: { ...KEYS, ...env },
    anthropic: () => import('@anthropic-ai/sdk'),
    limits: { pauseMs: 1 },
    ...more,
  });
  return { llm, ctx };
}

/** The Messages API's answer. */
export function message(content: unknown, more: object = {}): nock.Body {
  return {
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    model: MODEL,
    content: [
      {
        type: 'text',
        text: typeof content === 'string' ? content : JSON.stringify(content),
        citations: null,
      },
    ],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { ...spent(1000, 200) },
    ...more,
  };
}

export function spent(
  input_tokens: number,
  output_tokens: number,
  read = 0,
  written = 0,
): Record<string, unknown> {
  return {
    input_tokens,
    output_tokens,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written,
    service_tier: 'standard',
  };
}

export function apiError(type: string, text: string): nock.Body {
  return { type: 'error', error: { type, message: text }, request_id: 'req_011' };
}

export interface ChatRequest {
  headers: IncomingHttpHeaders;
  path: string;
  body: {
    model: string;
    messages: { role: string; content: string }[];
    response_format: { type: string; json_schema?: { name: string; strict: boolean; schema: object } };
    [parameter: string]: unknown;
  };
}

/** What the endpoint does with a request: answer, cut the connection, or say nothing at all. */
export type ChatAnswer =
  { status?: number; headers?: Record<string, string>; body: unknown } | 'reset' | 'silence';

export interface Endpoint {
  /** To be used as an address in LLM_PROVIDERS; ends in `/v1`. */
  url: string;
  host: string;
  requests: ChatRequest[];
  /** What to do with the next requests, in order; a request beyond them is answered with 500. */
  script: ChatAnswer[];
  close(): Promise<void>;
}

/** A server that speaks chat completions as far as its script goes. */
export async function startEndpoint(): Promise<Endpoint> {
  const requests: ChatRequest[] = [];
  const script: ChatAnswer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ChatRequest['body'];
      requests.push({ headers: request.headers, path: request.url ?? '', body });
      const answer = script.shift() ?? { status: 500, body: { error: { message: 'nothing left to say' } } };
      if (answer === 'reset') request.socket.resetAndDestroy();
      else if (answer !== 'silence') {
        response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
        response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://${host}/v1`, host, requests, script, close };
}

/** An endpoint for the tests of a file, with a new script for each; beside it nock, and nothing else of the net. */
export function useEndpoint(): Endpoint {
  useOutside({ local: true });
  const endpoint = {} as Endpoint;
  beforeAll(async () => void Object.assign(endpoint, await startEndpoint()));
  afterAll(() => endpoint.close());
  beforeEach(() => {
    endpoint.requests.length = 0;
    endpoint.script.length = 0;
  });
  afterEach(() => {
    expect(endpoint.script).toEqual([]);
  });
  return endpoint;
}

/** A request to Claude that is expected. */
export const claude = (): nock.Interceptor => nock(ANTHROPIC).post('/v1/messages');

export const anthropicFirst = ({ url }: Endpoint): NodeJS.ProcessEnv => ({
  LLM_PROVIDERS: `anthropic:${MODEL},openai:gpt-6-luna@${url}#OPENAI_API_KEY`,
});
export const endpointOnly = ({ url }: Endpoint): NodeJS.ProcessEnv => ({
  LLM_PROVIDERS: `openai:gpt-6-luna@${url}#OPENAI_API_KEY`,
});
/** What a try that failed leaves in the usage. */
export const NOTHING = { inputTokens: 0, outputTokens: 0, costUsd: 0 };

/** A chat completion. */
export function chat(content: unknown, more: object = {}, choice: object = {}): { body: unknown } {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return {
    body: {
      id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
      object: 'chat.completion',
      created: 1_790_000_000,
      model: 'gpt-6-luna',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: text, refusal: null },
          finish_reason: 'stop',
          ...choice,
        },
      ],
      usage: { prompt_tokens: 1000, completion_tokens: 200, total_tokens: 1200 },
      ...more,
    },
  };
}
