/** Who may talk to the agent on the app's port. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AppContract } from '../config';

/** The app gets the secret under this name, and signs for its users. */
export const AUTH_SECRET = 'AGENT_AUTH_SECRET';
const USER_MAX = 200;
/** A token may not live longer than this, whatever it says. */
const MAX_LIFE_S = 86_400;
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** Made anew at each start, as the apps are started then too: it is on no disk, and served by nothing. */
export const newSecret = (): string => randomBytes(32).toString('hex');

/** `<user>.<expiry, seconds>.<HMAC-SHA256 of both, hex>`; the user in base64url. */
export function signToken(secret: string, user: string, expires: number): string {
  const said = `${Buffer.from(user).toString('base64url')}.${expires}`;
  return `${said}.${createHmac('sha256', secret).update(said).digest('hex')}`;
}

/** The user a token names; undefined when it is forged or too old. */
export function userOf(secret: string, token: string, nowMs: number): string | undefined {
  const [, user, expires, mac] = /^([\w-]{1,400})\.(\d{1,12})\.([0-9a-f]{64})$/.exec(token) ?? [];
  if (user === undefined || expires === undefined || mac === undefined) return undefined;
  const expected = createHmac('sha256', secret).update(`${user}.${expires}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(mac, 'hex'))) return undefined;
  const left = Number(expires) - nowMs / 1_000;
  return left > 0 && left <= MAX_LIFE_S ? Buffer.from(user, 'base64url').toString('utf8') : undefined;
}

/** @returns the user; or why nobody is let in */
export function authenticate(
  contract: Pick<AppContract, 'agent_auth' | 'agent_user_header'>,
  secret: string,
  incoming: IncomingMessage,
): { user: string } | { refused: string } {
  const foreign = foreignOrigin(incoming);
  if (foreign !== undefined) return { refused: foreign };
  const { headers, socket } = incoming;
  switch (contract.agent_auth) {
    case 'hmac': {
      const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
      const user = userOf(secret, token, Date.now());
      return user === undefined ? { refused: 'Ask the app for a new link to this chat.' } : { user };
    }
    case 'trusted': {
      const name = contract.agent_user_header;
      const given = headers[name];
      const user = typeof given === 'string' ? given.slice(0, USER_MAX) : '';
      return user === '' ? { refused: `The header ${name} names no user.` } : { user };
    }
    case 'none': {
      const host = (headers.host ?? '').replace(/:\d+$/, '');
      const isLocal =
        LOOPBACK.has(socket.remoteAddress ?? '') && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(host);
      return isLocal ? { user: 'local' } : { refused: 'Without authentication only this machine may ask.' };
    }
  }
}

/** Web pages of elsewhere send their origin. */
function foreignOrigin({ headers }: IncomingMessage): string | undefined {
  if (headers.origin === undefined) return undefined;
  const host = headers['x-forwarded-host'] ?? headers.host ?? '';
  return headers.origin.replace(/^https?:\/\//, '') === host ? undefined : 'Another site may not ask.';
}
