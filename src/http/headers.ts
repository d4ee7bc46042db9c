import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/** An API answer loads nothing and is shown in no frame; pages that need more set their own policy. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** What pages load: scripts, styles and calls from here alone; a page may add to it. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Headers of every answer; a route may replace one. */
const HEADERS = new Map(
  Object.entries({
    'Content-Security-Policy': API_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  }),
);

export const securityHeaders: RequestHandler = (_req, res, next) => {
  secure(res);
  next();
};

export const secure = (res: ServerResponse): void => void res.setHeaders(HEADERS);
