/** Logins of the dashboard at an OpenID Connect provider: there, and back with a session. */
import type { Request } from 'express';
import { z } from 'zod';
import type { AppDeps, HandlerDeps } from '../deps';
import { PENDING_SECONDS, type OidcLogin } from '../oidc/login';
import { safeReturn } from '../oidc/return-to';
import { Problem } from '../problems';
import { json, route, type HttpContext, type Reply } from '../route';
import { shape } from '../schema';
import { cookieOf, setCookie } from '../session-cookie';
import { failedLoginPage } from '../views/login-page';
import { PAGE_HEADERS } from '../views/approval-page';
import { checkLogin, openSession } from './session';

const tag = 'people';

const LoginMethods = shape('LoginMethods', () =>
  z.object({
    methods: z
      .array(z.enum(['key', 'oidc']))
      .describe('`key`: POST /session. `oidc`: a browser goes to /session/oidc.'),
  }),
);

export const loginMethods = route({
  method: 'get',
  path: '/session/methods',
  operationId: 'listLoginMethods',
  tag,
  summary: 'How people can log in here',
  access: 'open',
  responses: { 200: { description: 'The ways.', schema: LoginMethods } },
  problems: [],
  handle: async (_input, { oidc }) => json({ methods: oidc ? ['key', 'oidc'] : ['key'] }),
});

export const beginOidc = route({
  method: 'get',
  path: '/session/oidc',
  operationId: 'beginOidcLogin',
  tag,
  summary: 'Log in at the OpenID Connect provider',
  description:
    'For browsers: sends them to the provider, with a cookie that lasts ten minutes. They come back to `to`, a ' +
    'screen of the dashboard; anything else counts as the first screen.',
  access: 'open',
  query: z.object({ to: z.string().max(2_000).optional() }),
  responses: { 302: { description: 'On to the provider.', contentType: 'text/plain' } },
  problems: ['oidc-off', 'login-in-the-clear', 'oidc-provider-away'],
  handle: ({ query, req, res }, deps) =>
    orPage({ req, res }, async () => {
      const oidc = providerOf(deps);
      checkLogin({ req });
      const { url, cookie } = await oidc.begin(safeReturn(query.to));
      res.setHeader('Set-Cookie', setCookie(req, 'login', cookie, PENDING_SECONDS, 'Lax'));
      res.redirect(302, url);
      return { kind: 'streaming' };
    }),
});

export const finishOidc = route({
  method: 'get',
  path: '/session/oidc/callback',
  operationId: 'finishOidcLogin',
  tag,
  summary: 'Where the OpenID Connect provider sends browsers back to',
  description:
    'Checks what the provider says, sets the same cookie as POST /session, and goes on to the dashboard. Each login ' +
    'opens one session. Failures count as failed logins of an address.',
  access: 'provider',
  responses: { 303: { description: 'Logged in; on to the dashboard.', contentType: 'text/plain' } },
  problems: [
    ...(['oidc-off', 'login-in-the-clear', 'oidc-provider-away'] as const),
    ...(['oidc-not-begun', 'oidc-refused', 'oidc-unmapped'] as const),
  ],
  handle: ({ req, res }, deps) => orPage({ req, res }, () => arrive(req, res, deps)),
});

async function arrive(req: Request, res: HttpContext['res'], deps: HandlerDeps): Promise<Reply> {
  const oidc = providerOf(deps);
  checkLogin({ req });
  // Whatever comes of it, what the browser kept is used up.
  res.append('Set-Cookie', setCookie(req, 'login', '', 0, 'Lax'));
  const at = req.originalUrl.indexOf('?');
  const query = at < 0 ? '' : req.originalUrl.slice(at + 1);
  const { person, to, once } = await oidc.finish(query, cookieOf(req, 'login'));
  const opened = await openSession(person, deps, { once, issuer: oidc.issuer });
  if (!opened) throw new Problem('oidc-not-begun', { detail: 'This login opened a session already.' });
  const seconds = Math.ceil((opened.expiresAt - deps.clock.now()) / 1_000);
  res.append('Set-Cookie', setCookie(req, 'session', opened.token, seconds));
  res.redirect(303, to);
  return { kind: 'streaming' };
}

/** @throws Problem where there is none */
function providerOf({ oidc }: Pick<AppDeps, 'oidc'>): OidcLogin {
  if (!oidc) throw new Problem('oidc-off');
  return oidc;
}

/** People see a page where programs get a problem. */
async function orPage({ req, res }: Pick<HttpContext, 'req' | 'res'>, handle: () => Promise<Reply>) {
  try {
    return await handle();
  } catch (error) {
    if (!(error instanceof Problem) || req.accepts(['json', 'html']) !== 'html') throw error;
    res.status(error.status);
    const body = failedLoginPage(error);
    return { kind: 'text', type: 'html', body, headers: PAGE_HEADERS } satisfies Reply;
  }
}
