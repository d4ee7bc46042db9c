import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import { decodeCursor, toPage } from '../cursor';
import type { Delivery, DeliveryFilter, DeliveryQuota, DeliverySummary } from '../deliveries';
import { storableJson } from '../json';
import type { Page } from '../store';
import { changeChained } from './chained';

/** The inbox's table. Written in batches, beside the commits and never with them. */
export class DeliveryQueries {
  constructor(private readonly pool: Pool) {}

  async add(deliveries: readonly Delivery[]): Promise<void> {
    const column = <T>(value: (delivery: Delivery) => T): T[] => deliveries.map(value);
    await this.pool.query(
      `INSERT INTO inbox_deliveries (id, bin, received_at, verdict, proved, summary, headers, body)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::jsonb[],
         $7::jsonb[], $8::bytea[])
       ON CONFLICT (id) DO NOTHING`,
      [
        column((d) => d.id),
        column((d) => d.bin),
        column((d) => d.receivedAt),
        column((d) => d.verdict),
        column((d) => d.proved !== undefined),
        column(({ headers: _, body: __, ...summary }) => storableJson(summary)),
        column((d) => storableJson(d.headers)),
        column((d) => d.body),
      ],
    );
  }

  async list(filter: DeliveryFilter, limit: number, cursor?: string): Promise<Page<DeliverySummary>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<{ summary: DeliverySummary }>(
      `SELECT summary FROM inbox_deliveries
        WHERE ($1::text IS NULL OR bin = $1) AND ($2::text IS NULL OR verdict = $2)
          AND ($3::bigint IS NULL OR (received_at, id) < ($3, $4::uuid))
        ORDER BY received_at DESC, id DESC LIMIT $5`,
      [filter.bin ?? null, filter.verdict ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(
      rows.map((r) => r.summary),
      limit,
      (d) => ({ at: d.receivedAt, id: d.id }),
    );
  }

  async one(id: string): Promise<Delivery | undefined> {
    const { rows } = await this.pool.query<Pick<Delivery, 'headers' | 'body'> & { summary: DeliverySummary }>(
      'SELECT summary, headers, body FROM inbox_deliveries WHERE id = $1',
      [id],
    );
    return rows[0] && { ...rows[0].summary, headers: rows[0].headers, body: rows[0].body };
  }

  async clear(bin: string | undefined, entryFor?: (removed: number) => LedgerEntry): Promise<number> {
    const row = await changeChained<{ removed: number }>(
      this.pool,
      'that the inbox is cleared',
      [
        `WITH gone AS (DELETE FROM inbox_deliveries WHERE $1::text IS NULL OR bin = $1 RETURNING 1)
         SELECT count(*)::int AS removed FROM gone`,
        [bin ?? null],
      ],
      ({ removed }) => (removed > 0 ? entryFor?.(removed) : undefined),
    );
    return row?.removed ?? 0;
  }

  async trim({ receivedAfter, count, bytes }: DeliveryQuota): Promise<number> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM inbox_deliveries WHERE id IN (
         SELECT id FROM (
           SELECT id, received_at, row_number() OVER newest AS n, sum(octet_length(body)) OVER newest AS bytes
             FROM inbox_deliveries
           WINDOW newest AS (PARTITION BY proved ORDER BY received_at DESC, id DESC)) AS kept
         WHERE received_at <= $1 OR n > $2 OR bytes > $3)`,
      [receivedAfter, count, bytes],
    );
    return rowCount ?? 0;
  }
}
