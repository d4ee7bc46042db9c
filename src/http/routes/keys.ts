/** API keys: made, rotated, revoked, listed; and who one is. */
import { z } from 'zod';
import { change, type LedgerEntry } from '../../domain/ledger';
import { Scope } from '../../domain/scope';
import type { KeyRecord } from '../../store/keys';
import { hashOf, KEY_ID, mintKey, newKeyId } from '../auth-key';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, isoTime, shape, pageOf, pageQuery } from '../schema';
import { keyView, KeyView, NewKeyView, whoView, WhoView } from '../views/key';

const tag = 'people';
const DAY_SECONDS = 86_400;
/** How long both secrets open after a rotation, unless said otherwise: time to change it everywhere. */
const DEFAULT_GRACE_SECONDS = 3_600;
const MAX_GRACE_SECONDS = 7 * DAY_SECONDS;

const params = z.object({ keyId: z.string().regex(KEY_ID, 'is not the id of a key') });

/** @param after what of it changed, as the ledger tells of the key; never a secret or a hash */
const entryOf = (
  action: 'created' | 'rotated' | 'revoked',
  id: string,
  by: { at: number; actor: string; reason?: string | undefined },
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): LedgerEntry => ({
  ...{ at: by.at, actor: by.actor, action: `key.${action}`, entity: 'key', id },
  ...change(before, after),
  ...(by.reason !== undefined && { reason: by.reason }),
});

const rotationOf = ({ rotatedAt, previousUntil }: Partial<KeyRecord> = {}): Record<string, unknown> => ({
  ...(rotatedAt !== undefined && { rotatedAt }),
  ...(previousUntil !== undefined && { previousUntil }),
});

export const listKeys = route({
  method: 'get',
  path: '/keys',
  operationId: 'listKeys',
  tag,
  summary: 'API keys, newest first',
  description: 'Those of the environment (API_KEYS) are not among them.',
  access: 'admin',
  query: z.object(pageQuery),
  responses: { 200: { description: 'A page.', schema: shape('KeyPage', () => pageOf(KeyView)) } },
  problems: [],
  handle: async ({ query }, { store, clock }) => {
    const { items, nextCursor } = await store.keys(query.limit, query.cursor);
    return json({ items: items.map((key) => keyView(key, clock.now())), nextCursor });
  },
});

export const createKey = route({
  method: 'post',
  path: '/keys',
  operationId: 'createKey',
  tag,
  summary: 'Make an API key',
  description: 'Its secret is in this answer alone: only a hash of it is kept.',
  access: 'admin',
  body: shape('CreateKey', () =>
    z.strictObject({
      name: idText.describe('What it is for.'),
      owner: idText.optional().describe('The person who answers for it. Left out: who makes it.'),
      scopes: z.array(Scope).min(1).max(Scope.options.length),
      expiresAt: isoTime.optional().describe('Left out: it is good until it is revoked.'),
    }),
  ),
  idempotent: true,
  responses: {
    201: { description: 'The key, with its secret.', schema: NewKeyView },
    200: {
      description: 'The key that the same Idempotency-Key made before, without its secret.',
      schema: NewKeyView,
    },
  },
  problems: ['idempotency-key-reused'],
  handle: async ({ body, actor, principal, idempotencyKey }, { store, clock }) => {
    const now = clock.now();
    const expiresAt = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt);
    if (expiresAt !== undefined && expiresAt <= now) {
      throw new Problem('invalid-request', { detail: 'body.expiresAt: is over already' });
    }
    const id = newKeyId();
    const secret = mintKey(id);
    const scopes = Scope.options.filter((scope) => body.scopes.includes(scope));
    const owner = body.owner ?? principal?.owner ?? actor;
    const limit = expiresAt === undefined ? {} : { expiresAt };
    const record = { id, name: body.name, owner, scopes, hash: hashOf(secret), createdAt: now, ...limit };
    const request =
      idempotencyKey === undefined ? {} : { requestId: hashOf(JSON.stringify([actor, idempotencyKey])) };
    const told = { name: body.name, owner, scopes: scopes.join(' '), status: 'active', ...limit };
    const entry = entryOf('created', id, { at: now, actor }, {}, told);
    const { kind, key } = await store.addKey({ ...record, ...request }, entry);
    if (kind === 'known' && !isSame(key, record)) throw new Problem('idempotency-key-reused');
    return kind === 'added'
      ? json({ key: keyView(key, now), secret }, 201)
      : json({ key: keyView(key, now), secret: null });
  },
});

/** Whether the same was asked for. */
const isSame = (a: KeyRecord, b: KeyRecord): boolean =>
  a.name === b.name &&
  a.owner === b.owner &&
  a.scopes.join() === b.scopes.join() &&
  a.expiresAt === b.expiresAt;

export const rotateKey = route({
  method: 'post',
  path: '/keys/:keyId/rotate',
  operationId: 'rotateKey',
  tag,
  summary: 'Give a key a new secret',
  description:
    'The secret before opens for a while longer; after a leak say `{"graceSeconds": 0}`. If the answer is lost, rotate again.',
  access: 'admin',
  params,
  body: shape('RotateKey', () =>
    z.strictObject({
      graceSeconds: z.number().int().min(0).max(MAX_GRACE_SECONDS).default(DEFAULT_GRACE_SECONDS),
    }),
  ),
  bodyOptional: true,
  responses: { 200: { description: 'The key, with its new secret.', schema: NewKeyView } },
  problems: ['key-not-found', 'key-over'],
  handle: async ({ params: { keyId }, body, actor }, { store, clock, people }) => {
    const at = clock.now();
    const secret = mintKey(keyId);
    const previousUntil = at + body.graceSeconds * 1_000;
    const before = rotationOf(await store.key(keyId));
    const entry = entryOf('rotated', keyId, { at, actor }, before, { rotatedAt: at, previousUntil });
    const key = await store.rotateKey(keyId, { hash: hashOf(secret), at, previousUntil }, entry);
    people.forgetKey(keyId);
    if (key) return json({ key: keyView(key, at), secret });
    throw new Problem((await store.key(keyId)) ? 'key-over' : 'key-not-found');
  },
});

export const revokeKey = route({
  method: 'post',
  path: '/keys/:keyId/revoke',
  operationId: 'revokeKey',
  tag,
  summary: 'End a key for good',
  description:
    'It and the logins made with it open nothing from now on; with several orchestrators, within 2 seconds. The same again is no error.',
  access: 'admin',
  params,
  body: shape('RevokeKey', () => z.strictObject({ reason: idText.optional() })),
  bodyOptional: true,
  responses: { 200: { description: 'The key.', schema: KeyView } },
  problems: ['key-not-found'],
  handle: async ({ params: { keyId }, body, actor }, { store, clock, people }) => {
    const at = clock.now();
    const entry = entryOf(
      'revoked',
      keyId,
      { at, actor, reason: body.reason },
      { status: 'active' },
      { status: 'revoked' },
    );
    const key = (await store.revokeKey(keyId, at, entry)) ?? (await store.key(keyId));
    people.forgetKey(keyId);
    if (!key) throw new Problem('key-not-found');
    return json(keyView(key, at));
  },
});

export const whoami = route({
  method: 'get',
  path: '/whoami',
  operationId: 'whoAmI',
  tag,
  summary: 'Who you are here, and what you may do',
  access: 'viewer',
  responses: { 200: { description: 'You.', schema: WhoView } },
  problems: [],
  handle: async ({ principal }) => {
    if (!principal) throw new Problem('unauthorized');
    return json(whoView(principal));
  },
});
