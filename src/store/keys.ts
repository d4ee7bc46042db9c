/** The record's part of people: API keys and sessions of the dashboard, both as hashes alone. */
import type { LedgerEntry } from '../domain/ledger';
import type { Scope } from '../domain/scope';
import type { Page } from './store';

/** Times are epoch milliseconds, hashes SHA-256 in hexadecimal. */
export interface KeyRecord {
  /** Visible part of the key; 12 hexadecimal digits. */
  id: string;
  name: string;
  /** The person who answers for it. */
  owner: string;
  scopes: Scope[];
  hash: string;
  /** After a rotation: the hash of the secret before, which opens until `previousUntil`. */
  previousHash?: string;
  previousUntil?: number;
  createdAt: number;
  rotatedAt?: number;
  expiresAt?: number;
  /** Written at most once a minute. */
  lastUsedAt?: number;
  revokedAt?: number;
}

/** Names a request that may come twice: the same name makes one key. */
export interface NewKey extends KeyRecord {
  requestId?: string;
}

/** A login of the dashboard. */
export interface SessionRecord {
  hash: string;
  /** Of a login by key: its rights are the key's, and end with it. */
  keyId?: string;
  /** Who it is for the ledger: `key:<id>` or `user:<subject>`. */
  actor: string;
  owner: string;
  /** Of a login without a key. */
  scopes: Scope[];
  createdAt: number;
  expiresAt: number;
}

export interface KeyStore {
  /** Keeps a key. Answers the one that the same request made before, if there is one. */
  addKey(key: NewKey, entry: LedgerEntry): Promise<{ kind: 'added' | 'known'; key: KeyRecord }>;
  key(id: string): Promise<KeyRecord | undefined>;
  /** Newest first. */
  keys(limit: number, cursor?: string): Promise<Page<KeyRecord>>;
  /** Undefined when there is no such key, or it is revoked or over. */
  rotateKey(
    id: string,
    change: { hash: string; at: number; previousUntil: number },
    entry: LedgerEntry,
  ): Promise<KeyRecord | undefined>;
  /** Undefined when there is no such key, or it is revoked already. */
  revokeKey(id: string, at: number, entry: LedgerEntry): Promise<KeyRecord | undefined>;
  /** Notes a use, unless one of the last minute is noted. */
  touchKey(id: string, at: number): Promise<void>;

  /**
   * Keeps a session, and drops those that are over.
   * @param once names the login that it comes of, until when that could come again
   * @returns false, and nothing is kept, when that login opened one before
   */
  addSession(
    session: SessionRecord,
    entry: LedgerEntry,
    once?: { id: string; until: number },
  ): Promise<boolean>;
  /** Sessions that are over may still be answered. */
  session(hash: string): Promise<SessionRecord | undefined>;
  /** Of one person, as the ledger names them or by their owner; those that are not over at `now`. */
  sessionsOf(who: string, now: number, limit: number): Promise<SessionRecord[]>;
  /** Whether there was one. */
  endSession(hash: string, entry: LedgerEntry): Promise<boolean>;
}

/** How coarse `lastUsedAt` is. */
export const TOUCH_MS = 60_000;
