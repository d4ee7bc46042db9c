import type { Pool, QueryResultRow } from 'pg';
import type { Alert, AlertKey } from '../../domain/alert';
import type { LedgerEntry } from '../../domain/ledger';
import type { OutboxRow } from '../../domain/notification';
import {
  storableText,
  type AlertEntryFor,
  type AlertFilter,
  type AlertRaise,
  type RaiseResult,
} from '../alerts';
import { decodeCursor, toPage } from '../cursor';
import { storableJson } from '../json';
import type { Page } from '../store';
import { changeChained } from './chained';

interface Row extends QueryResultRow {
  id: string;
  kind: Alert['kind'];
  subject: string;
  message: string;
  raised_at: number;
  last_seen_at: number;
  count: number;
  resolved_at: number | null;
  resolution: string | null;
  acknowledged_at: number | null;
  acknowledged_by: string | null;
}

/** `again`: one about the same is over. */
type RaisedRow = Row & { again: boolean };

/** Alerts, each change with its ledger entry and its messages in one transaction. */
export class AlertQueries {
  constructor(private readonly pool: Pool) {}

  async raise(
    { id, at, once = false, ...alert }: AlertRaise,
    entryFor: AlertEntryFor,
    outbox: readonly OutboxRow[] = [],
  ): Promise<RaiseResult> {
    const [subject, message] = [storableText(alert.subject), storableText(alert.message)];
    // A row that is there is updated; `count` tells which of the two it was.
    const row = await this.noted<RaisedRow>(
      `INSERT INTO alerts (id, kind, subject, message, raised_at, last_seen_at)
       SELECT $1::uuid, $2, $3, $4, $5::bigint, $5::bigint WHERE NOT $6::boolean
          OR NOT EXISTS (SELECT FROM alerts WHERE kind = $2 AND subject = $3)
          OR EXISTS (SELECT FROM alerts WHERE kind = $2 AND subject = $3 AND resolved_at IS NULL)
       ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE
         SET message = $4, last_seen_at = $5, count = alerts.count + 1
       RETURNING *, EXISTS (SELECT FROM alerts a WHERE kind = $2 AND subject = $3 AND resolved_at IS NOT NULL) AS again`,
      [id, alert.kind, subject, message, at, once],
      ({ count, again }) => (count === 1 ? entryFor(again ? 'resolved' : undefined) : undefined),
      outbox,
    );
    if (!row) return { kind: 'over' };
    return { kind: row.count === 1 ? 'raised' : 'counted', alert: toAlert(row) };
  }

  async resolve(
    { kind, subject }: AlertKey,
    { at, resolution }: { at: number; resolution: string },
    entryFor: AlertEntryFor,
    outbox: readonly OutboxRow[] = [],
  ): Promise<Alert | undefined> {
    const row = await this.noted<Row>(
      `UPDATE alerts SET resolved_at = $3, resolution = $4
        WHERE kind = $1 AND subject = $2 AND resolved_at IS NULL RETURNING *`,
      [kind, storableText(subject), at, storableText(resolution)],
      ({ acknowledged_at }) => entryFor(acknowledged_at === null ? 'open' : 'acknowledged'),
      outbox,
    );
    return row && toAlert(row);
  }

  async acknowledge(
    id: string,
    { at, actor }: { at: number; actor: string },
    entryFor: AlertEntryFor,
  ): Promise<Alert | undefined> {
    const row = await this.noted<Row>(
      `UPDATE alerts SET acknowledged_at = $2, acknowledged_by = $3
        WHERE id = $1 AND acknowledged_at IS NULL RETURNING *`,
      [id, at, actor],
      ({ resolved_at }) => entryFor(resolved_at === null ? 'open' : 'resolved'),
    );
    return row && toAlert(row);
  }

  async one(id: string): Promise<Alert | undefined> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM alerts WHERE id = $1', [id]);
    return rows[0] && toAlert(rows[0]);
  }

  async list({ open }: AlertFilter, limit: number, cursor?: string): Promise<Page<Alert>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM alerts
        WHERE ($1::boolean IS NULL OR (resolved_at IS NULL) = $1)
          AND ($2::bigint IS NULL OR (raised_at, id) < ($2, $3::uuid))
        ORDER BY raised_at DESC, id DESC LIMIT $4`,
      [open ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows.map(toAlert), limit, ({ raisedAt, id }) => ({ at: raisedAt, id }));
  }

  /** With the outbox in the same statement: a new alert and a resolved one are told of, a counted one is not. */
  private noted<R extends Row>(
    sql: string,
    values: unknown[],
    entryFor: (row: R) => LedgerEntry | undefined,
    outbox: readonly OutboxRow[] = [],
  ) {
    const told = `WITH changed AS (${sql})
      SELECT changed.*, CASE WHEN changed.count = 1 OR changed.resolved_at IS NOT NULL
                             THEN add_notifications($${values.length + 1}::jsonb) END AS told FROM changed`;
    const statement: [string, unknown[]] =
      outbox.length === 0 ? [sql, values] : [told, [...values, storableJson(outbox)]];
    return changeChained<R>(this.pool, 'alert', statement, entryFor);
  }
}

function toAlert(row: Row): Alert {
  const { id, kind, subject, message, count } = row;
  return {
    ...{ id, kind, subject, message, count },
    raisedAt: row.raised_at,
    lastSeenAt: row.last_seen_at,
    ...(row.resolved_at !== null && { resolvedAt: row.resolved_at }),
    ...(row.resolution !== null && { resolution: row.resolution }),
    ...(row.acknowledged_at !== null && { acknowledgedAt: row.acknowledged_at }),
    ...(row.acknowledged_by !== null && { acknowledgedBy: row.acknowledged_by }),
  };
}
