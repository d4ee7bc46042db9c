/** Writes down what agents send to a route, in the inbox, once it is answered. */
import type { Request, RequestHandler, Response } from 'express';
import { examine, type RawDelivery } from '../inbox/examine';
import type { DeliveryAttempt, SignatureVerdict } from '../store/deliveries';
import type { AppDeps } from './deps';
import { Problem } from './problems';
import type { Reply, RouteDoc } from './route';

/** Deliveries to /webhook and /webhook/claim are in this bin; nobody can send to it. */
export const WEBHOOK_BIN = 'webhook';
/** Deliveries to /hooks are in this one. */
export const HOOKS_BIN = 'hooks';
/** Bins that nobody can send to. */
export const OWN_BINS: readonly string[] = [WEBHOOK_BIN, HOOKS_BIN];

/** Ours are longer; a made-up one of a letter or two is no secret, and is everywhere. */
const MIN_TOKEN_LENGTH = 16;

/** What is told about a delivery while it is answered, on `res.locals`. */
interface Told {
  delivered?: { text?: string; signature?: SignatureVerdict };
}

const toldOf = (res: Response): NonNullable<Told['delivered']> => ((res.locals as Told).delivered ??= {});

/** What was answered, in a few words; no body of an answer is kept, for a job's holds a token. */
export function tell(res: Response, answer: Reply | Problem): void {
  toldOf(res).text = answer instanceof Problem ? textOfProblem(answer) : textOfReply(answer);
}

/** @param fault undefined: it holds */
export function tellSignature(res: Response, fault: string | undefined): void {
  toldOf(res).signature = fault === undefined ? { kind: 'valid' } : { kind: 'invalid', reason: fault };
}

const textOfProblem = ({ code, options: { detail } }: Problem): string =>
  detail === undefined ? code : `${code}: ${detail}`;

function textOfReply(reply: Reply): string {
  if (reply.kind !== 'json') return '';
  const { status, runId } = reply.body as { status?: unknown; runId?: unknown };
  return typeof status === 'string' ? status : typeof runId === 'string' ? `the job of run ${runId}` : '';
}

/** In front of everything else, so that refused deliveries are seen too; nothing where the inbox is off. */
export function writesDown({ recorded }: Pick<RouteDoc, 'recorded'>, deps: AppDeps): RequestHandler[] {
  const { inbox, clock } = deps;
  if (!recorded || !inbox) return [];
  return [
    (req, res, next) => {
      const receivedAt = clock.now();
      res.once('close', () => {
        // Too many at once: what the limit keeps away does not fill the inbox either.
        if (res.statusCode === 429) return;
        const body = Buffer.isBuffer(req.body) ? req.body : undefined;
        const raw = rawOf(req, res, recorded, receivedAt, body);
        inbox.record({ bytes: body?.length ?? 0, examine: () => examineWebhook(raw, deps) });
      });
      next();
    },
  ];
}

function rawOf(
  req: Request,
  res: Response,
  kind: 'result' | 'claim' | 'hook',
  receivedAt: number,
  body: Buffer | undefined,
): RawDelivery {
  const { text = '', signature } = toldOf(res);
  // Cut before it was answered: the status in hand was never sent.
  const answer = res.writableFinished
    ? { status: res.statusCode, text }
    : { status: 499, text: 'cut by the sender' };
  const { method, originalUrl: path, headers } = req;
  return {
    bin: kind === 'hook' ? HOOKS_BIN : WEBHOOK_BIN,
    kind,
    receivedAt,
    method,
    path,
    headers,
    body,
    answer,
    ...(signature && { signature }),
  };
}

function examineWebhook(raw: RawDelivery, deps: AppDeps) {
  const token = raw.kind === 'result' ? tokenOf(raw.path) : undefined;
  const proved = token === undefined ? undefined : attemptOf(token, raw, deps);
  const secrets = [
    ...knownSecrets(deps),
    ...(token !== undefined && token.length >= MIN_TOKEN_LENGTH ? [token] : []),
  ];
  return examine(raw, { keys: [], secrets, ...(proved && { proved }) });
}

const tokenOf = (path: string): string | undefined =>
  new URL(path, 'http://localhost').searchParams.get('token') ?? undefined;

/** The attempt a token proves. A result that broke its signature proves nothing. */
function attemptOf(
  token: string,
  { receivedAt, signature }: RawDelivery,
  { callbacks }: AppDeps,
): DeliveryAttempt | undefined {
  const verdict = callbacks.verify(token, receivedAt);
  if (!verdict.ok || signature?.kind === 'invalid') return undefined;
  const { runId, stepId, attempt } = verdict.callback;
  return { runId, stepId, attempt };
}

/** Every agent's and every hook's secrets: whoever sends one in the wrong place does not find it in the inbox. */
export const knownSecrets = ({ registry }: Pick<AppDeps, 'registry'>): string[] =>
  [
    ...registry.agents.flatMap((agent) => agent.secrets),
    ...registry.workflows.flatMap(({ id }) => registry.hookSecrets(id)),
  ].map((secret) => secret.reveal());
