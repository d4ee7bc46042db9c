import type { Pool } from 'pg';
import type { Shift } from '../../domain/capsule';
import type { WorkedShift } from '../../domain/cost/attribute';
import type { Booking, StepLine, Stray, UsageReport } from '../../domain/cost/booking';
import { MONEYS, NO_FIGURES, NUMBERS, type Figures } from '../../domain/cost/figures';
import type { CostGroup, CostTotal } from '../../domain/cost/report';
import type { LeaseTime } from '../../domain/cost/timeline';
import { MAX_LEASES_OF_SHIFT, type CostStore } from '../costs';
import { storableJson } from '../json';

const snake = (key: string): string => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** Sums as the driver can read them: whole numbers, and money as text. */
const SUMS = [
  ...NUMBERS.map((key) => `sum(c.${snake(key)})::bigint AS "${key}"`),
  ...MONEYS.map((key) => `sum(c.${snake(key)})::text AS "${key}"`),
].join(', ');

const LEASE_TIMES = `SELECT jsonb_agg(to_jsonb(t) ORDER BY t."grantedAt", t."runId", t."stepId" COLLATE "C", t.attempt)
  FROM (SELECT l.run_id AS "runId", l.step_id AS "stepId", l.attempt, coalesce(r.workflow_id, '') AS "workflowId",
          l.requested_at AS "requestedAt", l.granted_at AS "grantedAt", l.released_at AS "releasedAt"
        FROM lease_times l LEFT JOIN runs r ON r.id = l.run_id
        WHERE l.capsule_id = s.capsule_id AND l.generation = s.generation
        ORDER BY l.granted_at, l.run_id, l.step_id COLLATE "C", l.attempt LIMIT ${MAX_LEASES_OF_SHIFT}) t`;

/** Of a family of runs, each line under the step of the eldest whose work it is in the end. */
const STEP_COSTS = `WITH RECURSIVE family AS (
    SELECT id AS root, id, NULL::text AS via FROM runs WHERE id = ANY($1::uuid[])
    UNION ALL
    SELECT f.root, r.id, coalesce(f.via, s.state->'trigger'->>'stepId')
      FROM family f JOIN runs r ON r.parent_id = f.id JOIN run_states s ON s.run_id = r.id)
  SELECT f.root AS "runId", coalesce(f.via, c.step_id) AS "stepId", c.model, ${SUMS}
    FROM family f JOIN step_costs c ON c.run_id = f.id
    GROUP BY 1, 2, 3 ORDER BY f.root, coalesce(f.via, c.step_id) COLLATE "C", c.model COLLATE "C"`;

const STRAY = `capsule_id AS "capsuleId", agent_id AS "agentId", replicas, since, found_at AS "foundAt",
  ended_at AS "endedAt"`;

const KEYS: Record<CostGroup, string> = {
  day: `(width_bucket(c.quarter, $1::bigint[]) - 1)::text`,
  workflow: 'c.workflow_id',
  agent: 'c.agent_id',
  model: 'c.model',
};

export class CostQueries {
  constructor(private readonly pool: Pool) {}

  store(): CostStore {
    return {
      unbookedShifts: (limit) => this.unbookedShifts(limit),
      bookShift: ({ capsuleId, generation }, booking) =>
        this.book('book_shift($1, $2, $3::jsonb)', [capsuleId, generation], booking),
      unbookedUsage: (limit) => this.unbookedUsage(limit),
      bookUsage: ({ runId, stepId, attempt, counted }, booking) =>
        this.book('book_usage($1, $2, $3, $4, $5::jsonb)', [runId, stepId, attempt, counted], booking),
      costTotals: (by, bounds) => this.totals(by, bounds),
      firstCost: () => this.firstCost(),
      stepCosts: (runIds) => this.stepCosts(runIds),
      noteStray: (stray) => this.noteStray(stray),
      openStrays: (limit) =>
        this.strayRows('WHERE ended_at IS NULL ORDER BY found_at DESC, capsule_id LIMIT $1', [limit]),
      bookStray: ({ capsuleId, foundAt }, endedAt, booking) =>
        this.book('book_stray($1, $2, $3, $4::jsonb)', [capsuleId, foundAt, endedAt], booking),
      strays: (from, to, limit) =>
        this.strayRows('WHERE found_at >= $1 AND found_at < $2 ORDER BY found_at DESC, capsule_id LIMIT $3', [
          from,
          to,
          limit,
        ]),
    };
  }

  private async unbookedShifts(limit: number): Promise<WorkedShift[]> {
    const { rows } = await this.pool.query<{ shift: Shift; leases: LeaseTime[] | null }>(
      `SELECT s.shift, (${LEASE_TIMES}) AS leases FROM shifts s
        WHERE NOT s.booked AND s.shift ? 'zeroAt' AND NOT EXISTS (SELECT FROM leases l
          WHERE l.capsule_id = s.capsule_id AND l.generation = s.generation AND l.granted_at IS NOT NULL)
        ORDER BY s.requested_at, s.capsule_id LIMIT $1`,
      [limit],
    );
    return rows.map(({ shift, leases }) => ({ shift, leases: leases ?? [] }));
  }

  private async unbookedUsage(limit: number): Promise<UsageReport[]> {
    const { rows } = await this.pool.query<UsageReport>(
      `SELECT u.run_id AS "runId", u.step_id AS "stepId", u.attempt, u.counted, u.received_at AS "receivedAt",
          s.state->>'workflowId' AS "workflowId",
          coalesce(jsonb_path_query_first(p.plan, '$[*] ? (@.id == $id).agentId', vars)#>>'{}', '') AS "agentId",
          CASE WHEN jsonb_path_exists(s.state, '$.steps[*] ? (@.id == $id).reusedFrom', vars) THEN '[]'
            ELSE r.result->'usage' END AS usage
        FROM usage_due u CROSS JOIN LATERAL jsonb_build_object('id', u.step_id) vars
        JOIN step_results r USING (run_id, step_id, attempt, counted)
        JOIN run_states s ON s.run_id = u.run_id JOIN plans p ON p.hash = s.plan
        ORDER BY u.received_at, u.run_id, u.step_id COLLATE "C", u.attempt, u.counted LIMIT $1`,
      [limit],
    );
    return rows;
  }

  private async book(call: string, key: unknown[], { steps, totals, who }: Booking): Promise<boolean> {
    const booking = storableJson({ steps: steps.map(toRow), totals: totals.map(toRow), ...(who && { who }) });
    const { rows } = await this.pool.query<{ booked: boolean }>(`SELECT ${call} AS booked`, [
      ...key,
      booking,
    ]);
    return rows[0]?.booked === true;
  }

  private async totals(by: CostGroup, bounds: readonly number[]): Promise<CostTotal[]> {
    const { rows } = await this.pool.query<Record<string, unknown> & { key: string; agentId: string }>(
      `SELECT ${KEYS[by]} AS key, c.agent_id AS "agentId", ${SUMS} FROM cost_totals c
        WHERE c.quarter >= ($1::bigint[])[1] AND c.quarter < ($1::bigint[])[cardinality($1::bigint[])]
        GROUP BY 1, 2 ORDER BY 1, 2`,
      [bounds],
    );
    const totals = rows.map(({ key, agentId, ...sums }) => ({ key, agentId, figures: toFigures(sums) }));
    return totals.sort((a, b) => compare(a.key, b.key) || compare(a.agentId, b.agentId));
  }

  private async firstCost(): Promise<number | undefined> {
    const { rows } = await this.pool.query<{ first: number | null }>(
      'SELECT min(quarter) AS first FROM cost_totals',
    );
    return rows[0]?.first ?? undefined;
  }

  private async stepCosts(runIds: readonly string[]): Promise<StepLine[]> {
    const { rows } = await this.pool.query<
      Record<string, unknown> & { runId: string; stepId: string; model: string }
    >({ name: 'step_costs', text: STEP_COSTS, values: [runIds] });
    return rows.map(({ runId, stepId, model, ...sums }) => ({
      runId,
      stepId,
      model,
      figures: toFigures(sums),
    }));
  }

  private async noteStray({ capsuleId, agentId, replicas, since, foundAt }: Stray): Promise<void> {
    await this.pool.query(
      `INSERT INTO strays (capsule_id, agent_id, replicas, since, found_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING`,
      [capsuleId, agentId, replicas, since, foundAt],
    );
  }

  private async strayRows(rest: string, values: number[]): Promise<Stray[]> {
    const { rows } = await this.pool.query<Omit<Stray, 'endedAt'> & { endedAt: number | null }>(
      `SELECT ${STRAY} FROM strays ${rest}`,
      values,
    );
    return rows.map(({ endedAt, ...stray }) => ({ ...stray, ...(endedAt !== null && { endedAt }) }));
  }
}

/** A line as a row of its table: its key and its figures side by side. */
function toRow({ figures, ...key }: { figures: Figures }): Record<string, unknown> {
  const all = Object.entries({ ...key, ...figures });
  return Object.fromEntries(
    all.map(([name, value]) => [snake(name), typeof value === 'bigint' ? value.toString() : value]),
  );
}

function toFigures(row: Record<string, unknown>): Figures {
  const figures = { ...NO_FIGURES };
  for (const key of NUMBERS) figures[key] = Number(row[key]);
  for (const key of MONEYS) figures[key] = BigInt(String(row[key]));
  return figures;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
