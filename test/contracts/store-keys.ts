import { verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { LedgerAction } from '../../src/domain/ledger/actions';
import { TOUCH_MS, type NewKey, type SessionRecord } from '../../src/store/keys';
import type { Store } from '../../src/store/store';
import { T0 } from './store-fixtures';

const id = (n: number): string => n.toString(16).padStart(12, '0');

const key = (n: number, over: Partial<NewKey> = {}): NewKey => ({
  id: id(n),
  name: `key ${n}`,
  owner: 'anna@example.com',
  scopes: ['viewer', 'approver'],
  hash: `hash-${n}`,
  createdAt: T0 + n,
  ...over,
});

const entry = (action: LedgerAction, n: number, at = T0): LedgerEntry => ({
  ...{ at, action, actor: 'key:1', entity: 'key', id: id(n) },
  set: {},
});

const session = (over: Partial<SessionRecord> = {}): SessionRecord => ({
  hash: 'session-1',
  actor: 'user:anna',
  owner: 'anna@example.com',
  scopes: ['operator'],
  createdAt: T0,
  expiresAt: T0 + 1_000,
  ...over,
});

export function keyContract(open: () => Store): void {
  const add = (n: number, over: Partial<NewKey> = {}) =>
    open().addKey(key(n, over), entry('key.created', n, T0 + n));
  const actions = async () =>
    (await open().ledger(0, 100)).map(({ body }) => (JSON.parse(body) as LedgerEntry).action);

  describe('keys', () => {
    it('are kept as they are, with their entry', async () => {
      await expect(add(1, { expiresAt: T0 + 9 })).resolves.toEqual({
        kind: 'added',
        key: key(1, { expiresAt: T0 + 9 }),
      });
      await expect(open().key(id(1))).resolves.toEqual(key(1, { expiresAt: T0 + 9 }));
      await expect(open().key(id(2))).resolves.toBeUndefined();
      expect(await actions()).toEqual(['key.created']);
    });

    it('are made once for one request', async () => {
      const many = await Promise.all([1, 2, 3].map((n) => add(n, { requestId: 'r' })));
      expect(many.map(({ kind }) => kind).sort()).toEqual(['added', 'known', 'known']);
      expect(new Set(many.map((made) => made.key.id)).size).toBe(1);
      expect((await open().keys(10)).items).toHaveLength(1);
      expect(await actions()).toEqual(['key.created']);
    });

    it('are rotated while they are good, and remember one secret before', async () => {
      await add(1, { expiresAt: T0 + 100 });
      const rotate = (hash: string, at: number) =>
        open().rotateKey(id(1), { hash, at, previousUntil: at + 5 }, entry('key.rotated', 1, at));
      await expect(rotate('second', T0 + 50)).resolves.toMatchObject({
        hash: 'second',
        previousHash: 'hash-1',
        previousUntil: T0 + 55,
        rotatedAt: T0 + 50,
      });
      await expect(rotate('third', T0 + 60)).resolves.toMatchObject({ previousHash: 'second' });
      await expect(rotate('fourth', T0 + 100)).resolves.toBeUndefined();
      await expect(open().key(id(1))).resolves.toMatchObject({ hash: 'third' });
      expect(await actions()).toEqual(['key.created', 'key.rotated', 'key.rotated']);
    });

    it('are revoked once, and never rotated after', async () => {
      await add(1);
      const revoke = (at: number) => open().revokeKey(id(1), at, entry('key.revoked', 1, at));
      await expect(revoke(T0 + 5)).resolves.toMatchObject({ revokedAt: T0 + 5 });
      await expect(revoke(T0 + 6)).resolves.toBeUndefined();
      const change = { hash: 'x', at: T0 + 7, previousUntil: T0 + 8 };
      await expect(open().rotateKey(id(1), change, entry('key.rotated', 1))).resolves.toBeUndefined();
      expect(await actions()).toEqual(['key.created', 'key.revoked']);
      expect(verifyChain(await open().ledger(0, 10))).toEqual({ ok: true, entries: 2 });
    });

    it('have their last use noted once a minute', async () => {
      await add(1);
      const used = async (at: number) => {
        await open().touchKey(id(1), at);
        return (await open().key(id(1)))?.lastUsedAt;
      };
      expect(await used(T0)).toBe(T0);
      expect(await used(T0 + TOUCH_MS - 1)).toBe(T0);
      expect(await used(T0 + TOUCH_MS)).toBe(T0 + TOUCH_MS);
      expect(await used(T0)).toBe(T0 + TOUCH_MS);
    });

    it('are listed newest first, page by page', async () => {
      for (const n of [1, 2, 3]) await add(n, { createdAt: T0 + Math.min(n, 2) });
      const one = await open().keys(2);
      expect(one.items.map((k) => k.id)).toEqual([id(3), id(2)]);
      const two = await open().keys(2, one.nextCursor ?? '');
      expect(two).toMatchObject({ items: [{ id: id(1) }], nextCursor: null });
    });
  });

  describe('sessions', () => {
    it('are kept until they are ended', async () => {
      const of = session({ keyId: id(1), actor: `key:${id(1)}`, scopes: [] });
      await open().addSession(of, entry('session.opened', 1));
      await expect(open().session('session-1')).resolves.toEqual(of);
      await expect(open().endSession('session-1', entry('session.ended', 1))).resolves.toBe(true);
      await expect(open().endSession('session-1', entry('session.ended', 1))).resolves.toBe(false);
      await expect(open().session('session-1')).resolves.toBeUndefined();
      expect(await actions()).toEqual(['session.opened', 'session.ended']);
    });

    it('are found by who it is and by whose they are, and not when they are over', async () => {
      const add = (hash: string, over: Partial<SessionRecord>) =>
        open().addSession(session({ hash, ...over }), entry('session.opened', 1));
      await add('a', {});
      await add('b', { actor: `key:${id(1)}`, keyId: id(1), scopes: [], createdAt: T0 + 1 });
      await add('c', { actor: 'user:ben', owner: 'ben@example.com' });
      const found = async (who: string, at = T0, limit = 10) =>
        (await open().sessionsOf(who, at, limit)).map(({ hash }) => hash);
      expect(await found('anna@example.com')).toEqual(['a', 'b']);
      expect(await found('anna@example.com', T0, 1)).toEqual(['a']);
      expect(await found('user:anna')).toEqual(['a']);
      expect(await found('user:nobody')).toEqual([]);
      expect(await found('user:ben', T0 + 1_000)).toEqual([]);
    });

    it('go once they are over, when another is opened', async () => {
      await open().addSession(session(), entry('session.opened', 1));
      const next = { hash: 'session-2', createdAt: T0 + 1_000, expiresAt: T0 + 2_000 };
      await open().addSession(session(next), entry('session.opened', 1, T0 + 1_000));
      await expect(open().session('session-1')).resolves.toBeUndefined();
      await expect(open().session('session-2')).resolves.toEqual(session(next));
    });

    it('are opened once by a login elsewhere, whoever comes with it and however late', async () => {
      const once = { id: 'login-1', until: T0 + 5_000 };
      const come = (hash: string, at = T0) =>
        open().addSession(session({ hash, createdAt: at }), entry('session.opened', 1, at), once);
      const opened = await Promise.all(['a', 'b', 'c'].map((hash) => come(hash)));
      expect(opened.filter(Boolean)).toHaveLength(1);
      const kept = await Promise.all(['a', 'b', 'c'].map((hash) => open().session(hash)));
      expect(kept.filter(Boolean)).toHaveLength(1);
      expect(await actions()).toEqual(['session.opened']);
      await expect(come('d', once.until)).resolves.toBe(false);
      const other = { id: 'login-2', until: T0 + 9_000 };
      await expect(open().addSession(session(), entry('session.opened', 1), other)).resolves.toBe(true);
    });
  });
}
