/**
 * A login under way, kept in the browser alone: nothing is written for strangers who begin one. Sealed, so that
 * nobody else can begin one in a browser, and its secrets stay ours.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORM = /^[A-Za-z0-9_-]{1,1024}$/;

const PendingLogin = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** A path of ours. */
  to: z.string(),
  /** Epoch milliseconds. */
  expiresAt: z.number(),
});
export type PendingLogin = z.infer<typeof PendingLogin>;

export class Seal {
  private readonly key: Buffer;

  /** @param secret the same in every process of an installation */
  constructor(secret: string) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'reveille login by OpenID Connect', KEY_BYTES));
  }

  close(login: PendingLogin): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, iv);
    const text = Buffer.concat([cipher.update(JSON.stringify(login), 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
  }

  /** `undefined` for what we did not seal, and for what is over. */
  open(sealed: string, now: number): PendingLogin | undefined {
    if (!FORM.test(sealed)) return undefined;
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length <= IV_BYTES + TAG_BYTES) return undefined;
    const iv = bytes.subarray(0, IV_BYTES);
    const decipher = createDecipheriv(CIPHER, this.key, iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
      const login = PendingLogin.parse(JSON.parse(text.toString('utf8')));
      return login.expiresAt > now ? login : undefined;
    } catch {
      // Not ours: there is nothing to tell of it.
      return undefined;
    }
  }
}
