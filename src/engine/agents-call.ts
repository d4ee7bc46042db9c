/** One HTTP call of an agent: what it may take, and when it may no longer begin. */
import type { Dispatcher } from 'undici';

const MAX_ANSWER_BYTES = 64 * 1024;

/** `body` is the parsed JSON, or the text where it is none. */
export interface Answer {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

export interface Call {
  method: 'GET' | 'POST';
  url: string;
  body?: unknown;
  /** For the whole call, connecting and reading included. */
  timeoutMs: number;
  maxBytes?: number;
  /** Not over a kept connection, and not kept. */
  fresh?: boolean;
  /** Asked when a connection for it is there, right before it is written. */
  mayBegin?: (() => boolean) | undefined;
}

/** It was called off; nothing of it was written. */
export class Held extends Error {
  override readonly name = 'Held';
}

/** @throws Held, and whatever keeps the answer from coming in time, whole, and within its size */
export function perform(dispatcher: Pick<Dispatcher, 'dispatch'>, call: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { origin, pathname, search } = new URL(call.url);
    dispatcher.dispatch(
      {
        origin,
        path: pathname + search,
        method: call.method,
        reset: call.fresh ?? false,
        ...(call.body !== undefined && {
          body: JSON.stringify(call.body),
          headers: { 'content-type': 'application/json' },
        }),
      },
      new Exchange(call, resolve, reject),
    );
  });
}

/** Takes an answer in as it comes: a stream of its own for each would cost more than the call. */
class Exchange implements Dispatcher.DispatchHandler {
  private readonly timer: NodeJS.Timeout;
  private controller: Dispatcher.DispatchController | undefined;
  private error: Error | undefined;
  private code = 0;
  private headers: Answer['headers'] = {};
  private chunks: Buffer[] = [];
  private bytes = 0;

  constructor(
    private readonly call: Call,
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    const { timeoutMs } = call;
    this.timer = setTimeout(() => this.fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  }

  /** Calls off by throwing: to abort would close the connection, which the next call has to wait for then. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { mayBegin } = this.call;
    if (this.error) throw this.error;
    if (mayBegin && !mayBegin()) throw new Held('switched off, or not known in time not to be');
    this.controller = controller;
  }

  /** Comes again after an answer that is only about the way, such as 103. */
  onResponseStart(_: Dispatcher.DispatchController, code: number, headers: Answer['headers']): void {
    this.code = code;
    this.headers = headers;
    this.chunks = [];
    this.bytes = 0;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    const maxBytes = this.call.maxBytes ?? MAX_ANSWER_BYTES;
    this.bytes += chunk.length;
    if (this.bytes > maxBytes) this.fail(new Error(`an answer over ${maxBytes} bytes`));
    else this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.timer);
    const text = Buffer.concat(this.chunks).toString('utf8');
    this.resolve({ code: this.code, headers: this.headers, body: parsed(text) });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** The first reason counts; a call that still waits for its connection is not begun any more. */
  private fail(error: Error): void {
    if (this.error) return;
    this.error = error;
    clearTimeout(this.timer);
    this.controller?.abort(error);
    this.reject(error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // quoted in the error of whoever expected JSON
  }
}
