import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  /** The parsed JSON; undefined without a body. */
  body: unknown;
}

export interface FakeAnswer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** What goes wrong with the next changes, one after the other. */
export type FakeFault =
  | { status: number; retryAfter?: number } // answered so, and not applied
  | 'answer-lost' // applied, and the connection destroyed
  | 'call-lost' // not applied, and the connection destroyed
  | 'silence'; // applied, and never answered

/**
 * A server that answers as an API does. What the API does not know is the business of `handle`; what
 * is wrong with every API (lost answers, 429, 5xx) is done here.
 */
export class FakeApi {
  readonly requests: FakeRequest[] = [];
  /** Used up by changes, in order. */
  faults: FakeFault[] = [];
  /** Used up by reads, in order. */
  readFaults: FakeFault[] = [];
  /** While true, every change is applied and none is answered. */
  losing = false;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  constructor(
    private readonly handle: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>,
    private readonly errorBody: (status: number, message: string) => unknown,
  ) {}

  /** @param socketPath a unix socket; a free port on the loopback without */
  async listen(socketPath?: string): Promise<this> {
    await new Promise<void>((resolve) => {
      if (socketPath === undefined) this.server.listen(0, '127.0.0.1', resolve);
      else this.server.listen(socketPath, resolve);
    });
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  /** What was asked, as `METHOD path`. */
  asked(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming);
    if (typeof request === 'string') return send(response, 400, this.errorBody(400, request));
    this.requests.push(request);
    const isChange = request.method !== 'GET';
    const fault = (isChange ? this.faults : this.readFaults).shift();
    if (fault === 'call-lost') return void incoming.socket.destroy();
    if (typeof fault === 'object') {
      const headers: Record<string, string> =
        fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return send(
        response,
        fault.status,
        this.errorBody(fault.status, 'a fault that was asked for'),
        headers,
      );
    }
    const answer = await this.handle(request);
    if (fault === 'answer-lost' || (isChange && this.losing)) return void incoming.socket.destroy();
    if (fault === 'silence' || response.destroyed) return;
    send(response, answer.status, answer.body, answer.headers);
  }
}

/** The request, or what is wrong with its body. */
async function read(incoming: IncomingMessage): Promise<FakeRequest | string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const url = new URL(incoming.url ?? '/', 'http://fake');
  const { method = 'GET', headers } = incoming;
  const request = { method, path: url.pathname, query: url.searchParams, headers, body: undefined };
  if (text === '') return request;
  try {
    return { ...request, body: JSON.parse(text) as unknown };
  } catch {
    return 'the body is no JSON';
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...type, ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
