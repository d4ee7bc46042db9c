/** Proofs without a store: the API keys of the environment, and being this machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const HASHED = /^sha256:([0-9a-f]{64})$/i;
const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i;
/** How much of a key's hash names the key in logs and in the ledger. */
const KEY_ID_LENGTH = 8;

interface KnownKey {
  id: string;
  hash: Buffer;
}

/** The API keys of this installation; only their hashes are kept. */
export class ApiKeys {
  private readonly keys: KnownKey[];

  /**
   * @param keys each the key itself, or `sha256:<hex>` of it
   * @throws RangeError when there is none, or a hash is malformed
   */
  constructor(keys: readonly string[]) {
    if (keys.length === 0) throw new RangeError('no API key given');
    this.keys = keys.map((key, i) => {
      const hash = toHash(key, i);
      return { id: hash.toString('hex').slice(0, KEY_ID_LENGTH), hash };
    });
  }

  /** The id of a key, or undefined. Takes the same time for each outcome. */
  identifyKey(key: string): string | undefined {
    const given = sha256(key);
    let found: string | undefined;
    for (const { id, hash } of this.keys) if (timingSafeEqual(hash, given)) found = id;
    return found;
  }

  /** Whether a key of this id is configured. */
  has(id: string): boolean {
    return this.keys.some((key) => key.id === id);
  }
}

/** The key in an Authorization header. */
export const bearerOf = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1];

function toHash(key: string, index: number): Buffer {
  const hex = HASHED.exec(key)?.[1];
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  if (key === '' || key.startsWith('sha256:')) {
    throw new RangeError(`API key ${index + 1} is empty or not sha256: followed by 64 hexadecimal digits`);
  }
  return sha256(key);
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether two secrets are the same, in a time that tells neither their content nor their length. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));

/**
 * Whether a request comes straight from this machine. Each condition by itself:
 * the peer is a loopback address; the Host is one too (a foreign name that resolves here is DNS
 * rebinding); no proxy forwarded it; and no other site's page sent it (a browser on this machine
 * sends what any page asks for).
 */
export function isFromThisMachine({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers['x-real-ip'];
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  return (
    isLoopbackAddress(socket.remoteAddress ?? '') &&
    isLoopbackHostHeader(headers.host ?? '') &&
    forwarded === undefined &&
    (site === undefined || site === 'same-origin' || site === 'none') &&
    (origin === undefined || origin === `http://${headers.host}`)
  );
}

export const isLoopbackAddress = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);

/** `localhost`, `127.…` or `[::1]`, with or without a port. */
export const isLoopbackHostHeader = (host: string): boolean =>
  /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host);
