/** The words of the helper: what is asked, what is answered, what it costs. */
import type * as z from 'zod';
import type { AnthropicModule } from './anthropic';

export interface Message {
  role: 'user' | 'assistant';
  content: string;
}

export interface AskOptions<T> {
  /** Short name of the question, for logs, recordings and the schema: letters, digits, `-` and `_`. */
  name: string;
  /** What the answer must be. Its `describe()` texts are sent along; a `z.record` cannot be asked for. */
  schema: z.ZodType<T>;
  system?: string;
  /** Either a prompt, or a conversation that ends with the user. */
  prompt?: string;
  messages?: Message[];
  /** Most tokens of one answer, thinking included. */
  maxTokens: number;
  /** Only sent to OpenAI-compatible endpoints: today's Claude models take none. */
  temperature?: number;
  /** Instead of LLM_PROVIDERS for this question, written the same way: `anthropic:claude-haiku-5-5`. */
  model?: string;
}

export interface Asked<T> {
  output: T;
  /** Who answered, as in the usage. `fake` when nobody was asked. */
  provider: string;
  model: string;
}

/** One model's consumption, as the agent contract has it; `inputTokens` include the cached ones. */
export interface LlmUsage {
  provider: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens?: number;
  costUsd: number;
}

/** What the helper needs of a job's context; `tool`, where there is one, also gets each try with its latency. */
export interface LlmContext {
  signal: AbortSignal;
  log(message: string, fields?: object): void;
  usage(entry: LlmUsage): void;
  tool?<R>(name: string, params: unknown, run: () => Promise<R>): Promise<R>;
}

export interface LlmLimits {
  /** One request to one provider, in milliseconds. */
  tryMs: number;
  /** One question with all its tries and its repair, in milliseconds. */
  totalMs: number;
  /** How often the list of providers is gone through. */
  rounds: number;
  /** Pause before the second round; doubles, and gives way to a provider's Retry-After. In milliseconds. */
  pauseMs: number;
}

export interface LlmOptions {
  ctx: LlmContext;
  /** Loads Anthropic's SDK on first use: `() => import('@anthropic-ai/sdk')`. Needed for `anthropic:` entries. */
  anthropic?: () => Promise<AnthropicModule>;
  /** Default: process.env. */
  env?: NodeJS.ProcessEnv;
  limits?: Partial<LlmLimits>;
}

/** One request as every provider gets it, and as recordings are keyed by it. */
export interface LlmRequest {
  name: string;
  system?: string;
  messages: Message[];
  /** JSON schema of the answer, in the subset that structured outputs know. */
  schema: JsonSchema;
  maxTokens: number;
  temperature?: number;
  model?: string;
}

export type JsonSchema = { [keyword: string]: unknown };

export interface Tokens {
  /** All input, read from or written to a cache or not. */
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

/** What a provider said; `stop` tells why it ended. */
export interface Completion {
  text: string;
  stop: 'end' | 'truncated' | 'refused';
  /** As the provider names it. */
  model: string;
  tokens: Tokens;
}

/** A completion with its price: what is reported, recorded and checked. */
export interface Answer {
  text: string;
  stop: Completion['stop'];
  usage: LlmUsage;
}

/** Gets the answer to one request, from wherever the mode says. */
export type Source = (request: LlmRequest) => Promise<Answer>;
