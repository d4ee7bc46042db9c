import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorRequestHandler, Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import { z } from 'zod';
import type { Auth } from './auth';
import { buildRoutes } from './build-routes';
import type { LocalBuilds } from './builds';
import type { LocalCapsule } from './capsule';
import type { FaultSwitchboard } from './faults';
import { FaultsRequest } from './faults';
import { MAX_REPLICAS } from './options';

const replicas = z
  .number()
  .int()
  .min(0)
  .max(MAX_REPLICAS, `a local capsule has ${MAX_REPLICAS} replica at most`);
const size = z.strictObject({ qty: z.number().nonnegative(), unit: z.string().min(1) });
const ScalingPatch = z.object({ scaling: z.object({ desiredReplicas: replicas }) });
const ProductsPatch = z.object({
  cpu: size,
  memory: size,
  storage: size,
  replicaScale: z.object({ qty: replicas }),
});

/** How often each thing was asked, for tests. */
export interface Counters {
  logins: number;
  unauthorized: number;
  reads: number;
  patches: number;
  /** PATCHes that took effect. */
  applied: number;
  /** Builds that were started. */
  builds: number;
}

export interface RoutesContext {
  auth: Auth;
  capsules: ReadonlyMap<string, LocalCapsule>;
  builds: ReadonlyMap<string, LocalBuilds>;
  faults: FaultSwitchboard;
  counters: Counters;
  /** Ends answers that are being delayed when the platform stops. */
  stopping: AbortSignal;
}

type CapsuleHandler = (capsule: LocalCapsule, request: Request, response: Response) => void | Promise<void>;

/** Both shapes of the Code Capsules API, their login, and what drives the faults. */
export function routes(context: RoutesContext): Express {
  const app = express()
    .disable('x-powered-by')
    .disable('etag')
    .use(express.json({ limit: '64kb' }));
  const { faults, counters } = context;
  app.post('/api/auth/login', (request, response) => {
    counters.logins += 1;
    const token = context.auth.login(request.get('x-api-key'), request.body);
    if (token) response.json({ token });
    else problem(response, 401, 'The e-mail address, password, key or type is wrong.');
  });
  app.use((request: Request, response: Response, next: NextFunction) => {
    if (context.auth.accepts(request.get('authorization'))) return next();
    counters.unauthorized += 1;
    problem(response, 401, 'The bearer token is missing, wrong or expired.');
  });

  app.get('/capsules', (_request, response) => {
    response.json({ data: [...context.capsules.values()].map((capsule) => centralDocument(capsule)) });
  });
  app.get(
    '/capsules/:id',
    read(context, (capsule, state) => ({ data: centralDocument(capsule, state), meta: {} })),
  );
  app.get('/capsule/:id', read(context, clusterDocument));
  app.patch(
    '/capsules/:id',
    patch(context, ScalingPatch, (capsule, body) => {
      capsule.scale(body.scaling.desiredReplicas);
      return { data: centralDocument(capsule), meta: {} };
    }),
  );
  app.patch(
    '/capsules/:id/products',
    patch(context, ProductsPatch, (capsule, { replicaScale, ...sizes }) => {
      capsule.sizes = sizes;
      capsule.scale(replicaScale.qty);
      return clusterDocument(capsule);
    }),
  );
  app.get(
    '/capsules/:id/logs',
    found(context, (capsule, _request, response) => {
      response.json({ lines: capsule.log.tail() });
    }),
  );
  buildRoutes(app, context);
  app.get('/counters', (_request, response) => void response.json(counters));
  app.put('/faults', (request, response) => {
    const { capsuleId, faults: wanted } = FaultsRequest.parse(request.body);
    faults.set(wanted, capsuleId);
    response.sendStatus(204);
  });
  app.delete('/faults', (_request, response) => {
    faults.clear();
    response.sendStatus(204);
  });
  app.use((_request: Request, response: Response) => problem(response, 404, 'There is no such path.'));
  app.use(onError);
  return app;
}

/** The capsule as the central API tells it. */
function centralDocument(capsule: LocalCapsule, state = capsule.state): object {
  const { desired, running } = state;
  const scaling = { desiredReplicas: desired, runningReplicas: running };
  return { id: capsule.options.id, name: capsule.options.id, type: 'backend', scaling };
}

/** The capsule as a cluster's API tells it. */
function clusterDocument(capsule: LocalCapsule, state = capsule.state): object {
  const { desired, running } = state;
  const products = { ...capsule.sizes, replicaScale: { qty: desired } };
  return {
    id: capsule.options.id,
    name: capsule.options.id,
    type: 'backend',
    products,
    runningReplicas: running,
  };
}

export function found(context: RoutesContext, handler: CapsuleHandler) {
  return async (request: Request, response: Response): Promise<void> => {
    const capsule = context.capsules.get(String(request.params['id']));
    if (capsule) await handler(capsule, request, response);
    else problem(response, 404, 'There is no such capsule.');
  };
}

function read(
  context: RoutesContext,
  document: (capsule: LocalCapsule, state: LocalCapsule['state']) => object,
) {
  return found(context, (capsule, _request, response) => {
    context.counters.reads += 1;
    if (!answeredByFault(context, capsule, response)) response.json(document(capsule, capsule.read()));
  });
}

function patch<T>(
  context: RoutesContext,
  schema: z.ZodType<T>,
  apply: (capsule: LocalCapsule, body: T) => object,
) {
  return found(context, async (capsule, request, response) => {
    const { faults, counters, stopping } = context;
    const { id } = capsule.options;
    counters.patches += 1;
    if (answeredByFault(context, capsule, response)) return;
    if (faults.take(id, 'patchLost')) return void request.socket.destroy();
    const body = schema.parse(request.body);
    const { slowPatchMs = 0 } = faults.of(id);
    if (slowPatchMs > 0) await delay(slowPatchMs, undefined, { signal: stopping });
    const document = apply(capsule, body);
    counters.applied += 1;
    const again = faults.takeTwice(id);
    if (again !== undefined) {
      void delay(again, undefined, { signal: stopping }).then(
        () => {
          apply(capsule, body);
          counters.applied += 1;
        },
        () => undefined, // The platform stopped before the second time came.
      );
    }
    if (faults.take(id, 'patchAnswerLost')) request.socket.destroy();
    else response.json(document);
  });
}

/** Answers as a fault of the capsule wants it; false when none does. */
export function answeredByFault(context: RoutesContext, capsule: LocalCapsule, response: Response): boolean {
  const fault = context.faults.takeAnswer(capsule.options.id);
  if (!fault) return false;
  if (fault.retryAfterSeconds !== undefined) response.set('retry-after', String(fault.retryAfterSeconds));
  problem(response, fault.status, 'A fault that was asked for.');
  return true;
}

const onError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  if (response.destroyed) return;
  if (error instanceof z.ZodError) {
    const issues = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    return problem(response, 422, issues.join('; '));
  }
  const { status } = error as { status?: number };
  problem(response, status ?? 500, error instanceof Error ? error.message : 'unknown error');
};

/** Errors look as those of Code Capsules' cluster API do. */
export function problem(response: Response, statusCode: number, message: string): void {
  response.status(statusCode).json({ error: { statusCode, message } });
}
