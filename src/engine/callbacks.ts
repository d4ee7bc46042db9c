/**
 * Callback tokens: what makes the webhook URL of one attempt unguessable. A token names the
 * attempt and its expiry and is authenticated by HMAC-SHA256, so it is checked without a look-up.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Recent } from '../domain/recent';

export interface Callback {
  runId: string;
  stepId: string;
  attempt: number;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** Epoch milliseconds; what names no time counts as issued before every emergency stop. */
  issuedAt?: number;
}

export type CallbackVerdict =
  { ok: true; callback: Callback } | { ok: false; reason: 'forged' | 'expired' | 'revoked' };

/** Longer than any token of ours: the parser looks at no more. */
const MAX_TOKEN = 1_000;
/** More tokens than one process has attempts under way, in nearly all cases; others are only slower to check. */
const MAX_KNOWN = 2_000;

/** A payload's: run, step, attempt, and when it expires and was issued. */
type Claims = [string, string, number, number, number?];

interface Known {
  mac: Buffer;
  claims: Claims;
}

export class Callbacks {
  private readonly key: KeyObject;
  /** The last tokens made here or found right, by payload: of one attempt one is made and checked twice. */
  private readonly known = new Recent<Known>(MAX_KNOWN);
  /** Tokens issued before that are revoked: an emergency stop. */
  private revokedBefore = 0;

  constructor(
    secret: string,
    private readonly webhookUrl: string,
  ) {
    this.key = createSecretKey(secret, 'utf8');
  }

  /** The URL an agent is given to report one attempt. */
  url(callback: Callback): string {
    return `${this.webhookUrl}?token=${this.issue(callback)}`;
  }

  /** Revokes what was issued before a time (epoch milliseconds), as the record has it. */
  revokeBefore(time: number): void {
    this.revokedBefore = time;
  }

  issue({ runId, stepId, attempt, expiresAt, issuedAt = 0 }: Callback): string {
    const claims: Claims = [runId, stepId, attempt, expiresAt, issuedAt];
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const mac = this.mac(payload);
    this.known.set(payload, { mac: Buffer.from(mac), claims });
    return `${payload}.${mac}`;
  }

  verify(token: string, now: number): CallbackVerdict {
    const [payload, mac, ...rest] = token.slice(0, MAX_TOKEN).split('.');
    if (payload === undefined || mac === undefined || rest.length > 0) return { ok: false, reason: 'forged' };
    const known = this.known.get(payload);
    const expected = known?.mac ?? Buffer.from(this.mac(payload));
    const given = Buffer.from(mac);
    if (expected.length !== given.length || !timingSafeEqual(expected, given))
      return { ok: false, reason: 'forged' };
    const claims = known?.claims ?? claimsOf(payload);
    if (!known) this.known.set(payload, { mac: expected, claims });
    const [runId, stepId, attempt, expiresAt, issuedAt = 0] = claims;
    if (now > expiresAt) return { ok: false, reason: 'expired' };
    if (issuedAt < this.revokedBefore) return { ok: false, reason: 'revoked' };
    return { ok: true, callback: { runId, stepId, attempt, expiresAt } };
  }

  private mac(payload: string): string {
    return createHmac('sha256', this.key).update(`callback:${payload}`).digest('base64url');
  }
}

const claimsOf = (payload: string): Claims =>
  JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
