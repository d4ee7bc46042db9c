import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { RunState, RunStatus } from '../../domain/run';
import { decodeCursor, toPage } from '../cursor';
import { chain } from './chained';
import { Plans, type StoredState } from './plans';
import { conditionsOf, pageOf } from './run-list';
import type { Page, RunFilter, RunPayloads, StepResult, Versioned } from '../store';

type Row = { state: StoredState; plan: string };

/** Reads of runs; writes go through commit_changes. */
export class RunQueries {
  private readonly plans: Plans;

  constructor(private readonly pool: Pool) {
    this.plans = new Plans(pool);
  }

  async run(id: string): Promise<Versioned<RunState> | undefined> {
    const { rows } = await this.pool.query<Row & { version: number }>({
      name: 'run',
      text: 'SELECT state, plan, version FROM run_states WHERE run_id = $1',
      values: [id],
    });
    const [state] = await this.plans.join(rows);
    return state && { state, version: rows[0]?.version ?? 0 };
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
    const { statements, values } = pageOf(filter, limit + 1, after);
    let rows: Row[] = [];
    for (const page of statements) {
      rows = await this.page(page, values);
      if (rows.length > limit) break;
    }
    const states = await this.plans.join(rows);
    return toPage(states, limit, (run) => ({ at: run.createdAt, id: run.id }));
  }

  private async page(ids: string, values: unknown[]): Promise<Row[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT state, plan FROM (${ids}) page JOIN run_states ON run_id = id ORDER BY created_at DESC, id DESC`,
      values,
    );
    return rows;
  }

  async countRuns(filter: Omit<RunFilter, 'status'>): Promise<Record<RunStatus, number>> {
    const { where, values } = conditionsOf(filter);
    const { rows } = await this.pool.query<{ status: RunStatus; count: number }>(
      `SELECT status, count(*)::int AS count FROM runs WHERE ${where} GROUP BY status`,
      values,
    );
    const counts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    for (const { status, count } of rows) counts[status] = count;
    return counts;
  }

  async openRuns(
    workflowId: string,
    limit: number,
  ): Promise<Array<{ id: string; status: RunStatus; createdAt: number }>> {
    const { rows } = await this.pool.query<{ id: string; status: RunStatus; createdAt: number }>(
      `SELECT id, status, created_at AS "createdAt" FROM runs
        WHERE workflow_id = $1 AND status IN ('queued', 'running') AND parent_id IS NULL ORDER BY created_at, id LIMIT $2`,
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

  async purge(
    finishedBefore: number,
    limit: number,
    entryFor?: (removed: number) => LedgerEntry,
  ): Promise<number> {
    await this.pool.query('DELETE FROM idempotency_keys WHERE created_at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM events WHERE at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM redeploys WHERE asked_at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM alerts WHERE resolved_at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM flow_turns WHERE at < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM flow_keys WHERE until < $1', [finishedBefore]);
    await this.pool.query('DELETE FROM flow_buckets WHERE full_at_us < $1::bigint * 1000', [finishedBefore]);
    return this.chained(
      `WITH gone AS (
         DELETE FROM runs WHERE id IN (
           SELECT id FROM runs WHERE finished_at < $1 ORDER BY finished_at, id LIMIT $2) RETURNING id),
       states AS (DELETE FROM run_states USING gone WHERE run_id = gone.id),
       inputs AS (DELETE FROM run_inputs USING gone WHERE run_id = gone.id),
       results AS (DELETE FROM step_results USING gone WHERE run_id = gone.id),
       costs AS (DELETE FROM step_costs USING gone WHERE run_id = gone.id),
       memos AS (DELETE FROM approvals USING gone WHERE run_id = gone.id),
       usage AS (DELETE FROM usage_due USING gone WHERE run_id = gone.id)
       SELECT FROM gone`,
      [finishedBefore, limit],
      entryFor,
    );
  }

  /** Under the lock that commits take, and before any run's: a late result is committed the other way round. */
  private async chained(
    sql: string,
    values: unknown[],
    entryFor: ((removed: number) => LedgerEntry) | undefined,
  ): Promise<number> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM ledger_head FOR UPDATE');
      const { rowCount } = await client.query(sql, values);
      const removed = rowCount ?? 0;
      if (removed > 0 && entryFor) await chain(client, entryFor(removed));
      await client.query('COMMIT');
      return removed;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw new Error(`runs could not be removed: ${(error as Error).message}`, { cause: error });
    } finally {
      client.release();
    }
  }
}
