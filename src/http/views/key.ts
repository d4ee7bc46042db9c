/** Keys and people as the API shows them: never a secret, never a hash. */
import { z } from 'zod';
import { Scope } from '../../domain/scope';
import type { KeyRecord } from '../../store/keys';
import type { Principal } from '../auth-people';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

const scopes = z.array(Scope).describe('admin holds all; each lets read; approver does not operate.');

export const KeyView = shape('Key', () =>
  z.object({
    id: z.string().describe('The visible part of the key; `key:<id>` in the ledger.'),
    name: z.string(),
    owner: z.string().describe('The person who answers for it.'),
    scopes,
    status: z.enum(['active', 'expired', 'revoked']),
    createdAt: isoTime,
    expiresAt: maybeTime,
    lastUsedAt: maybeTime.describe('Right to about a minute.'),
    rotatedAt: maybeTime,
    previousUntil: maybeTime.describe('Until when the secret before the last rotation opens, too.'),
    revokedAt: maybeTime,
  }),
);

export const NewKeyView = shape('NewKey', () =>
  z.object({
    key: KeyView,
    secret: z
      .string()
      .nullable()
      .describe('The key itself, shown this once. Null where the request was answered before.'),
  }),
);

export const WhoView = shape('Who', () =>
  z.object({
    id: z.string().describe('As the ledger names them: `key:<id>`, `user:<subject>` or `local`.'),
    owner: z.string(),
    scopes,
    expiresAt: maybeTime.describe('When the key or the login ends by itself.'),
  }),
);

export function keyView(key: KeyRecord, now: number): z.input<typeof KeyView> {
  const { id, name: label, owner, revokedAt, expiresAt, previousUntil } = key;
  const isOver = (expiresAt ?? Infinity) <= now;
  return {
    ...{ id, name: label, owner, scopes: key.scopes },
    status: revokedAt !== undefined ? 'revoked' : isOver ? 'expired' : 'active',
    createdAt: iso(key.createdAt),
    expiresAt: isoOrNull(expiresAt),
    lastUsedAt: isoOrNull(key.lastUsedAt),
    rotatedAt: isoOrNull(key.rotatedAt),
    previousUntil: isoOrNull(previousUntil !== undefined && previousUntil > now ? previousUntil : undefined),
    revokedAt: isoOrNull(revokedAt),
  };
}

export const whoView = ({ id, owner, scopes: held, expiresAt }: Principal): z.input<typeof WhoView> => ({
  ...{ id, owner, scopes: [...held] },
  expiresAt: isoOrNull(expiresAt),
});
