/**
 * Sends one message. It is sent again only when Slack surely did not take it: it asked for patience, or no
 * connection came about. After anything else that is not a clear answer nobody knows whether the message is
 * in the channel, so the job fails and says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const LIMITS = {
  attempts: 5,
  requestMs: 15_000,
  /** Slack mostly asks for 1 to 30 seconds. */
  longestWaitMs: 60_000,
  firstPauseMs: 500,
  /** Slack repeats the message in its answer. */
  answerBytes: 1024 * 1024,
};

/** What fetch says, in `cause.code`, when no connection came about. */
const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];
const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT';

export interface Answer {
  status: number;
  text: string;
}

export interface Sending {
  signal: AbortSignal;
  log(message: string, fields: object): void;
  /** Begins each error: the variable that holds the address. */
  variable: string;
  /** True when Slack refused the message for its rate limit, in the body of a 200. */
  isRateLimited?(answer: Answer): boolean;
}

/** Nobody knows whether the message arrived. */
export class Unconfirmed extends Error {}

/** @throws Unconfirmed, or an Error that begins with the variable; neither holds an address or a token */
export async function send(url: string, init: RequestInit, sending: Sending): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(url, init, sending);
    if ('answer' in outcome) return outcome.answer;
    const { pauseMs, why } = outcome;
    if (pauseMs > LIMITS.longestWaitMs || attempt === LIMITS.attempts)
      throw new Error(
        `${sending.variable}: nothing was posted: ${why}; tried ${attempt} times, start it again later`,
      );
    sending.log('Slack did not take the message yet', { attempt, why, pauseMs });
    await sleep(pauseMs, undefined, { signal: sending.signal });
  }
}

type Outcome = { answer: Answer } | { pauseMs: number; why: string };

async function once(url: string, init: RequestInit, sending: Sending): Promise<Outcome> {
  sending.signal.throwIfAborted();
  const signal = AbortSignal.any([sending.signal, AbortSignal.timeout(LIMITS.requestMs)]);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal });
    const answer = { status: response.status, text: await readText(response) };
    if (answer.status === 429 || sending.isRateLimited?.(answer))
      return wait(response.headers.get('retry-after'));
    if (answer.status >= 500) throw unconfirmed(`Slack answered ${answer.status}`, sending);
    return { answer };
  } catch (error) {
    if (error instanceof Unconfirmed) throw error;
    const code = codeOf(error);
    if (code === CONNECT_TIMEOUT || NOT_CONNECTED.includes(code))
      return { pauseMs: LIMITS.firstPauseMs, why: `Slack could not be reached (${code})` };
    const why = sending.signal.aborted ? 'the run was stopped' : `no complete answer came (${code})`;
    throw unconfirmed(why, sending);
  }
}

/** @throws when the body is larger than any that Slack sends */
export async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > LIMITS.answerBytes) throw new Error(`the answer is larger than ${LIMITS.answerBytes} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function wait(retryAfter: string | null): Outcome {
  const seconds = Number(retryAfter ?? 1);
  const pauseMs = seconds >= 0 ? seconds * 1000 : LIMITS.firstPauseMs;
  return { pauseMs, why: `Slack's rate limit asks to wait ${pauseMs / 1000} s` };
}

function unconfirmed(why: string, { variable }: Sending): Unconfirmed {
  return new Unconfirmed(
    `${variable}: ${why}, so the message may or may not have arrived. It is not sent again by itself: ` +
      'look into the channel before you start this again',
  );
}

/** A word for what happened; messages of fetch may hold the address, which is a secret. */
function codeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; errors?: { code?: string }[] } };
  // One address of several: each failed for itself.
  return cause?.code ?? cause?.errors?.[0]?.code ?? name ?? 'unknown';
}
