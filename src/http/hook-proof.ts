/** Whether a webhook comes from who it says: GitHub's signature, Standard Webhooks, or a token in a header. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { HookStyle } from '../registry/on-schema';
import { signatureFault, signatureHeaders } from '../standard-webhooks';
import { sameSecret } from './auth';

export interface HookRequest {
  headers: IncomingHttpHeaders;
  /** The exact bytes that were signed. */
  body: Buffer;
  /** Epoch milliseconds. */
  now: number;
}

/**
 * Why a delivery is not authentic, for the log and the inbox, never for its sender; undefined when it is.
 * @param keys any of them may have been used; without one nothing is authentic
 */
export function hookFault(
  style: HookStyle,
  request: HookRequest,
  keys: readonly string[],
): string | undefined {
  if (keys.length === 0) return 'no secret is known to check it with';
  switch (style) {
    case 'github':
      return githubFault(request, keys);
    case 'standard-webhooks': {
      const headers = signatureHeaders(request.headers);
      if (!headers) return 'it is not signed: the headers of Standard Webhooks are missing';
      return signatureFault(headers, request.body, keys, request.now);
    }
    case 'token':
      return tokenFault(request.headers, keys);
  }
}

/** HMAC-SHA256 over the body, in hexadecimal digits, in `X-Hub-Signature-256`. */
function githubFault({ headers, body }: HookRequest, keys: readonly string[]): string | undefined {
  const given = one(headers, 'x-hub-signature-256');
  if (given === undefined) return 'the header X-Hub-Signature-256 is missing';
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(given)?.[1];
  if (hex === undefined) return 'the header X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits';
  const signature = Buffer.from(hex, 'hex');
  const macs = keys.map((key) => createHmac('sha256', key).update(body).digest());
  // Every key is compared, so that the time does not tell which one was nearly right.
  const holds = macs.map((mac) => timingSafeEqual(mac, signature)).includes(true);
  return holds ? undefined : 'it was signed with another secret, or over another body';
}

/** Headers a token is looked for in: `Authorization: Bearer …`, and what GitLab and others send. */
const TOKEN_HEADERS = ['x-gitlab-token', 'x-webhook-token'];

function tokenFault(headers: IncomingHttpHeaders, keys: readonly string[]): string | undefined {
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const given = bearer ?? TOKEN_HEADERS.map((name) => one(headers, name)).find((t) => t !== undefined);
  if (given === undefined) return 'no token: send Authorization: Bearer, X-Webhook-Token or X-Gitlab-Token';
  const holds = keys.map((key) => sameSecret(key, given)).includes(true);
  return holds ? undefined : 'the token is not the one configured';
}

/** Where each style of sender names a delivery. */
const ID_HEADERS: Record<HookStyle, readonly string[]> = {
  github: ['x-github-delivery'],
  'standard-webhooks': ['webhook-id'],
  token: ['idempotency-key', 'x-delivery-id', 'x-gitlab-event-uuid'],
};

/** The sender's name for a delivery: the same for each time it sends it. */
export const deliveryId = (style: HookStyle, headers: IncomingHttpHeaders): string | undefined =>
  ID_HEADERS[style].map((name) => one(headers, name)).find((id) => id !== undefined);

/** Headers that prove something, or that might: no workflow gets to see them. */
const PRIVATE = /authorization|cookie|token|secret|signature|password|api-?key/;

/** What conditions and mappings see of the headers, by lower-case name. */
export const publicHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' && !PRIVATE.test(name) ? [[name, value]] : [],
    ),
  );

function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
