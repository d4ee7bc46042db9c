/** A plain HTTP client, so that tests decide about every header and byte that is sent. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { ROUTES } from '../../../src/http/routes';
import type { Route } from '../../../src/http/route';

const ANSWER_DEADLINE_MS = 10_000;

export interface CallOptions {
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with no content type unless a header names one. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
  /** The address to call from: all of 127.0.0.0/8 is this machine. */
  from?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Parsed JSON, `undefined` for any other type. */
  body: Body;
}

/** Tests look into answers by name; the shape itself is checked against the declared schema. */
export interface Body {
  [key: string]: Body | undefined;
}

/** @throws Error when it is none. */
export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`expected text, got ${JSON.stringify(value)}`);
  return value;
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>;

/** Answers are checked against what their route declares: an undeclared status or shape fails the test. */
export function client(port: number, defaults: Record<string, string> = {}): Call {
  return async (method, path, options = {}) => {
    const answer = await collect(
      await open(port, method, path, { ...options, headers: { ...defaults, ...options.headers } }),
    );
    checkDeclared(method, path, answer);
    return answer;
  };
}

/** Sends a request; resolves with the response once its headers are there. */
export function open(
  port: number,
  method: string,
  path: string,
  options: CallOptions,
): Promise<IncomingMessage> {
  const { json, raw, headers = {}, from } = options;
  const body = json === undefined ? raw : JSON.stringify(json);
  return new Promise((resolve, reject) => {
    const req = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      ...(from !== undefined && { localAddress: from }),
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      timeout: ANSWER_DEADLINE_MS,
    });
    req.once('response', resolve);
    req.once('timeout', () =>
      req.destroy(new Error(`${method} ${path}: no answer in ${ANSWER_DEADLINE_MS} ms`)),
    );
    req.once('error', reject);
    req.end(body);
  });
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = /[/+]json\b/.test(response.headers['content-type'] ?? '');
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    body: (isJson && text !== '' ? JSON.parse(text) : undefined) as Body,
  };
}

function checkDeclared(method: string, path: string, { status, headers, body }: Answer): void {
  const route = routeOf(method, path);
  if (!route || /problem/.test(headers['content-type'] ?? '')) return;
  const declared = route.responses[status];
  if (!declared) throw new Error(`${method} ${path} answered ${status}, which it does not declare`);
  declared.schema?.parse(body);
}

export function routeOf(method: string, path: string): Route | undefined {
  const { pathname } = new URL(path, 'http://localhost');
  return ROUTES.find(
    (r) =>
      r.method === method.toLowerCase() && new RegExp(`^${r.path.replace(/:\w+/g, '[^/]+')}$`).test(pathname),
  );
}
