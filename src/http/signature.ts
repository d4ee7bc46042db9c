/** Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`, by any of the agent's keys. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How far the sender's clock may be off, either way. */
const TOLERANCE_SECONDS = 300;
/** Signatures looked at in one header: a sender in rotation sends two. */
const MAX_SIGNATURES = 10;
const MAX_ID_LENGTH = 200;

export interface SignatureHeaders {
  id: string;
  timestamp: string;
  signatures: string;
}

/**
 * The signature's headers, or undefined where a sender did not sign at all. One header alone is an
 * attempt to sign, and then has to hold.
 */
export function signatureHeaders(headers: IncomingHttpHeaders): SignatureHeaders | undefined {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((header) =>
    String(headers[header] ?? ''),
  ) as [string, string, string];
  return id === '' && timestamp === '' && signatures === '' ? undefined : { id, timestamp, signatures };
}

/** @param now epoch milliseconds */
export function signatureHolds(
  { id, timestamp, signatures }: SignatureHeaders,
  body: Buffer,
  keys: readonly string[],
  now: number,
): boolean {
  if (id === '' || id.length > MAX_ID_LENGTH || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Math.floor(now / 1_000) - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = keys.map((key) =>
    createHmac('sha256', keyBytes(key)).update(`${id}.${timestamp}.`).update(body).digest(),
  );
  const given = signatures
    .split(' ', MAX_SIGNATURES)
    .filter((s) => s.startsWith('v1,'))
    .map((s) => Buffer.from(s.slice('v1,'.length), 'base64'));
  return given.some((g) => expected.some((e) => g.length === e.length && timingSafeEqual(g, e)));
}

/** A `whsec_` secret is base64, as its prefix says; any other stands for its own bytes. */
const keyBytes = (key: string): Buffer =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : Buffer.from(key, 'utf8');
