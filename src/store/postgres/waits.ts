import type { Pool } from 'pg';
import { decodeCursor, toPage } from '../cursor';
import type { Page, StoredEvent, Wait } from '../store';

const WAIT = `run_id AS "runId", step_id AS "stepId", attempt, kind, name, key, since`;
const EVENT = 'id, name, key, payload, at';

/** Reads of events and of the steps that wait; writes go through commit_changes. */
export class WaitQueries {
  constructor(private readonly pool: Pool) {}

  async waitsFor(name: string, key: string, limit: number): Promise<Wait[]> {
    const { rows } = await this.pool.query<Wait>(
      `SELECT ${WAIT} FROM waits WHERE kind = 'event' AND name = $1 AND key IN ('', $2)
        ORDER BY since, run_id, step_id COLLATE "C" LIMIT $3`,
      [name, key, limit],
    );
    return rows;
  }

  async waitOf(runId: string, stepId: string, attempt: number): Promise<Wait | undefined> {
    const { rows } = await this.pool.query<Wait>(
      `SELECT ${WAIT} FROM waits WHERE run_id = $1 AND step_id = $2 AND attempt = $3`,
      [runId, stepId, attempt],
    );
    return rows[0];
  }

  async approvals(limit: number, cursor?: string): Promise<Page<Wait>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<Wait>(
      `SELECT ${WAIT} FROM waits WHERE kind = 'approval'
          AND ($1::bigint IS NULL OR (since, run_id || '/' || step_id COLLATE "C") < ($1, $2))
        ORDER BY since DESC, run_id || '/' || step_id COLLATE "C" DESC LIMIT $3`,
      [after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows, limit, (wait) => ({ at: wait.since, id: `${wait.runId}/${wait.stepId}` }));
  }

  async firstEvent(name: string, key: string, since: number): Promise<StoredEvent | undefined> {
    const { rows } = await this.pool.query<StoredEvent>(
      `SELECT ${EVENT} FROM events WHERE name = $1 AND at >= $3 AND ($2 = '' OR key = $2)
        ORDER BY at, id LIMIT 1`,
      [name, key, since],
    );
    return rows[0];
  }

  async undelivered(before: number, limit: number): Promise<StoredEvent[]> {
    const { rows } = await this.pool.query<StoredEvent>(
      `SELECT ${EVENT} FROM events WHERE NOT delivered AND at < $1 ORDER BY at, id LIMIT $2`,
      [before, limit],
    );
    return rows;
  }
}
