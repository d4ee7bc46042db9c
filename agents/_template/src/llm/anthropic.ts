/** Asks Claude through Anthropic's SDK, which the agent hands in so that only agents that use it install it. */
import type { Target } from './config';
import { LlmFailure, ProviderError, blameFor, reasonOf, retryAfter } from './failure';
import type { Completion, LlmRequest } from './types';

interface AnthropicMessage {
  model: string;
  content: { type: string; text?: string }[];
  stop_reason: string | null;
  usage: {
    input_tokens: number;
    output_tokens: number;
    cache_read_input_tokens: number | null;
    cache_creation_input_tokens: number | null;
  };
}

interface Body {
  model: string;
  max_tokens: number;
  messages: { role: 'user' | 'assistant'; content: string }[];
  output_config: { format: { type: 'json_schema'; schema: Record<string, unknown> } };
  system?: string;
  stream?: false;
}

interface ClientOptions {
  apiKey: string;
  authToken: null;
  baseURL: string;
  maxRetries: number;
  timeout: number;
  logLevel: 'off';
  fetchOptions: { redirect: 'error' };
}

/** The part of `@anthropic-ai/sdk` that is used. */
export interface AnthropicModule {
  default: new (options: ClientOptions) => {
    messages: { create(body: Body, options: { signal: AbortSignal }): PromiseLike<AnthropicMessage> };
  };
}

const STOPS: Record<string, Completion['stop']> = {
  end_turn: 'end',
  stop_sequence: 'end',
  max_tokens: 'truncated',
  model_context_window_exceeded: 'truncated',
  refusal: 'refused',
};

/** @throws ProviderError; what it aborts for is the caller's to know */
export async function askAnthropic(
  load: (() => Promise<AnthropicModule>) | undefined,
  target: Target,
  request: LlmRequest,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<Completion> {
  if (!load)
    throw new LlmFailure(
      'configuration',
      "this agent does not hand Anthropic's SDK to createLlm: npm install @anthropic-ai/sdk, and pass anthropic: () => import('@anthropic-ai/sdk')",
    );
  const { default: Anthropic } = await load();
  const client = new Anthropic({
    apiKey: target.key ?? '',
    authToken: null, // or else one from the environment is sent
    baseURL: target.baseUrl,
    maxRetries: 0, // the list of providers is gone through instead
    timeout: timeoutMs,
    logLevel: 'off',
    fetchOptions: { redirect: 'error' }, // the key goes to no other address
  });
  const { model } = target;
  const { system, messages, maxTokens, schema } = request;
  try {
    const message = await client.messages.create(
      {
        model,
        max_tokens: maxTokens,
        ...(system !== undefined && { system }),
        messages,
        output_config: { format: { type: 'json_schema', schema } },
      },
      { signal },
    );
    return read(message, model);
  } catch (error) {
    throw error instanceof ProviderError ? error : blamed(error);
  }
}

function read({ model, content, stop_reason, usage }: AnthropicMessage, asked: string): Completion {
  const stop = STOPS[stop_reason ?? ''];
  if (!stop) throw new ProviderError('next', `the answer ended with ${stop_reason}`);
  const cacheRead = usage.cache_read_input_tokens ?? 0;
  const cacheWrite = usage.cache_creation_input_tokens ?? 0;
  return {
    text: content.map((block) => (block.type === 'text' ? (block.text ?? '') : '')).join(''),
    stop,
    model: model || asked,
    // Anthropic counts cached input apart.
    tokens: {
      input: usage.input_tokens + cacheRead + cacheWrite,
      output: usage.output_tokens,
      cacheRead,
      cacheWrite,
    },
  };
}

/** By shape, as the SDK's error classes are not at hand: an answer has a status, a broken connection has none. */
function blamed(error: unknown): ProviderError {
  const { status, headers } = error as { status?: number; headers?: Headers };
  const blame = status === undefined ? 'next' : blameFor(status);
  return new ProviderError(blame, reasonOf(error), retryAfter(headers?.get('retry-after')), { cause: error });
}
