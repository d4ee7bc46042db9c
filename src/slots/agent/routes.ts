/** `/agent/*` and `/chat` on the app's port: conversations, messages, their stream, cancelling. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readBody, reply, type Answer } from '../answer';
import type { AppContract } from '../config';
import { messageOf, StageError } from '../errors';
import type { Front } from '../front';
import { authenticate } from './auth';
import { startOfAll, type Conversations } from './conversations';
import { PAGES } from './page';
import { isFromAgent } from './peers';
import type { AgentRunner } from './runner';

const BODY_MAX_BYTES = 256 * 1024;
const TITLE_MAX = 200;
const POLL_MS = 100;
const HEARTBEAT_MS = 15_000;
const MAX_STREAMS = 50;

const MessageBody = z.object({ text: z.string().trim().min(1).max(100_000) });
const CreateBody = z.object({ title: z.string().trim().max(TITLE_MAX).default('') });

export interface AgentParts {
  contract: AppContract;
  conversations: Conversations;
  runner: AgentRunner;
  secret: string;
}

export class AgentRoutes {
  private streams = 0;

  constructor(private readonly parts: AgentParts) {}

  mount(front: Front): void {
    front.below('/chat', (incoming, outgoing, path) => page(incoming, outgoing, path));
    front.below('/agent', (incoming, outgoing, path) => {
      this.serve(incoming, outgoing, path).catch((error: unknown) => {
        if (outgoing.headersSent) return void outgoing.destroy();
        const status = error instanceof StageError ? error.status : 500;
        reply(outgoing, { status, body: { error: messageOf(error) } });
      });
    });
  }

  private async serve(incoming: IncomingMessage, outgoing: ServerResponse, path: string): Promise<void> {
    const { contract, runner, secret } = this.parts;
    if (isFromAgent(incoming.socket, runner.traits))
      return refuse(outgoing, 403, 'Not for the agent itself.');
    const who = authenticate(contract, secret, incoming);
    if ('refused' in who) return refuse(outgoing, 401, who.refused);
    const [, id, action, ...more] = path.split('/').slice(2);
    const route = `${incoming.method} ${path.split('/')[2] ?? ''}${id === undefined ? '' : '/:id'}${action ? `/${action}` : ''}`;
    if (more.length === 0 && id !== undefined && this.parts.conversations.find(id) === undefined)
      return refuse(outgoing, 404, 'There is no such conversation.');
    const found = more.length === 0 && (await this.route(route, id ?? '', who.user, incoming, outgoing));
    if (!found) refuse(outgoing, 404, `There is no ${incoming.method} ${path} here.`);
  }

  private async route(
    route: string,
    id: string,
    user: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<boolean> {
    const { conversations, runner } = this.parts;
    const give = (status: number, body: unknown) => (reply(outgoing, { status, body }), true);
    switch (route) {
      case 'GET conversations':
        return give(200, { running: runner.now?.conversation ?? null, conversations: conversations.list() });
      case 'POST conversations': {
        const { title } = await bodyOf(CreateBody, incoming);
        return give(201, conversations.create(title, user));
      }
      case 'GET conversations/:id': {
        const isRunning = runner.now?.conversation === id;
        return give(200, { ...conversations.find(id), runs: conversations.runs(id), running: isRunning });
      }
      case 'POST conversations/:id/messages': {
        const { text } = await bodyOf(MessageBody, incoming);
        return give(202, { run: await runner.start(id, text, user) });
      }
      case 'POST conversations/:id/cancel':
        return (await runner.cancel(id))
          ? give(202, { cancelled: true })
          : give(409, { error: 'The agent does not work on this conversation.' });
      case 'GET conversations/:id/events':
        await this.stream(id, incoming, outgoing);
        return true;
    }
    return false;
  }

  /** Server-sent events, from the one after Last-Event-ID on, until the client leaves. */
  private async stream(id: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (this.streams >= MAX_STREAMS)
      return refuse(outgoing, 503, `There are ${MAX_STREAMS} streams already.`);
    const after = Number(/^\d{1,9}$/.exec(String(incoming.headers['last-event-id'] ?? '0'))?.[0] ?? 0);
    const gone = new AbortController();
    outgoing.once('close', () => gone.abort());
    outgoing.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    outgoing.flushHeaders();
    this.streams += 1;
    try {
      await this.follow(id, after, outgoing, gone.signal);
    } finally {
      this.streams -= 1;
    }
  }

  private async follow(
    id: string,
    after: number,
    outgoing: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const cursor = startOfAll();
    let spoken = performance.now();
    while (!gone.aborted) {
      const events = this.parts.conversations.next(id, cursor);
      const text = events
        .filter((event) => event.id > after)
        .map((event) => `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`)
        .join('');
      const isSilent = performance.now() - spoken > HEARTBEAT_MS;
      if (text !== '' || isSilent) {
        spoken = performance.now();
        // A client that reads slowly is waited for.
        if (!outgoing.write(text === '' ? ': still here\n\n' : text)) await drained(outgoing, gone);
      }
      if (events.length === 0) await delay(POLL_MS, undefined, { signal: gone }).catch(() => undefined); // It left.
    }
  }
}

function drained(outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once('drain', resolve);
    gone.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function bodyOf<T>(schema: z.ZodType<T>, incoming: IncomingMessage): Promise<T> {
  // A form of another site cannot send this type unasked.
  if (!/^application\/json\b/.test(incoming.headers['content-type'] ?? ''))
    throw new StageError('resolve', 'The body must be application/json.', 415);
  const text = (await readBody(incoming, BODY_MAX_BYTES)).toString('utf8');
  let data: unknown;
  try {
    data = text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new StageError('resolve', 'The body is not JSON.', 400, { cause });
  }
  const read = schema.safeParse(data);
  if (read.success) return read.data;
  const faults = read.error.issues.map((i) => `${i.path.join('.') || 'the body'}: ${i.message}`);
  throw new StageError('resolve', `${faults.join('; ')}.`, 400);
}

const refuse = (outgoing: ServerResponse, status: number, error: string): void =>
  reply(outgoing, { status, body: { error } } satisfies Answer);

function page(incoming: IncomingMessage, outgoing: ServerResponse, path: string): void {
  const found = PAGES.get(path);
  if (found === undefined || !['GET', 'HEAD'].includes(incoming.method ?? ''))
    return refuse(outgoing, 404, `There is no ${path} here.`);
  outgoing.writeHead(200, {
    'content-type': found.type,
    'content-length': Buffer.byteLength(found.text),
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  });
  outgoing.end(incoming.method === 'HEAD' ? undefined : found.text);
}
