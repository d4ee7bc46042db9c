/** Where the checked agent's webhooks arrive: one server, a mailbox for each job. */
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from './client';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Of one job: an agent that goes on for ever must not fill our memory. */
const MAX_DELIVERIES = 50;
const SLICE_MS = 50;
const REQUEST_TIMEOUT_MS = 30_000;

const PAGE = `<!doctype html><html lang="en"><head><title>A page to check agents with</title>
<meta name="description" content="One small page, served while an agent is checked."></head>
<body><h1>Hello</h1><p>This page has no links.</p></body></html>`;

export interface Delivery {
  method: string;
  /** Path and query, as they were sent. */
  path: string;
  headers: IncomingHttpHeaders;
  raw: Buffer;
  /** Parsed, or undefined when it is no JSON. */
  body: unknown;
  /** `performance.now()` and the wall clock, both in milliseconds. */
  at: number;
  time: number;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
}

/** The address of one job, and what came to it. */
export class Mailbox {
  readonly deliveries: Delivery[] = [];
  readonly #arrivals = new EventEmitter();

  constructor(
    readonly url: string,
    /** Path and query of the URL. */
    readonly path: string,
    /** Which job's results belong here although they came to another path. */
    readonly job: { runId: string; stepId: string } | undefined,
    /** What to answer the n-th delivery, counted from 0. */
    readonly reply: (n: number) => Reply,
  ) {
    this.#arrivals.setMaxListeners(0);
  }

  add(delivery: Delivery): Reply {
    const n = this.deliveries.length;
    if (n >= MAX_DELIVERIES) return { status: 410 };
    this.deliveries.push(delivery);
    this.#arrivals.emit('delivery');
    return this.reply(n);
  }

  /**
   * Resolves with the `count`-th delivery, counted from 1, or undefined when it is not there in time.
   * The time is counted in slices that were really waited for: a process that was held up, ours or an
   * agent's beside it, must not be taken for silence.
   */
  async wait(count: number, withinMs: number): Promise<Delivery | undefined> {
    for (let left = withinMs; this.deliveries.length < count && left > 0; left -= SLICE_MS) {
      const slice = Math.ceil(Math.min(left, SLICE_MS));
      await once(this.#arrivals, 'delivery', { signal: AbortSignal.timeout(slice) }).catch((error: Error) => {
        if (error.name !== 'AbortError') throw error;
      });
    }
    return this.deliveries[count - 1];
  }
}

export interface ReceiverOptions {
  host: string;
  port: number;
  /** How the agent reaches this server; default: the host and port it listens on. */
  publicUrl?: string;
}

export class Receiver {
  readonly #boxes = new Map<string, Mailbox>();
  readonly #server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    this.#receive(request, response).catch(() => response.destroy());
  });
  #baseUrl = '';

  /** @throws Error when it cannot listen there */
  async listen({ host, port, publicUrl }: ReceiverOptions): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const { port: actual } = this.#server.address() as AddressInfo;
    const shown = host.includes(':') ? `[${host}]` : host;
    this.#baseUrl = (publicUrl ?? `http://${shown}:${actual}`).replace(/\/+$/, '');
  }

  /** Addresses that inputs may name: a small page, and one that never answers. */
  get places(): { page: string; silent: string } {
    return { page: `${this.#baseUrl}/page/`, silent: `${this.#baseUrl}/silent/` };
  }

  /** Opens an address. Its query is odd on purpose: it has to come back byte for byte. */
  open(job?: Mailbox['job'], reply: Mailbox['reply'] = () => ({ status: 200 })): Mailbox {
    const key = randomBytes(12).toString('hex');
    const path = `/results/${key}?token=${randomBytes(16).toString('base64url')}&for=a%2Bb%20c`;
    const url = this.#baseUrl + path;
    const box = new Mailbox(url, new URL(this.#baseUrl).pathname.replace(/\/$/, '') + path, job, reply);
    this.#boxes.set(key, box);
    return box;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const [, place = ''] = /\/(page|silent)\/?(?:\?|$)/.exec(path) ?? [];
    if (place === 'silent') return;
    if (place === 'page') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
      return;
    }
    const raw = await readBody(request);
    const body = parse(raw.toString('utf8'));
    const box = this.#boxOf(path, body);
    const delivery = { method, path, headers, raw, body, at: performance.now(), time: Date.now() };
    const { status, headers: extra } = box?.add(delivery) ?? { status: 404 };
    response.writeHead(status, { 'content-type': 'application/json', ...extra }).end('{}');
  }

  /** By the path's key; a result that lost it still tells its job. */
  #boxOf(path: string, body: unknown): Mailbox | undefined {
    const [, key = ''] = /\/results\/([0-9a-f]+)/.exec(path) ?? [];
    const { runId, stepId } = (body ?? {}) as { runId?: unknown; stepId?: unknown };
    const ofJob = (box: Mailbox) => box.job?.runId === runId && box.job?.stepId === stepId;
    return (
      this.#boxes.get(key) ?? (runId === undefined ? undefined : [...this.#boxes.values()].findLast(ofJob))
    );
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`a webhook of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
