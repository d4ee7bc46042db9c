/**
 * JSON over HTTP to Google, tried again while that can help and there is time. Everything asked here
 * only reads, so asking twice does no harm.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

const LIMITS = {
  attempts: 10,
  requestMs: 60_000,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
  answerBytes: 32 * 1024 * 1024,
};

/** Quotas that fill up again. https://developers.google.com/webmaster-tools/limits */
const QUOTA_REASONS = ['quotaExceeded', 'rateLimitExceeded', 'userRateLimitExceeded'];

/** The error of a Google API, or (`error` a word) of the token endpoint. */
const Failure = z.object({
  error: z.union([
    z.object({
      message: z.string().default(''),
      status: z.string().optional(),
      errors: z.array(z.object({ reason: z.string().default('') })).default([]),
      details: z.array(z.object({ reason: z.string().optional() })).default([]),
    }),
    z.string(),
  ]),
  error_description: z.string().default(''),
});

export interface Answer {
  /** 0 when there was none. */
  status: number;
  body: unknown;
  /** Google's words for what went wrong, such as `forbidden`; empty on success. */
  reasons: string[];
  message: string;
}

export interface Patience {
  /** Aborts on timeout, cancel and SIGTERM of the run. */
  signal: AbortSignal;
  /** `performance.now()` after which nothing is tried again. */
  deadline: number;
  log(message: string, fields: object): void;
}

/** The first answer that trying again would not change, or the last one that there was time for. */
export async function ask(url: string, init: RequestInit, patience: Patience): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const { retryAfterMs, ...answer } = await once(url, init, patience);
    if (!isPassing(answer) || attempt === LIMITS.attempts) return answer;
    const growing = Math.min(LIMITS.firstPauseMs * 2 ** (attempt - 1), LIMITS.longestPauseMs);
    const pauseMs = retryAfterMs ?? growing * (0.5 + Math.random() / 2);
    if (performance.now() + pauseMs > patience.deadline) return answer;
    const { status, reasons, message } = answer;
    patience.log('Google asks for patience', { attempt, status, reasons, message, pauseMs });
    await sleep(pauseMs, undefined, { signal: patience.signal });
  }
}

/** Whether the answer is about quota. */
export function isQuota({ status, reasons }: Answer): boolean {
  return status === 429 || (status === 403 && reasons.some((reason) => QUOTA_REASONS.includes(reason)));
}

function isPassing(answer: Answer): boolean {
  return answer.status === 0 || answer.status === 408 || answer.status >= 500 || isQuota(answer);
}

async function once(
  url: string,
  init: RequestInit,
  { signal, deadline }: Patience,
): Promise<Answer & { retryAfterMs?: number }> {
  const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
  const timeout = AbortSignal.timeout(Math.min(LIMITS.requestMs, leftMs));
  try {
    const given = { ...init, redirect: 'error', signal: AbortSignal.any([signal, timeout]) } as const;
    const response = await fetch(url, given);
    const body = parse(await read(response));
    const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
    return {
      status: response.status,
      body,
      ...(response.ok ? { reasons: [], message: '' } : explain(body)),
      ...(retryAfter >= 0 && { retryAfterMs: retryAfter * 1000 }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { status: 0, body: undefined, reasons: [], message: reasonOf(error) };
  }
}

async function read(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > LIMITS.answerBytes) throw new Error(`the answer is larger than ${LIMITS.answerBytes} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's error page, say: the status says enough.
    return undefined;
  }
}

function explain(body: unknown): Pick<Answer, 'reasons' | 'message'> {
  const parsed = Failure.safeParse(body);
  if (!parsed.success) return { reasons: [], message: '' };
  const { error, error_description: description } = parsed.data;
  if (typeof error === 'string') return { reasons: [error], message: description };
  const reasons = [...error.errors, ...error.details].map(({ reason }) => reason ?? '');
  return { reasons: reasons.filter((reason) => reason !== ''), message: error.message };
}

/** fetch hides what happened, e.g. ECONNREFUSED, in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ? `${error.message} (${cause.code})` : error.message;
}
