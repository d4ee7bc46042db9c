import type { Pool } from 'pg';
import type { RunState, RunStatus } from '../../domain/run';
import { decodeCursor, toPage } from '../cursor';
import type { Page, RunFilter, RunPayloads, StepResult, Versioned } from '../store';

/** Reads of runs; writes go through commit_changes. */
export class RunQueries {
  constructor(private readonly pool: Pool) {}

  async run(id: string): Promise<Versioned<RunState> | undefined> {
    const { rows } = await this.pool.query<Versioned<RunState>>({
      name: 'run',
      text: 'SELECT state, version FROM run_states WHERE run_id = $1',
      values: [id],
    });
    return rows[0];
  }

  async payloads(runId: string): Promise<RunPayloads | undefined> {
    const { rows } = await this.pool.query<{ input: RunPayloads['input']; results: StepResult[] }>({
      name: 'payloads',
      text: `SELECT i.input, coalesce((
               SELECT jsonb_agg(jsonb_build_object('stepId', step_id, 'attempt', attempt, 'counted', counted,
                 'result', result) ORDER BY received_at, step_id COLLATE "C", attempt, counted)
               FROM step_results r WHERE r.run_id = i.run_id), '[]') AS results
             FROM run_inputs i WHERE i.run_id = $1`,
      values: [runId],
    });
    return rows[0];
  }

  async runs(filter: RunFilter, limit: number, cursor?: string): Promise<Page<RunState>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<{ state: RunState }>(
      `SELECT state FROM runs JOIN run_states ON run_id = id
        WHERE ($1::text IS NULL OR workflow_id = $1) AND ($2::text IS NULL OR status = $2)
          AND ($3::bigint IS NULL OR created_at >= $3) AND ($4::bigint IS NULL OR created_at < $4)
          AND ($5::bigint IS NULL OR (created_at, id) < ($5, $6::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $7`,
      [
        filter.workflowId ?? null,
        filter.status ?? null,
        filter.createdAfter ?? null,
        filter.createdBefore ?? null,
        after?.at ?? null,
        after?.id ?? null,
        limit + 1,
      ],
    );
    return toPage(
      rows.map((r) => r.state),
      limit,
      (run) => ({ at: run.createdAt, id: run.id }),
    );
  }

  async openRuns(
    workflowId: string,
    limit: number,
  ): Promise<Array<{ id: string; status: RunStatus; createdAt: number }>> {
    const { rows } = await this.pool.query<{ id: string; status: RunStatus; createdAt: number }>(
      `SELECT id, status, created_at AS "createdAt" FROM runs
        WHERE workflow_id = $1 AND status IN ('queued', 'running') ORDER BY created_at, id LIMIT $2`,
      [workflowId, limit],
    );
    return rows;
  }

  async dueRuns(now: number, limit: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      'SELECT run_id AS id FROM run_states WHERE due_at <= $1 ORDER BY due_at, run_id LIMIT $2',
      [now, limit],
    );
    return rows.map((r) => r.id);
  }

  async purge(finishedBefore: number, limit: number): Promise<number> {
    await this.pool.query('DELETE FROM idempotency_keys WHERE created_at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM redeploys WHERE asked_at < $1', [finishedBefore]);
    const { rowCount } = await this.pool.query(
      `WITH gone AS (
         DELETE FROM runs WHERE id IN (
           SELECT id FROM runs WHERE finished_at < $1 ORDER BY finished_at, id LIMIT $2) RETURNING id),
       states AS (DELETE FROM run_states USING gone WHERE run_id = gone.id),
       inputs AS (DELETE FROM run_inputs USING gone WHERE run_id = gone.id),
       results AS (DELETE FROM step_results USING gone WHERE run_id = gone.id)
       SELECT FROM gone`,
      [finishedBefore, limit],
    );
    return rowCount ?? 0;
  }
}
