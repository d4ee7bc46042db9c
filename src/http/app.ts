/** The orchestrator's HTTP surface. The order below is the order in which a request passes. */
import express, { type Express } from 'express';
import type { AppDeps } from './deps';
import { openDoor, type Door } from './door';
import { errorHandler } from './failures';
import { securityHeaders } from './headers';
import { mount, unmatched } from './mount';
import { requestLog } from './request-log';
import { ROUTES } from './routes';

/** @param door given where another protocol shares it */
export function createApp(deps: AppDeps, door: Door = openDoor(deps)): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.trustedProxies ?? 0);

  app.use(requestLog(deps));
  app.use(securityHeaders);
  const { people, gate } = door;
  mount(app, ROUTES, gate, { ...deps, people }); // each route: gate, body, check, handler
  app.use(gate.member, unmatched(ROUTES)); // strangers are not told what is there
  app.use(errorHandler(deps));
  return app;
}
