/** Asks any endpoint that speaks OpenAI's chat completions. */
import * as z from 'zod';
import type { Target } from './config';
import { ProviderError, blameFor, reasonOf, retryAfter } from './failure';
import { isStrict } from './schema';
import type { Completion, LlmRequest } from './types';

const MAX = { answerBytes: 8 * 1024 * 1024, reasonChars: 500 };

const count = z.number().int().nonnegative();
const ChatCompletion = z.object({
  model: z.string().optional(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count,
    prompt_tokens_details: z
      .object({ cached_tokens: count.nullish(), cache_write_tokens: count.nullish() })
      .nullish(),
  }),
});

/** @throws ProviderError; what it aborts for is the caller's to know */
export async function askOpenai(
  target: Target,
  request: LlmRequest,
  signal: AbortSignal,
): Promise<Completion> {
  const headers = {
    'content-type': 'application/json',
    ...(target.key && { authorization: `Bearer ${target.key}` }),
  };
  const body = JSON.stringify(chat(target, request));
  let answer: Response;
  let text: string;
  try {
    // The key goes to no other address.
    answer = await fetch(`${target.baseUrl}/chat/completions`, {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'error',
    });
    text = await readText(answer);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError('next', reasonOf(error), undefined, { cause: error });
  }
  if (!answer.ok)
    throw new ProviderError(
      blameFor(answer.status),
      `${answer.status} ${told(text)}`,
      retryAfter(answer.headers.get('retry-after')),
    );
  return read(text, target.model);
}

/** Models of OpenAI's own refuse `max_tokens`; most other servers know nothing else. */
const COMPLETION_TOKENS = /^(?:.*\/)?(?:gpt-|chatgpt-|o\d)/;

function chat({ model, format }: Target, request: LlmRequest): object {
  const { name, schema, maxTokens, temperature } = request;
  const spelled = `Answer with one JSON object that fits this JSON schema, and with nothing else:\n${JSON.stringify(schema)}`;
  const system = [request.system, format === 'json' && spelled].filter(Boolean).join('\n\n');
  return {
    model,
    [COMPLETION_TOKENS.test(model) ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
    ...(temperature !== undefined && { temperature }),
    messages: [...(system ? [{ role: 'system', content: system }] : []), ...request.messages],
    response_format:
      format === 'json'
        ? { type: 'json_object' }
        : { type: 'json_schema', json_schema: { name, strict: isStrict(schema), schema } },
  };
}

function read(text: string, asked: string): Completion {
  const parsed = ChatCompletion.safeParse(parse(text));
  if (!parsed.success)
    throw new ProviderError('next', `not a chat completion: ${z.prettifyError(parsed.error)}`);
  const { choices, usage, model = asked } = parsed.data;
  const { message, finish_reason } = choices[0] ?? { message: {} };
  const refused = Boolean(message.refusal) || finish_reason === 'content_filter';
  const { cached_tokens, cache_write_tokens } = usage.prompt_tokens_details ?? {};
  return {
    text: message.content ?? message.refusal ?? '',
    stop: refused ? 'refused' : finish_reason === 'length' ? 'truncated' : 'end',
    model,
    tokens: {
      input: usage.prompt_tokens,
      output: usage.completion_tokens,
      cacheRead: cached_tokens ?? 0,
      cacheWrite: cache_write_tokens ?? 0,
    },
  };
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX.answerBytes)
      throw new ProviderError('next', `an answer of more than ${MAX.answerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of OpenAI's error shape, or the beginning of whatever else was sent. */
function told(text: string): string {
  const shaped = z.object({ error: z.object({ message: z.string() }) }).safeParse(parse(text));
  return (shaped.success ? shaped.data.error.message : text).slice(0, MAX.reasonChars);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // then it fits no shape, which is said with the shape
  }
}
