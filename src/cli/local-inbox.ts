/**
 * The inbox without an orchestrator: a server on this machine that takes whatever comes, keeps the
 * last of it in memory, and answers `GET /inbox` as an orchestrator does.
 */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deliverySummary, deliveryView } from '../http/views/delivery';
import { examine } from '../inbox/examine';
import type { Delivery } from '../store/deliveries';
import { UsageError } from './exit';

/** As large as the orchestrator takes them when nothing else is configured. */
const MAX_BODY_BYTES = 5 * 1024 * 1024;
const MAX_KEPT = 200;
const REQUEST_TIMEOUT_MS = 60_000;
/** Where a delivery lands whose path names no bin. */
const DEFAULT_BIN = 'local';

export interface LocalInboxOptions {
  host?: string;
  /** 0: any free one. */
  port: number;
  /** What the sender signs with; none: signatures are not checked. */
  keys?: readonly string[];
}

export interface LocalInbox {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly port: number;
  /** `delivery`: what came, and its body as it came. */
  readonly events: EventEmitter<{ delivery: [Delivery, Buffer] }>;
  close(): Promise<void>;
}

/** @throws UsageError when the address is taken */
export async function startLocalInbox({
  host = '127.0.0.1',
  port,
  keys = [],
}: LocalInboxOptions): Promise<LocalInbox> {
  const events = new EventEmitter<{ delivery: [Delivery, Buffer] }>();
  const kept: Delivery[] = [];
  const take = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await readBody(req);
    const status = answerTo(req, body);
    const delivery = deliveryOf(req, body, status, keys);
    kept.unshift(delivery);
    kept.length = Math.min(kept.length, MAX_KEPT);
    reply(
      res,
      status,
      body === undefined ? { title: `larger than ${MAX_BODY_BYTES} bytes` } : { id: delivery.id },
    );
    events.emit('delivery', delivery, body ?? Buffer.alloc(0));
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (req, res) => {
    if (req.method === 'GET' || req.method === 'HEAD') return show(req, res, kept);
    // The sender went away in the middle: there is nobody to answer.
    take(req, res).catch(() => res.destroy());
  });
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    events,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'something listens there already' : cause.message;
    throw new UsageError(`The inbox cannot listen on ${host}:${port}: ${why}.`, {
      cause,
      lines: ['Choose another port with --port.'],
    });
  });
}

const isClaim = (req: IncomingMessage): boolean => /\/claim\/?(\?|$)/.test(req.url ?? '');

/** An agent in startup mode that asks for a job hears that there is none. */
const answerTo = (req: IncomingMessage, body: Buffer | undefined): number =>
  body === undefined ? 413 : isClaim(req) ? 204 : 200;

function deliveryOf(
  req: IncomingMessage,
  body: Buffer | undefined,
  status: number,
  keys: readonly string[],
): Delivery {
  const { method = '', url: path = '', headers } = req;
  const bin = /^\/inbox\/([\w.-]{1,64})(?:[/?]|$)/.exec(path)?.[1] ?? DEFAULT_BIN;
  const kind = isClaim(req) ? 'claim' : 'result';
  const answer = { status, text: '' };
  const raw = { bin, kind, receivedAt: Date.now(), method, path, headers, body, answer } as const;
  return examine(raw, { keys, secrets: keys });
}

/** Undefined when it is too large. The rest is read and forgotten, so that the sender hears of it. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > 4 * MAX_BODY_BYTES) throw new Error('a body without an end');
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

/** `GET /inbox` and `GET /inbox/:id`, so that `reveille inbox --url` reads this one too. */
function show(req: IncomingMessage, res: ServerResponse, kept: readonly Delivery[]): void {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost');
  if (pathname === '/inbox') {
    const limit = Number(searchParams.get('limit') ?? 50);
    const [bin, verdict] = [searchParams.get('bin'), searchParams.get('verdict')];
    const items = kept
      .filter((d) => bin === null || d.bin === bin)
      .filter((d) => verdict === null || d.verdict === verdict)
      .slice(0, limit);
    return reply(res, 200, { items: items.map(deliverySummary), nextCursor: null });
  }
  const found = kept.find(({ id }) => pathname === `/inbox/${id}`);
  if (found) return reply(res, 200, deliveryView(found));
  const hint = 'POST to this address as an agent does; GET /inbox lists what came.';
  reply(res, 404, { title: 'There is nothing under this address', status: 404, code: 'not-found', hint });
}

function reply(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(status === 204 ? undefined : JSON.stringify(body));
}
