/** API keys made by this installation: `rv_<id>_<secret>`, the id visible, the secret 256 random bits. */
import { createHash, randomBytes } from 'node:crypto';

const ID_BYTES = 6;
const SECRET_BYTES = 32;
const FORMAT = /^rv_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** Ids of keys, as paths name them. */
export const KEY_ID = /^[0-9a-f]{12}$/;

export const newKeyId = (): string => randomBytes(ID_BYTES).toString('hex');

/** A new key under an id. What is returned is shown once and kept nowhere. */
export const mintKey = (id: string): string => `rv_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;

/** A new token of a session. */
export const mintToken = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** The id in a key of ours; undefined for any other text. Proves nothing. */
export const keyIdOf = (key: string): string | undefined => FORMAT.exec(key)?.[1];

/**
 * SHA-256 in hexadecimal. A slow hash guards guessable passwords; 256 random bits cannot be guessed
 * from any hash.
 */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
