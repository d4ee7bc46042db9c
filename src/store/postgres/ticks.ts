import type { Pool } from 'pg';
import type { Tick } from '../store';

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

  async declareSchedule(workflowId: string, fingerprint: string, now: number): Promise<number> {
    const { rows } = await this.pool.query<{ known_since: number }>(
      `INSERT INTO schedules (workflow_id, fingerprint, known_since) VALUES ($1, $2, $3)
       ON CONFLICT (workflow_id) DO UPDATE SET fingerprint = $2,
         known_since = CASE WHEN schedules.fingerprint = $2 THEN schedules.known_since ELSE $3 END
       RETURNING known_since`,
      [workflowId, fingerprint, now],
    );
    return rows[0]?.known_since ?? now;
  }
}
