/** One POST of JSON to a service that people named in the configuration. Redirects are not followed. */
import { CALL_MS, type SendOutcome } from './channel';

/** As much of an answer as is looked at. */
const MAX_ANSWER_BYTES = 4_096;
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface PostOptions {
  headers?: Record<string, string>;
  /** Reads a pause out of the answer's body, where a service says it there. */
  pauseIn?: (answer: unknown) => number | undefined;
}

/** Answers what came of it, without a word of the address: it holds a token in most products. */
export async function post(url: string, body: string, options: PostOptions = {}): Promise<SendOutcome> {
  try {
    // When it is needed: 5 MB of memory that an orchestrator without a channel does without.
    const { request } = await import('undici');
    const answer = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...options.headers },
      body,
      headersTimeout: CALL_MS,
      bodyTimeout: CALL_MS,
      signal: AbortSignal.timeout(CALL_MS),
    });
    const text = await beginning(answer.body);
    if (answer.statusCode < 300) return { ok: true };
    const { statusCode: status, headers } = answer;
    const retryAfterMs = pauseOf(headers['retry-after']) ?? options.pauseIn?.(parsed(text));
    return {
      ok: false,
      error: `it answered ${status}`,
      final: status < 500 && status !== 408 && status !== 429,
      ...(retryAfterMs !== undefined && { retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) }),
    };
  } catch (error) {
    return { ok: false, error: faultOf(error), final: false };
  }
}

async function beginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop lets go of the connection.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES);
}

function pauseOf(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
  return seconds === undefined ? undefined : seconds * 1_000;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: then it says nothing of a pause
  }
}

/** The error's code: its message may hold the address. */
export function faultOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return `no answer within ${CALL_MS / 1_000} s`;
  return typeof code === 'string' ? code : 'no answer';
}
