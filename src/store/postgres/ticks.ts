import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { Tick } from '../store';
import { changeChained } from './chained';

const TICK = `workflow_id AS "workflowId", scheduled_for AS "scheduledFor", action, reason,
  late_ms AS "lateMs", decided_at AS "decidedAt", run_id AS "runId"`;

/** Reads of scheduled times and what was decided about them. */
export class TickQueries {
  constructor(private readonly pool: Pool) {}

  async ticks(workflowId: string, limit: number, after?: number): Promise<Tick[]> {
    const { rows } = await this.pool.query<Tick & { runId: string | null }>(
      `SELECT ${TICK} FROM ticks WHERE workflow_id = $1 AND ($3::bigint IS NULL OR scheduled_for > $3)
        ORDER BY scheduled_for DESC LIMIT $2`,
      [workflowId, limit, after ?? null],
    );
    return rows.map(({ runId, ...tick }) => ({ ...tick, ...(runId !== null && { runId }) }));
  }

  async lastTick(workflowId: string): Promise<number | undefined> {
    const { rows } = await this.pool.query<{ last: number | null }>(
      'SELECT max(scheduled_for) AS last FROM ticks WHERE workflow_id = $1',
      [workflowId],
    );
    return rows[0]?.last ?? undefined;
  }

  async declareSchedule(
    workflowId: string,
    fingerprint: string,
    now: number,
    entryFor?: (was: string | undefined) => LedgerEntry,
  ): Promise<number> {
    const row = await changeChained<{ known_since: number; created: boolean; was: string | null }>(
      this.pool,
      'a schedule',
      [
        // The row is read and locked before it is written; of two who create it, only the one that did has `xmax` 0.
        `WITH old AS (SELECT fingerprint FROM schedules WHERE workflow_id = $1 FOR UPDATE)
         INSERT INTO schedules (workflow_id, fingerprint, known_since)
           SELECT $1::text, $2::text, $3::bigint FROM (SELECT count(*) FROM old) AS locked
         ON CONFLICT (workflow_id) DO UPDATE SET fingerprint = $2,
           known_since = CASE WHEN schedules.fingerprint = $2 THEN schedules.known_since ELSE $3 END
         RETURNING known_since, xmax = 0 AS created, (SELECT fingerprint FROM old) AS was`,
        [workflowId, fingerprint, now],
      ],
      ({ created, was }) =>
        created || (was !== null && was !== fingerprint) ? entryFor?.(was ?? undefined) : undefined,
    );
    return row?.known_since ?? now;
  }
}
