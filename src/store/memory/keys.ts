import type { LedgerEntry } from '../../domain/ledger';
import { toPage, type Cursor } from '../cursor';
import { TOUCH_MS, type KeyRecord, type KeyStore, type SessionRecord } from '../keys';
import { clone, commit } from './commit';
import { newest } from './order';
import type { Tables } from './tables';

const keyOf = (key: KeyRecord): Cursor => ({ at: key.createdAt, id: key.id });

/** The rules of `postgres/keys.ts`, on maps. */
export function memoryKeys(tables: Tables): KeyStore {
  const keys = new Map<string, KeyRecord>();
  const requests = new Map<string, string>();
  const note = (entry: LedgerEntry) => commit(tables, { at: entry.at, ledger: [entry] });
  const changed = (key: KeyRecord | undefined, change: Partial<KeyRecord>, entry: LedgerEntry) => {
    if (!key) return undefined;
    Object.assign(key, change);
    note(entry);
    return clone(key);
  };
  const live = (id: string, at: number) => {
    const key = keys.get(id);
    return key?.revokedAt === undefined && (key?.expiresAt ?? Infinity) > at ? key : undefined;
  };
  return {
    addKey: async ({ requestId, ...key }, entry) => {
      const known = keys.get(requests.get(requestId ?? '') ?? '');
      if (known) return { kind: 'known', key: clone(known) };
      keys.set(key.id, clone(key));
      if (requestId !== undefined) requests.set(requestId, key.id);
      note(entry);
      return { kind: 'added', key: clone(key) };
    },
    key: async (id) => clone(keys.get(id)),
    keys: async (limit, cursor) =>
      toPage(clone(newest([...keys.values()], keyOf, limit, cursor)), limit, keyOf),
    rotateKey: async (id, { hash, at, previousUntil }, entry) => {
      const key = live(id, at);
      return key && changed(key, { previousHash: key.hash, previousUntil, hash, rotatedAt: at }, entry);
    },
    revokeKey: async (id, at, entry) => {
      const key = keys.get(id);
      return changed(key?.revokedAt === undefined ? key : undefined, { revokedAt: at }, entry);
    },
    touchKey: async (id, at) => {
      const key = keys.get(id);
      if (key && (key.lastUsedAt ?? -Infinity) <= at - TOUCH_MS) key.lastUsedAt = at;
    },
    ...memorySessions(note),
  };
}

function memorySessions(
  note: (entry: LedgerEntry) => unknown,
): Pick<KeyStore, 'addSession' | 'session' | 'sessionsOf' | 'endSession'> {
  const sessions = new Map<string, SessionRecord>();
  const used = new Map<string, number>();
  return {
    addSession: async (session, entry, once) => {
      if (once && used.has(once.id)) return false;
      for (const [id, until] of used) if (until <= entry.at) used.delete(id);
      if (once) used.set(once.id, once.until);
      for (const [hash, { expiresAt }] of sessions) if (expiresAt <= entry.at) sessions.delete(hash);
      sessions.set(session.hash, clone(session));
      note(entry);
      return true;
    },
    session: async (hash) => clone(sessions.get(hash)),
    sessionsOf: async (who, now, limit) =>
      clone(
        [...sessions.values()]
          .filter(({ actor, owner, expiresAt }) => (actor === who || owner === who) && expiresAt > now)
          .slice(0, limit),
      ),
    endSession: async (hash, entry) => {
      const ended = sessions.delete(hash);
      if (ended) note(entry);
      return ended;
    },
  };
}
