/**
 * In front of Express: the results that agents deliver, of which there is one for every step. Only an ordinary
 * one is answered here, and only with 200. Everything else, and every refusal, is Express's, which stays the one
 * place where somebody is told no, slowed down or written down.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { AgentRunResult } from '../contract';
import { signatureHeaders } from '../standard-webhooks';
import { parseJson } from './body';
import type { AppDeps } from './deps';
import { secure } from './headers';
import { handOver, sendJson } from './mount';
import { whileStoreAnswers } from './patience';
import { Problem } from './problems';
import { noteRequest } from './request-log';
import { checked } from './route';
import { answer, webhook } from './routes/webhook';

/** As `Callbacks.url` writes it. */
const ADDRESS = /^\/webhook\?token=([\w.-]{1,1000})$/;
const JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;
const SIZE = /^[1-9]\d{0,9}$/;
/** What makes a body another one than the bytes that Content-Length counts. */
const UNUSUAL = ['transfer-encoding', 'content-encoding', 'expect'];

type Delivery = IncomingMessage & { body?: Buffer; route?: unknown };

/** @param app what answers everything that is not answered here */
export function inFront(deps: AppDeps, app: RequestListener): RequestListener {
  if (deps.inbox) return app; // what is written down is written down by Express
  return (req, res) => {
    const token = tokenOf(req, deps);
    if (token === undefined) return app(req, res);
    take(token, req, res, deps).catch((error: unknown) => handOver(app, req, res, error));
  };
}

/** The token of an ordinary delivery by somebody whom we asked; undefined for any other. */
function tokenOf({ method, url = '', headers }: IncomingMessage, deps: AppDeps): string | undefined {
  const token = method === 'POST' ? ADDRESS.exec(url)?.[1] : undefined;
  if (token === undefined || !JSON_TYPE.test(headers['content-type'] ?? '')) return undefined;
  const size = headers['content-length'] ?? '';
  if (!SIZE.test(size) || Number(size) > deps.webhookMaxBytes) return undefined;
  if (UNUSUAL.some((name) => name in headers) || signatureHeaders(headers)) return undefined;
  return deps.callbacks.verify(token, deps.clock.now()).ok ? token : undefined;
}

async function take(token: string, req: Delivery, res: ServerResponse, deps: AppDeps): Promise<void> {
  req.route = webhook; // as Express sets it
  noteRequest(req, res, deps);
  req.body = await bodyOf(req);
  const result = checked(AgentRunResult, parseJson(req.body, 'let-in'), 'body');
  const reply = await whileStoreAnswers(answer(deps.engine.result(token, result)), res, deps);
  if (reply.kind !== 'json') throw new Error('a result was answered without JSON');
  secure(res);
  sendJson(res, reply.status, reply.body);
}

/** As many bytes as its Content-Length announced: Node's parser lets no more through. */
function bodyOf(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.once('end', () => resolve(Buffer.concat(chunks)));
    req.once('error', (cause) => reject(new Problem('invalid-request', { cause })));
  });
}
