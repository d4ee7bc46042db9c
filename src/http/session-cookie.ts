/** The cookies of the dashboard, and the proof that its own page sent a request. */
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { isLoopbackHostHeader, sameSecret } from './auth';

/** How long a login lasts, whatever is done meanwhile. */
export const SESSION_SECONDS = 12 * 3_600;
export const CSRF_HEADER = 'X-CSRF-Token';
/** Longer values are none of ours. */
const MAX_COOKIE_LENGTH = 1_024;
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

export type CookieKind = 'session' | 'login';

/**
 * Over https the `__Host-` prefix: no other host or path can set it. Browsers refuse that prefix over
 * plain http, so on this machine alone the cookie goes without.
 */
export const cookieName = (kind: CookieKind, secure: boolean): string =>
  `${secure ? '__Host-' : ''}reveille_${kind}`;

/** Whether a browser came by https, by its own connection or by what a trusted proxy says. */
export const isSecure = (req: Request): boolean => req.secure;

/** A cookie sent in the clear can be read by anybody on the way; only this machine has no way. */
export const mayHaveCookies = (req: Request): boolean =>
  isSecure(req) || isLoopbackHostHeader(req.headers.host ?? '');

/**
 * A Set-Cookie header.
 * @param seconds 0 removes the cookie
 * @param sameSite `Lax` for what has to survive the way back from a provider
 */
export function setCookie(
  req: Request,
  kind: CookieKind,
  value: string,
  seconds: number,
  sameSite: 'Strict' | 'Lax' = 'Strict',
): string {
  const secure = isSecure(req);
  const parts = [`${cookieName(kind, secure)}=${value}`, 'Path=/', 'HttpOnly', `SameSite=${sameSite}`];
  return [...parts, `Max-Age=${seconds}`, ...(secure ? ['Secure'] : [])].join('; ');
}

/** The value of a cookie; the first one, if it came twice. */
export function cookieOf(req: Request, kind: CookieKind): string | undefined {
  const wanted = cookieName(kind, isSecure(req));
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== wanted) continue;
    const value = pair.slice(at + 1).trim();
    return value.length <= MAX_COOKIE_LENGTH ? value : undefined;
  }
  return undefined;
}

/** What a page has to send along with changes; nobody who cannot read our answers knows it. */
export const csrfTokenOf = (sessionToken: string): string =>
  createHash('sha256').update(`csrf:${sessionToken}`).digest('base64url');

/** Whether a browser says that a page of another origin sent this. */
export function isCrossSite(req: Request): boolean {
  const site = req.headers['sec-fetch-site'];
  const { origin } = req.headers;
  const own = `${req.protocol}://${req.host}`;
  return (site !== undefined && site !== 'same-origin') || (origin !== undefined && origin !== own);
}

/** Why a request with a session's cookie does not come from our page; undefined: it does, or changes nothing. */
export function forgeryOf(req: Request, sessionToken: string): string | undefined {
  if (SAFE_METHODS.includes(req.method)) return undefined;
  if (isCrossSite(req)) return 'It comes from a page of another site.';
  if (sameSecret(req.get(CSRF_HEADER) ?? '', csrfTokenOf(sessionToken))) return undefined;
  return `The header ${CSRF_HEADER} is missing or is not this session's.`;
}
