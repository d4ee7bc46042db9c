/** Hangs the declared routes into Express: gate, body, check, handler, answer. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Express, Request, RequestHandler, Response } from 'express';
import { parseJson, rawBodyOf, readAnyBody, readBody } from './body';
import { DEFAULT_HTTP_LIMITS, type AppDeps, type HandlerDeps } from './deps';
import { principalOf, type Gate } from './gate';
import { whileStoreAnswers } from './patience';
import { Problem } from './problems';
import { tell, writesDown } from './record';
import type { Reply, Route } from './route';

/** What kept somebody in front of Express from answering a request: its route throws it. */
const failures = new WeakMap<IncomingMessage, unknown>();

/** Has Express answer a request whose body was read already; `readBody` does not read it again. */
export function handOver(
  app: RequestListener,
  req: IncomingMessage & { body?: Buffer },
  res: ServerResponse,
  error: unknown,
): void {
  req.body ??= Buffer.alloc(0);
  failures.set(req, error);
  app(req, res);
}

/** Printable ASCII, as a header can carry it everywhere. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/;

export function mount(app: Express, routes: readonly Route[], gate: Gate, deps: HandlerDeps): void {
  for (const route of routes) {
    const limit = bodyLimit(route, deps);
    const body = route.anyBody ? readAnyBody(limit) : route.body ? readBody(limit) : [];
    const record = writesDown(route, deps);
    app[route.method](route.path, ...record, gate.admit(route), ...body, async (req, res) => {
      if (failures.has(req)) throw failures.get(req);
      const work = perform(route, req, res, deps);
      const reply = await (route.tellsOutages ? work : whileStoreAnswers(work, res, deps));
      if (record.length > 0) tell(res, reply);
      send(res, reply);
    });
  }
}

const bodyLimit = (route: Route, { webhookMaxBytes, limits }: AppDeps): number =>
  route.bodyLimit === 'webhook'
    ? webhookMaxBytes
    : (limits?.bodyMaxBytes ?? DEFAULT_HTTP_LIMITS.bodyMaxBytes);

function perform(route: Route, req: Request, res: Response, deps: HandlerDeps): Promise<Reply> {
  const rawBody = rawBodyOf(req);
  const missing = !route.body || (rawBody.length === 0 && route.bodyOptional === true);
  const body = missing ? {} : parseJson(rawBody, route.bodyLimit === 'webhook' ? 'let-in' : 'refuse');
  const key = route.idempotent ? idempotencyKey(req) : undefined;
  const principal = principalOf(res);
  const http = {
    ...{ req, res, principal, rawBody },
    actor: principal?.id ?? 'anonymous',
    ...(key !== undefined && { idempotencyKey: key }),
  };
  return route.perform({ params: req.params, query: req.query, body, http }, deps);
}

function idempotencyKey(req: Request): string | undefined {
  const key = req.get('Idempotency-Key');
  if (key === undefined || IDEMPOTENCY_KEY.test(key)) return key;
  const field = 'header.Idempotency-Key';
  const message = 'must be 1 to 255 printable ASCII characters';
  throw new Problem('invalid-request', { detail: `${field}: ${message}`, errors: [{ field, message }] });
}

function send(res: Response, reply: Reply): void {
  if (reply.kind === 'streaming') return;
  if ('headers' in reply && reply.headers) res.set(reply.headers);
  switch (reply.kind) {
    case 'json':
      sendJson(res, reply.status, reply.body);
      return;
    case 'empty':
      res.status(reply.status).end();
      return;
    case 'text':
      res.type(reply.type).send(reply.body);
      return;
    case 'file':
      res.sendFile(reply.path, { cacheControl: false });
      return;
  }
}

/** What `res.json` does, less what is switched off or never asked for here (ETag, JSONP, freshness). */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  // As a string it goes out in one piece with the headers.
  const text = JSON.stringify(body);
  res.statusCode = status;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}

/** For what no route took: 405 where the address exists under another method, else 404. */
export function unmatched(routes: readonly Route[]): RequestHandler {
  return (req) => {
    const allowed = routes.filter((r) => matches(r.path, req.path)).map((r) => r.method.toUpperCase());
    if (allowed.length === 0) throw new Problem('not-found');
    const methods = new Set(allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed);
    throw new Problem('method-not-allowed', { headers: { Allow: [...methods].join(', ') } });
  };
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((w, i) => w === given[i] || (w.startsWith(':') && given[i] !== ''))
  );
}
