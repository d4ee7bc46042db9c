/** The orchestrator's HTTP surface. The order below is the order in which a request passes. */
import express, { type Express } from 'express';
import { People } from './auth-people';
import type { AppDeps } from './deps';
import { errorHandler } from './failures';
import { Gate } from './gate';
import { securityHeaders } from './headers';
import { mount, unmatched } from './mount';
import { requestLog } from './request-log';
import { ROUTES } from './routes';

export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.trustedProxies ?? 0);

  app.use(requestLog(deps));
  app.use(securityHeaders);
  const people = new People(deps);
  const gate = new Gate({ ...deps, people });
  mount(app, ROUTES, gate, { ...deps, people }); // each route: gate, body, check, handler
  app.use(gate.member, unmatched(ROUTES)); // strangers are not told what is there
  app.use(errorHandler(deps));
  return app;
}
