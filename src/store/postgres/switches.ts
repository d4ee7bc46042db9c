import type { Pool, QueryResultRow } from 'pg';
import type { EmergencyStop } from '../../domain/guard/emergency-stop';
import type { Switch } from '../../domain/guard/switch';
import type { LedgerEntry } from '../../domain/ledger';
import { decodeCursor, toPage } from '../cursor';
import { storableJson } from '../json';
import type { Page } from '../store';
import type { GuardReading, SwitchStore } from '../switches';
import { changeChained } from './chained';

interface Row extends QueryResultRow {
  id: string;
  scope: Switch['scope'];
  subject: string;
  message: string;
  owner: string;
  created_at: number;
  expires_at: number | null;
  in_force_at: number | null;
  released_at: number | null;
  released_by: string | null;
}

interface Reading {
  switches: Row[] | null;
  revoked: number | null;
}

/**
 * Switches and emergency stops, each change with its ledger entry in one transaction. A switch becomes visible
 * together with its entry, while the end of the ledger is locked: no commit of runs can fall between.
 */
export class SwitchQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): SwitchStore {
    return {
      guardReading: () => this.reading(),
      addSwitch: (added, entry) => this.add(added, entry),
      confirmSwitch: (id, at, entry) =>
        this.change(
          `UPDATE switches SET in_force_at = $2
            WHERE id = $1 AND in_force_at IS NULL AND released_at IS NULL RETURNING *`,
          [id, at],
          entry,
        ),
      releaseSwitch: (id, { at, actor }, entry) =>
        this.change(
          `UPDATE switches SET released_at = $2, released_by = $3
            WHERE id = $1 AND released_at IS NULL RETURNING *`,
          [id, at, actor],
          entry,
        ),
      switch: (id) => this.one(id),
      switches: (filter, limit, cursor) => this.list(filter, limit, cursor),
      addStop: (stop, entry) => this.addStop(stop, entry),
      stop: (id) => this.stop(id),
      saveStop: (stop, version, entry) => this.saveStop(stop, version, entry),
      dueStops: (now, limit) => this.dueStops(now, limit),
    };
  }

  private async reading(): Promise<GuardReading> {
    const { rows } = await this.pool.query<Reading>({
      name: 'guard_reading',
      text: `SELECT (SELECT jsonb_agg(s ORDER BY created_at, id) FROM switches s WHERE released_at IS NULL) AS switches,
        (SELECT max(revoked_before) FROM emergency_stops) AS revoked`,
    });
    const [row] = rows;
    return { switches: (row?.switches ?? []).map(toSwitch), revokedBefore: row?.revoked ?? 0 };
  }

  private async add(added: Switch, entry: LedgerEntry): Promise<void> {
    const { id, scope, subject, message, owner, createdAt, expiresAt } = added;
    await this.change(
      `INSERT INTO switches (id, scope, subject, message, owner, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING *`,
      [id, scope, subject, message, owner, createdAt, expiresAt ?? null],
      entry,
    );
  }

  private async change(sql: string, values: unknown[], entry: LedgerEntry): Promise<Switch | undefined> {
    const row = await changeChained<Row>(this.pool, 'switch', [sql, values], () => entry);
    return row && toSwitch(row);
  }

  private async one(id: string): Promise<Switch | undefined> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM switches WHERE id = $1', [id]);
    return rows[0] && toSwitch(rows[0]);
  }

  private async list({ on }: { on?: boolean }, limit: number, cursor?: string): Promise<Page<Switch>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM switches
        WHERE ($1::boolean IS NULL OR (released_at IS NULL) = $1)
          AND ($2::bigint IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [on ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows.map(toSwitch), limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  private async addStop(stop: EmergencyStop, entry: LedgerEntry): Promise<void> {
    const sql = `INSERT INTO emergency_stops (id, asked_at, due_at, revoked_before, state)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING RETURNING id`;
    const { id, askedAt, dueAt, revokedBefore } = stop;
    const values = [id, askedAt, dueAt ?? null, revokedBefore ?? null, storableJson(stop)];
    await changeChained(this.pool, 'emergency stop', [sql, values], () => entry);
  }

  private async stop(id: string): Promise<{ stop: EmergencyStop; version: number } | undefined> {
    const { rows } = await this.pool.query<{ stop: EmergencyStop; version: number }>(
      'SELECT state AS stop, version FROM emergency_stops WHERE id = $1',
      [id],
    );
    return rows[0];
  }

  private async saveStop(stop: EmergencyStop, version: number, entry?: LedgerEntry): Promise<boolean> {
    const sql = `UPDATE emergency_stops SET version = version + 1, due_at = $3, revoked_before = $4, state = $5
      WHERE id = $1 AND version = $2 RETURNING id`;
    const { id, dueAt, revokedBefore } = stop;
    const values = [id, version, dueAt ?? null, revokedBefore ?? null, storableJson(stop)];
    if (entry) return !!(await changeChained(this.pool, 'emergency stop', [sql, values], () => entry));
    return (await this.pool.query(sql, values)).rowCount === 1;
  }

  private async dueStops(now: number, limit: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      'SELECT id FROM emergency_stops WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2',
      [now, limit],
    );
    return rows.map((row) => row.id);
  }
}

function toSwitch(row: Row): Switch {
  const { id, scope, subject, message, owner } = row;
  return {
    ...{ id, scope, subject, message, owner },
    createdAt: row.created_at,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.in_force_at !== null && { inForceAt: row.in_force_at }),
    ...(row.released_at !== null && { releasedAt: row.released_at }),
    ...(row.released_by !== null && { releasedBy: row.released_by }),
  };
}
