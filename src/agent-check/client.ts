/** The agent over HTTP, as the orchestrator calls it: no redirects, a deadline on each call, bounded answers. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** A status carries a whole result. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const JSON_TYPE = 'application/json';

export interface Answer {
  /** The call, for messages: `GET /health`. */
  call: string;
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed body, or undefined when it is no JSON. */
  json: unknown;
  elapsedMs: number;
}

/** There was no answer: refused, cut, or not in time. */
export class NoAnswer extends Error {
  constructor(
    readonly call: string,
    /** For people: `connection refused`. */
    readonly detail: string,
    /** Nothing listens there. */
    readonly refused = false,
  ) {
    super(`${call}: ${detail}`);
  }
}

export interface Sent {
  method: 'GET' | 'POST';
  path: string;
  timeoutMs: number;
  body?: string | Buffer;
  contentType?: string;
}

export class AgentClient {
  constructor(
    /** Without a slash at its end. */
    readonly baseUrl: string,
  ) {}

  get(path: string, timeoutMs: number): Promise<Answer> {
    return this.send({ method: 'GET', path, timeoutMs });
  }

  post(path: string, body: unknown, timeoutMs: number): Promise<Answer> {
    return this.send({ method: 'POST', path, timeoutMs, body: JSON.stringify(body) });
  }

  /** @throws NoAnswer */
  send(sent: Sent): Promise<Answer> {
    const { method, path, timeoutMs, body, contentType = JSON_TYPE } = sent;
    const call = `${method} ${path}`;
    const startedAt = performance.now();
    const url = new URL(this.baseUrl + path);
    const headers = {
      // A connection of its own for each call: a kept one would hide an agent that closes it.
      connection: 'close',
      accept: JSON_TYPE,
      ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { method, headers });
      const late = new NoAnswer(call, `no answer within ${timeoutMs} ms`);
      const timer = setTimeout(() => request.destroy(late), timeoutMs);
      let answered = false;
      request.once('response', (response) => {
        // From here on the answer counts: an agent may refuse a body before it has read all of it.
        answered = true;
        read(response)
          .then((text) => {
            const elapsedMs = performance.now() - startedAt;
            const { statusCode: status = 0, headers: given } = response;
            resolve({ call, status, headers: given, text, json: parse(text), elapsedMs });
          })
          .catch((error: Error) => reject(noAnswer(call, error)))
          .finally(() => request.destroy());
      });
      request.on('error', (error) => {
        if (!answered) reject(error instanceof NoAnswer ? error : noAnswer(call, error));
      });
      request.once('close', () => clearTimeout(timer));
      request.end(body);
    });
  }
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // documented: no JSON
  }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection cut without an answer',
  EPIPE: 'connection cut without an answer',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
};

function noAnswer(call: string, error: Error & { code?: string; errors?: Error[] }): NoAnswer {
  // A host with several addresses fails with one error for each of them.
  const code = error.code ?? (error.errors?.[0] as { code?: string } | undefined)?.code ?? '';
  return new NoAnswer(call, REASONS[code] ?? (error.message || code), code === 'ECONNREFUSED');
}
