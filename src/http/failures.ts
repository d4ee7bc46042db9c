/** The one error middleware: whatever was thrown becomes a problem that tells nothing internal. */
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { AppDeps } from './deps';
import { withDeadline } from './deadline';
import { requestIdOf } from './request-log';
import type { ProblemCode } from './problem-catalogue';
import { Problem } from './problems';
import { tell } from './record';

/** What a caller is told to wait when the store is down: it mostly restarts within seconds. */
export const STORE_RETRY_AFTER_SECONDS = 2;
/** How long the store has to prove, after an unknown error, that the fault was not its. */
const PING_DEADLINE_MS = 1_000;
/** How far a chain of causes is followed. */
const MAX_CAUSES = 8;

/** Errors of Express and its body parser, by the `type` they carry. */
const BODY_ERRORS: Record<string, ProblemCode> = {
  'entity.too.large': 'body-too-large',
  'encoding.unsupported': 'unsupported-media-type',
  'charset.unsupported': 'unsupported-media-type',
  'request.aborted': 'invalid-request',
  'request.size.invalid': 'invalid-request',
};

/** Network errors, and the classes of SQLSTATE that say "not now": 08, 53 and 57P. */
const UNAVAILABLE =
  /^(ECONN\w+|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|53\w{3}|57P\w{2})$/;

export function errorHandler(deps: Pick<AppDeps, 'store' | 'clock' | 'log'>): ErrorRequestHandler {
  return async (error: unknown, req: Request, res: Response, _next) => {
    const problem = await toProblem(error, deps);
    const requestId = requestIdOf(res);
    if (problem.status >= 500) {
      deps.log.error(
        { err: error, requestId, method: req.method, path: req.path },
        `request failed: ${problem.code}`,
      );
    }
    // Half an answer cannot be taken back: the cut connection tells the caller that it is incomplete.
    if (res.headersSent) return void res.destroy();
    tell(res, problem);
    sendProblem(res, problem);
  };
}

export function sendProblem(res: Response, problem: Problem): void {
  if (problem.code === 'body-too-large') res.set('Connection', 'close'); // the rest of the body is not read
  res.status(problem.status).set(problem.headers);
  res.type('application/problem+json').send(JSON.stringify(problem.body(requestIdOf(res))));
}

/** What a caller is told of whatever was thrown. */
export async function toProblem(error: unknown, deps: Pick<AppDeps, 'store' | 'clock'>): Promise<Problem> {
  if (error instanceof Problem) return error;
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  const code = typeof type === 'string' ? BODY_ERRORS[type] : undefined;
  if (code) return new Problem(code, { cause: error });
  // The router's own refusals, e.g. of a path that is not valid percent-encoding.
  if (status === 400) return new Problem('invalid-request', { detail: 'The address cannot be decoded.' });
  if (saysUnavailable(error) || !(await answers(deps))) return unavailable(error);
  return new Problem('internal-error', { cause: error });
}

export const unavailable = (cause: unknown): Problem =>
  new Problem('unavailable', { cause, retryAfterSeconds: STORE_RETRY_AFTER_SECONDS });

/** The driver's words for deadlines that passed; these errors have no code. */
const TIMED_OUT = /^(Query read timeout|timeout exceeded when trying to connect)$/;

function saysUnavailable(error: unknown): boolean {
  let current: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if (TIMED_OUT.test(current.message)) return true;
    const { code } = current as { code?: unknown };
    if (typeof code === 'string' && UNAVAILABLE.test(code)) return true;
    current = current.cause;
  }
  return false;
}

/** Drivers word their errors differently; whether the store answers now is the same question for all. */
async function answers({ store, clock }: Pick<AppDeps, 'store' | 'clock'>): Promise<boolean> {
  return withDeadline(clock, store.ping(), PING_DEADLINE_MS).then(
    () => true,
    () => false,
  );
}
