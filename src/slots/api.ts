/** The controller's HTTP API: this machine only, JSON always. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { readBody, reply, type Answer } from './answer';
import type { Controller } from './controller';
import { messageOf, StageError } from './errors';

const BODY_MAX_BYTES = 64 * 1024;
const BODY_MS = 10_000;
const TRIGGERS = ['agent', 'webhook', 'manual', 'reconcile'] as const;

const trigger = z.enum(TRIGGERS).default('manual');
const DeployBody = z
  .object({ commit: z.string().optional(), branch: z.string().optional(), trigger })
  .refine((b) => (b.commit === undefined) !== (b.branch === undefined), 'give a commit or a branch');
const RollbackBody = z.object({ trigger });

export interface Api {
  readonly port: number;
  close(): Promise<void>;
}

type Handler = (controller: Controller, body: unknown) => Promise<Answer>;

/** It proves itself by its signature, and may come through a tunnel by whatever name. */
const WEBHOOK = '/github/webhook';
/** Of a webhook; a longer one is left to the reconciliation. */
export const WEBHOOK_MAX_BYTES = 4 * 1024 * 1024;

const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /': async ({ ready }) => ({ status: ready ? 200 : 503, body: { status: ready ? 'ok' : 'starting' } }),
  'GET /status': async (controller) => ({ status: 200, body: await controller.status() }),
  'POST /deploy': async (controller, body) => {
    const read = DeployBody.safeParse(body);
    if (!read.success) {
      return invalid('POST /deploy takes {"commit": "<hash or ref>"} or {"branch": "<name>"}');
    }
    return { status: 200, body: await controller.deploy(read.data) };
  },
  'POST /rollback': async (controller, body) => {
    const read = RollbackBody.safeParse(body ?? {});
    if (!read.success) return invalid('POST /rollback takes nothing, or {"trigger": "manual"}');
    return { status: 200, body: await controller.rollback(read.data.trigger) };
  },
  'POST /reconcile': async ({ upkeep }) => ({ status: 200, body: await upkeep.reconcile() }),
  'POST /accept': async ({ upkeep }) => ({
    status: 200,
    body: { success: true, ...(await upkeep.accept()) },
  }),
};

/** Takes GitHub's deliveries on a path of the app's port, where the contract names one. */
export function serveWebhook(controller: Controller, path: string | undefined): void {
  if (path === undefined) return;
  controller.front.at(path, (incoming, outgoing) => {
    if (incoming.method !== 'POST') return reply(outgoing, { status: 405, body: { error: 'Only POST.' } });
    readBody(incoming, WEBHOOK_MAX_BYTES)
      .then((raw) => controller.upkeep.webhook(incoming.headers, raw))
      .then(
        (given) => reply(outgoing, given),
        (error: unknown) => reply(outgoing, failure(error)),
      );
  });
}

/** Listens on loopback. @throws Error when the port is taken */
export async function serveApi(controller: Controller, port: number): Promise<Api> {
  // A deployment may take minutes; its answer comes at its end.
  const server = createServer({ requestTimeout: BODY_MS, headersTimeout: BODY_MS }, (request, response) => {
    answer(controller, request).then(
      (given) => reply(response, given),
      (error: unknown) => reply(response, failure(error)),
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function answer(controller: Controller, request: IncomingMessage): Promise<Answer> {
  if (request.method === 'POST' && request.url === WEBHOOK) {
    return controller.upkeep.webhook(request.headers, await readBody(request, WEBHOOK_MAX_BYTES));
  }
  if (controller.isFromAgent(request))
    return { status: 403, body: { error: 'The agent has no way here; what it leaves is deployed for it.' } };
  if (isForeign(request))
    return { status: 403, body: { error: 'Only programs of this machine may ask, no web page.' } };
  const { method = '', url = '' } = request;
  const path = url.split('?', 1)[0] ?? '';
  const handler = ROUTES[`${method} ${path}`];
  if (handler === undefined) {
    const known = Object.keys(ROUTES).filter((route) => route.endsWith(` ${path}`));
    if (known.length > 0) return { status: 405, body: { error: `${path} takes ${known.join(', ')}.` } };
    return {
      status: 404,
      body: { error: `There is no ${path} here, but ${Object.keys(ROUTES).join(', ')}.` },
    };
  }
  const text = (await readBody(request, BODY_MAX_BYTES)).toString('utf8');
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    return invalid('The body is not JSON');
  }
  return handler(controller, body);
}

/** Web pages send an origin, and by a name of their own that leads here another host. */
function isForeign({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  return headers.origin !== undefined || !['127.0.0.1', 'localhost', '[::1]'].includes(host);
}

const invalid = (error: string): Answer => ({ status: 400, body: { success: false, error: `${error}.` } });

function failure(error: unknown): Answer {
  const { status, stage } = error instanceof StageError ? error : { status: 500, stage: undefined };
  return { status, body: { success: false, ...(stage && { stage }), error: messageOf(error) } };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
