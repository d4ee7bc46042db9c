import type { Pool } from 'pg';
import type { FlowUse, Member } from '../../domain/flow';
import type { FlowHead, FlowStore } from '../flow';

const MEMBER = 'run_id AS "runId", created_at AS "createdAt"';

/** Reads of flow control; writes go through commit_changes. */
export class FlowQueries implements FlowStore {
  constructor(private readonly pool: Pool) {}

  /** From one name to the next: costs what there are workflows, not runs. */
  async flowWorkflows(limit: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `WITH RECURSIVE names AS (
         (SELECT workflow_id AS id FROM flow_runs WHERE NOT started ORDER BY workflow_id LIMIT 1)
         UNION ALL
         SELECT (SELECT workflow_id FROM flow_runs WHERE NOT started AND workflow_id > names.id
                   ORDER BY workflow_id LIMIT 1) FROM names WHERE names.id IS NOT NULL)
       SELECT id FROM names WHERE id IS NOT NULL LIMIT $1`,
      [limit],
    );
    return rows.map((r) => r.id);
  }

  async flowHeads(workflowId: string, now: number, limit: number): Promise<FlowHead[]> {
    const { rows } = await this.pool.query<FlowHead>(
      `SELECT h.run_id AS "runId", h.priority, s.state->'flow' AS flow
         FROM (SELECT DISTINCT ON (priority, turn) run_id, priority, turn, created_at FROM flow_runs
                 WHERE workflow_id = $1 AND NOT started AND not_before <= $2
                 ORDER BY priority DESC, turn, created_at, run_id) h
         JOIN run_states s ON s.run_id = h.run_id
         LEFT JOIN flow_turns t ON t.workflow_id = $1 AND t.turn = h.turn
        ORDER BY h.priority DESC, coalesce(t.served, 0), h.created_at, h.run_id LIMIT $3`,
      [workflowId, now, limit],
    );
    return rows;
  }

  async flowUse(gates: readonly string[], buckets: readonly string[]): Promise<FlowUse> {
    const [held, fullAt] = await Promise.all([
      this.pool.query<{ gate: string; held: number }>(
        'SELECT gate, count(*)::int AS held FROM flow_gates WHERE gate = ANY ($1) AND started GROUP BY gate',
        [gates],
      ),
      this.pool.query<{ bucket: string; at: number }>(
        'SELECT bucket, full_at_us AS at FROM flow_buckets WHERE bucket = ANY ($1)',
        [buckets],
      ),
    ]);
    return {
      held: new Map(held.rows.map((r) => [r.gate, r.held])),
      fullAtUs: new Map(fullAt.rows.map((r) => [r.bucket, r.at])),
    };
  }

  async flowMembers(gate: string, limit: number): Promise<Array<Member & { started: boolean }>> {
    const { rows } = await this.pool.query<Member & { started: boolean }>(
      `SELECT ${MEMBER}, started FROM flow_gates WHERE gate = $1 ORDER BY created_at, run_id LIMIT $2`,
      [gate, limit],
    );
    return rows;
  }

  async flowPutOff(key: string, limit: number): Promise<Member[]> {
    const { rows } = await this.pool.query<Member>(
      `SELECT ${MEMBER} FROM flow_runs WHERE debounce = $1 AND NOT started ORDER BY created_at, run_id LIMIT $2`,
      [key, limit],
    );
    return rows;
  }
}
