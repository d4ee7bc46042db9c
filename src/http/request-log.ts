/** Gives each request an id, and tells the log and the metrics what came of it. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler, Response } from 'express';
import type { AppDeps } from './deps';

export const requestIdOf = (res: Response): string => String(res.getHeader('X-Request-Id') ?? '');

/** The declared path of the route that served a request: never its query, which may hold a token. */
const routeOf = (req: { route?: unknown }): string => {
  const { path } = (req.route ?? {}) as { path?: unknown };
  return typeof path === 'string' ? path : 'unmatched';
};

type Watchers = Pick<AppDeps, 'log' | 'metrics' | 'clock'>;

export function requestLog(watchers: Watchers): RequestHandler {
  return (req, res, next) => {
    // Somebody in front of Express had it first.
    if (!res.hasHeader('X-Request-Id')) noteRequest(req, res, watchers);
    next();
  };
}

export function noteRequest(
  req: IncomingMessage & { route?: unknown },
  res: ServerResponse,
  { log, metrics, clock }: Watchers,
): void {
  const requestId = randomUUID();
  const startedAt = clock.now();
  res.setHeader('X-Request-Id', requestId);
  res.once('close', () => {
    const ms = clock.now() - startedAt;
    const route = routeOf(req);
    const { method = '' } = req;
    const status = res.statusCode;
    metrics.observeRequest({ method, route, status, ms });
    log[status >= 400 ? 'info' : 'debug']({ requestId, method, route, status, ms }, 'request');
  });
}
