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

/**
 * Why a signature does not hold, in words for the sender's author; undefined when it holds.
 * @param now epoch milliseconds
 */
export function signatureFault(
  { id, timestamp, signatures }: SignatureHeaders,
  body: Buffer,
  keys: readonly string[],
  now: number,
): string | undefined {
  if (id === '') return 'the header webhook-id is missing';
  if (id.length > MAX_ID_LENGTH) return `the header webhook-id is longer than ${MAX_ID_LENGTH} characters`;
  if (!/^\d{1,12}$/.test(timestamp)) return 'the header webhook-timestamp is not a time in whole seconds';
  const off = Math.floor(now / 1_000) - Number(timestamp);
  if (Math.abs(off) > TOLERANCE_SECONDS) {
    return `it was signed ${Math.abs(off)} s ${off > 0 ? 'ago' : 'ahead of our clock'}; ${TOLERANCE_SECONDS} s are allowed`;
  }
  const given = signatures
    .split(' ', MAX_SIGNATURES)
    .filter((s) => s.startsWith('v1,'))
    .map((s) => Buffer.from(s.slice('v1,'.length), 'base64'));
  if (given.length === 0) return 'the header webhook-signature holds no signature of version v1';
  const expected = keys.map((key) => macOf(id, timestamp, body, key));
  const holds = given.some((g) => expected.some((e) => g.length === e.length && timingSafeEqual(g, e)));
  return holds ? undefined : 'it was made with another secret, or over another body';
}

const macOf = (id: string, timestamp: string, body: Buffer, key: string): Buffer =>
  createHmac('sha256', keyBytes(key)).update(`${id}.${timestamp}.`).update(body).digest();

/** A `whsec_` secret is base64, as its prefix says; any other stands for its own bytes. */
const keyBytes = (key: string): Buffer =>
  key.startsWith('whsec_') ? Buffer.from(key.slice('whsec_'.length), 'base64') : Buffer.from(key, 'utf8');

/**
 * The headers of a delivery of ours.
 * @param id of the message: the same at every try
 * @param now epoch milliseconds
 */
export function signedHeaders(id: string, body: string, key: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const mac = macOf(id, timestamp, Buffer.from(body), key).toString('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}
