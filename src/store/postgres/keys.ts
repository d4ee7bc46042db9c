import type { Pool, QueryResultRow } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { Scope } from '../../domain/scope';
import { decodeCursor, toPage } from '../cursor';
import { TOUCH_MS, type KeyRecord, type KeyStore, type NewKey, type SessionRecord } from '../keys';
import type { Page } from '../store';
import { changeChained } from './chained';

interface KeyRow extends QueryResultRow {
  id: string;
  name: string;
  owner: string;
  scopes: Scope[];
  hash: string;
  previous_hash: string | null;
  previous_until: number | null;
  created_at: number;
  rotated_at: number | null;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

interface SessionRow extends QueryResultRow {
  hash: string;
  key_id: string | null;
  actor: string;
  owner: string;
  scopes: Scope[];
  created_at: number;
  expires_at: number;
}

/** Keys and sessions, each change with its ledger entry in one transaction. */
export class KeyQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): KeyStore {
    return {
      addKey: (key, entry) => this.add(key, entry),
      key: (id) => this.one(id),
      keys: (limit, cursor) => this.list(limit, cursor),
      rotateKey: (id, change, entry) => this.rotate(id, change, entry),
      revokeKey: (id, at, entry) => this.revoke(id, at, entry),
      touchKey: (id, at) => this.touch(id, at),
      addSession: (session, entry, once) => this.addSession(session, entry, once),
      session: (hash) => this.session(hash),
      sessionsOf: (who, now, limit) => this.sessionsOf(who, now, limit),
      endSession: (hash, entry) => this.endSession(hash, entry),
    };
  }

  private async add(key: NewKey, entry: LedgerEntry): Promise<{ kind: 'added' | 'known'; key: KeyRecord }> {
    const { id, name, owner, scopes, hash, createdAt, expiresAt, requestId } = key;
    const row = await this.noted<KeyRow>(
      `INSERT INTO api_keys (id, name, owner, scopes, hash, created_at, expires_at, request_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (request_id) DO NOTHING RETURNING *`,
      [id, name, owner, scopes, hash, createdAt, expiresAt ?? null, requestId ?? null],
      entry,
    );
    if (row) return { kind: 'added', key: toKey(row) };
    const { rows } = await this.pool.query<KeyRow>('SELECT * FROM api_keys WHERE request_id = $1', [
      requestId,
    ]);
    return { kind: 'known', key: toKey(rows[0] as KeyRow) };
  }

  private async one(id: string): Promise<KeyRecord | undefined> {
    const { rows } = await this.pool.query<KeyRow>('SELECT * FROM api_keys WHERE id = $1', [id]);
    return rows[0] && toKey(rows[0]);
  }

  private async list(limit: number, cursor?: string): Promise<Page<KeyRecord>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<KeyRow>(
      `SELECT * FROM api_keys WHERE $1::bigint IS NULL OR (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT $3`,
      [after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows.map(toKey), limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  private async rotate(
    id: string,
    { hash, at, previousUntil }: { hash: string; at: number; previousUntil: number },
    entry: LedgerEntry,
  ): Promise<KeyRecord | undefined> {
    const row = await this.noted<KeyRow>(
      `UPDATE api_keys SET previous_hash = hash, previous_until = $4, hash = $2, rotated_at = $3
        WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3) RETURNING *`,
      [id, hash, at, previousUntil],
      entry,
    );
    return row && toKey(row);
  }

  private async revoke(id: string, at: number, entry: LedgerEntry): Promise<KeyRecord | undefined> {
    const row = await this.noted<KeyRow>(
      'UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING *',
      [id, at],
      entry,
    );
    return row && toKey(row);
  }

  private async touch(id: string, at: number): Promise<void> {
    await this.pool.query(
      `UPDATE api_keys SET last_used_at = $2
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2 - $3::bigint)`,
      [id, at, TOUCH_MS],
    );
  }

  private async addSession(
    session: SessionRecord,
    entry: LedgerEntry,
    once?: { id: string; until: number },
  ): Promise<boolean> {
    const { hash, keyId, actor, owner, scopes, createdAt, expiresAt } = session;
    const row = await this.noted(
      `WITH over AS (DELETE FROM sessions WHERE expires_at <= $6),
         past AS (DELETE FROM used_logins WHERE until <= $6 AND id IS DISTINCT FROM $8),
         used AS (INSERT INTO used_logins (id, until) SELECT $8::text, $9::bigint WHERE $8::text IS NOT NULL
           ON CONFLICT DO NOTHING RETURNING id)
       INSERT INTO sessions (hash, key_id, actor, owner, scopes, created_at, expires_at)
       SELECT $1, $2, $3, $4, $5::text[], $6::bigint, $7::bigint
         WHERE $8::text IS NULL OR EXISTS (SELECT FROM used) RETURNING hash`,
      [
        ...[hash, keyId ?? null, actor, owner, scopes, createdAt, expiresAt],
        ...[once?.id ?? null, once?.until ?? null],
      ],
      entry,
    );
    return row !== undefined;
  }

  private async session(hash: string): Promise<SessionRecord | undefined> {
    const { rows } = await this.pool.query<SessionRow>('SELECT * FROM sessions WHERE hash = $1', [hash]);
    return rows[0] && toSession(rows[0]);
  }

  private async sessionsOf(who: string, now: number, limit: number): Promise<SessionRecord[]> {
    const { rows } = await this.pool.query<SessionRow>(
      'SELECT * FROM sessions WHERE (actor = $1 OR owner = $1) AND expires_at > $2 ORDER BY created_at LIMIT $3',
      [who, now, limit],
    );
    return rows.map(toSession);
  }

  private async endSession(hash: string, entry: LedgerEntry): Promise<boolean> {
    const sql = 'DELETE FROM sessions WHERE hash = $1 RETURNING hash';
    return (await this.noted(sql, [hash], entry)) !== undefined;
  }

  private noted<Row extends QueryResultRow>(sql: string, values: unknown[], entry: LedgerEntry) {
    return changeChained<Row>(this.pool, 'key or session', [sql, values], () => entry);
  }
}

function toKey(row: KeyRow): KeyRecord {
  const { id, name, owner, scopes, hash } = row;
  return {
    ...{ id, name, owner, scopes, hash },
    createdAt: row.created_at,
    ...(row.previous_hash !== null && { previousHash: row.previous_hash }),
    ...(row.previous_until !== null && { previousUntil: row.previous_until }),
    ...(row.rotated_at !== null && { rotatedAt: row.rotated_at }),
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
    ...(row.revoked_at !== null && { revokedAt: row.revoked_at }),
  };
}

function toSession(row: SessionRow): SessionRecord {
  const { hash, actor, owner, scopes } = row;
  return {
    ...{ hash, actor, owner, scopes },
    ...(row.key_id !== null && { keyId: row.key_id }),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
