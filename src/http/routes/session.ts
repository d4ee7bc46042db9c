/** Logins of the dashboard: a cookie that no script can read, for people with a key. */
import { z } from 'zod';
import type { LedgerEntry } from '../../domain/ledger';
import type { SessionRecord } from '../../store/keys';
import { hashOf, mintToken } from '../auth-key';
import type { Principal } from '../auth-people';
import type { HandlerDeps } from '../deps';
import { Problem } from '../problems';
import { json, route, type HttpContext } from '../route';
import { isoTime, shape } from '../schema';
import { csrfTokenOf, isCrossSite, mayHaveCookies, SESSION_SECONDS, setCookie } from '../session-cookie';
import { iso } from '../views/time';
import { whoView, WhoView } from '../views/key';

const tag = 'people';

const SessionView = shape('Session', () =>
  WhoView.unwrap().extend({
    expiresAt: isoTime.describe('When to log in again.'),
    csrfToken: z.string().describe('To be sent as X-CSRF-Token with every request that changes something.'),
  }),
);

/** Hashes name a session in the ledger by their beginning: they are no secret, but long. */
const SESSION_ID_LENGTH = 12;

export const sessionEntry = (
  verb: 'opened' | 'ended',
  hash: string,
  by: { at: number; actor: string; reason?: string },
  set: Record<string, unknown> = {},
): LedgerEntry => ({
  ...by,
  action: `session.${verb}`,
  entity: 'session',
  id: hash.slice(0, SESSION_ID_LENGTH),
  set: { status: verb === 'opened' ? 'open' : 'ended', ...set },
  ...(verb === 'ended' && { was: { status: 'open' } }),
});

/** Of a login elsewhere: it opens one session, whoever comes with it. */
interface Elsewhere {
  once: { id: string; until: number };
  issuer: string;
}

/**
 * Opens a session for somebody who proved who they are.
 * @returns its token, for the cookie alone; undefined when the login opened one before
 */
export async function openSession(
  who: Principal & { keyId?: string },
  deps: Pick<HandlerDeps, 'store' | 'clock'>,
  elsewhere: Elsewhere,
): Promise<{ token: string; expiresAt: number } | undefined>;
export async function openSession(
  who: Principal & { keyId?: string },
  deps: Pick<HandlerDeps, 'store' | 'clock'>,
): Promise<{ token: string; expiresAt: number }>;
export async function openSession(
  who: Principal & { keyId?: string },
  { store, clock }: Pick<HandlerDeps, 'store' | 'clock'>,
  elsewhere?: Elsewhere,
): Promise<{ token: string; expiresAt: number } | undefined> {
  const at = clock.now();
  const token = mintToken();
  const hash = hashOf(token);
  const expiresAt = Math.min(at + SESSION_SECONDS * 1_000, who.expiresAt ?? Infinity);
  const { id: actor, owner, scopes, keyId } = who;
  const session: SessionRecord = {
    ...{ hash, actor, owner, createdAt: at, expiresAt },
    ...(keyId === undefined ? { scopes: [...scopes] } : { keyId, scopes: [] }),
  };
  const told = {
    ...{ owner, scopes: scopes.join(' '), expiresAt },
    ...(elsewhere && { issuer: elsewhere.issuer }),
  };
  const entry = sessionEntry('opened', hash, { at, actor }, told);
  return (await store.addSession(session, entry, elsewhere?.once)) ? { token, expiresAt } : undefined;
}

/** @throws Problem where a cookie would be sent in the clear, or another site's page asks for one */
export function checkLogin({ req }: Pick<HttpContext, 'req'>): void {
  if (!mayHaveCookies(req)) throw new Problem('login-in-the-clear');
}

export const logIn = route({
  method: 'post',
  path: '/session',
  operationId: 'logIn',
  tag,
  summary: 'Log in with an API key',
  description:
    'Sets an HttpOnly, SameSite=Strict cookie: `__Host-reveille_session` over https, `reveille_session` on this ' +
    'machine by http. It lasts 12 hours at most, and ends with the key.',
  access: 'login',
  body: shape('LogIn', () => z.strictObject({ key: z.string().min(1).max(512) })),
  responses: { 200: { description: 'You, logged in.', schema: SessionView } },
  problems: ['login-refused', 'login-in-the-clear', 'cross-site'],
  handle: async ({ body, req }, deps) => {
    checkLogin({ req });
    if (isCrossSite(req)) throw new Problem('cross-site');
    const who = await deps.people.byKey(body.key, () => undefined);
    if (who === 'refused') throw new Problem('login-refused');
    const keyId = who.id.slice('key:'.length);
    const { token, expiresAt } = await openSession({ ...who, keyId }, deps);
    const view = { ...whoView(who), expiresAt: iso(expiresAt), csrfToken: csrfTokenOf(token) };
    const seconds = Math.ceil((expiresAt - deps.clock.now()) / 1_000);
    return json(view, 200, { 'Set-Cookie': setCookie(req, 'session', token, seconds) });
  },
});

export const getSession = route({
  method: 'get',
  path: '/session',
  operationId: 'getSession',
  tag,
  summary: 'The login of this browser, with its CSRF token',
  access: 'viewer',
  responses: { 200: { description: 'You, logged in.', schema: SessionView } },
  problems: ['no-session'],
  handle: async ({ principal }) => {
    if (!principal?.session) throw new Problem('no-session');
    const { session, expiresAt = 0 } = principal;
    return json({
      ...whoView(principal),
      expiresAt: iso(expiresAt),
      csrfToken: csrfTokenOf(session.token),
    });
  },
});

export const logOut = route({
  method: 'delete',
  path: '/session',
  operationId: 'logOut',
  tag,
  summary: 'Log out',
  description: 'The session is over in every orchestrator within 2 seconds, whoever has its cookie.',
  access: 'viewer',
  responses: { 204: { description: 'Done.' } },
  problems: ['no-session'],
  handle: async ({ principal, actor, req, res }, { store, clock, people }) => {
    if (!principal?.session) throw new Problem('no-session');
    const { hash } = principal.session;
    await store.endSession(hash, sessionEntry('ended', hash, { at: clock.now(), actor }));
    people.forgetSession(hash);
    res.setHeader('Set-Cookie', setCookie(req, 'session', '', 0));
    return { kind: 'empty', status: 204 };
  },
});
