/** A loopback HTTP server that stands where webhooks go. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withDeadline } from './deadline';

const NEXT_DEADLINE_MS = 15_000;
const BODY_MAX_BYTES = 16 * 1024 * 1024;

export interface Delivery {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** As received, for signatures. */
  raw: Buffer;
  /** Parsed JSON, or undefined when it is none. */
  body: unknown;
  receivedAt: Date;
}

/** What to answer: a status, with an optional JSON body; or `drop`, to cut the connection instead. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'drop';

export interface WebhookReceiver {
  /** Ends in `/webhook`; any path is received. */
  readonly url: string;
  /** All so far, in the order of arrival. */
  readonly deliveries: readonly Delivery[];
  /** The first delivery that no earlier `next()` gave, waiting for it when needed. */
  readonly next: (deadlineMs?: number) => Promise<Delivery>;
  /** Decides the answer from now on. Default: 200 `{}`. */
  readonly answerWith: (answer: Answer | ((delivery: Delivery) => Answer | Promise<Answer>)) => void;
  /** Cuts open connections and stops listening. */
  readonly close: () => Promise<void>;
}

/** Starts a receiver on a free port. Close it in `afterAll`. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const deliveries: Delivery[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  let answer: (delivery: Delivery) => Answer | Promise<Answer> = () => ({ status: 200, body: {} });

  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const delivery = await read(request);
    deliveries.push(delivery);
    waiting.shift()?.();
    reply(response, await answer(delivery));
  };
  const server = createServer((request, response) => {
    receive(request, response).catch((error: Error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    deliveries,
    next: async (deadlineMs = NEXT_DEADLINE_MS) => {
      const index = taken++;
      if (deliveries[index] === undefined) {
        const arrived = new Promise<void>((resolve) => waiting.push(resolve));
        await withDeadline(arrived, deadlineMs, () => `no webhook number ${index + 1}`);
      }
      return deliveries[index] as Delivery;
    },
    answerWith: (given) => {
      answer = typeof given === 'function' ? given : () => given;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function read(request: IncomingMessage): Promise<Delivery> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new Error(`a webhook of more than ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const raw = Buffer.concat(chunks);
  const { method = '', url: path = '', headers } = request;
  return { method, path, headers, raw, body: parse(raw.toString('utf8')), receivedAt: new Date() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // documented: `body` is undefined then, and `raw` has it
  }
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === 'drop') {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
  response.end(JSON.stringify(answer.body ?? {}));
}
