import type { Pool, QueryResultRow } from 'pg';
import { budgetId, type Budget, type BudgetUse, type Learned } from '../../domain/budget';
import type { LedgerEntry } from '../../domain/ledger';
import type { BudgetStore, HeldLease, RaiseEntryFor } from '../budgets';
import { chain } from './chained';

interface Row extends QueryResultRow {
  measure: Budget['measure'];
  scope: Budget['scope'];
  subject: string;
  period: Budget['period'];
  declared: string | null;
  assigned: string | null;
  key: string;
  raised: string;
  spent: string;
  reserved: string;
}

const USE = `b.measure, b.scope, b.subject, b.period, b.declared::text, b.assigned::text, coalesce(k.key, '') AS key,
  coalesce(r.amount, 0)::text AS raised, coalesce(u.spent, 0)::text AS spent, coalesce(u.reserved, 0)::text AS reserved`;
const USED = `LEFT JOIN budget_raises r ON r.budget_id = b.id AND r.key = k.key
  LEFT JOIN budget_use u ON u.budget_id = b.id AND u.key = k.key`;

/** Runs shown of one budget by run, those that used most first. */
const MAX_RUNS = 100;

export class BudgetQueries {
  constructor(private readonly pool: Pool) {}

  store(): BudgetStore {
    return {
      budgetUses: (keys) => this.uses(keys),
      learnedCosts: () => this.learned(),
      declareBudget: (budget, entry) => this.write('declared', budget, entry),
      setBudget: (budget, entry) => this.write('assigned', budget, entry),
      raiseBudget: (id, key, by, entryFor) => this.raise(id, key, by, entryFor),
      retryHeld: (keys) => this.retry(keys),
      heldLeases: (limit, runId) => this.held(limit, runId),
    };
  }

  private async uses({ day, month }: { day: string; month: string }): Promise<BudgetUse[]> {
    const { rows } = await this.pool.query<Row>({
      name: 'budget_uses',
      text: `SELECT ${USE} FROM budgets b LEFT JOIN LATERAL (
            SELECT CASE b.period WHEN 'day' THEN $1 ELSE $2 END AS key WHERE b.period <> 'per-run'
            UNION ALL (SELECT x.key FROM budget_use x JOIN runs ON runs.id::text = x.key AND runs.finished_at IS NULL
              WHERE b.period = 'per-run' AND x.budget_id = b.id ORDER BY x.spent + x.reserved DESC, x.key LIMIT ${MAX_RUNS})) k ON true
          ${USED} WHERE coalesce(b.assigned, b.declared) IS NOT NULL ORDER BY b.id, k.key COLLATE "C" NULLS FIRST`,
      values: [day, month],
    });
    return rows.map(toUse);
  }

  private async learned(): Promise<ReadonlyMap<string, Learned>> {
    const { rows } = await this.pool.query<{ agent_id: string; costs: string[]; ms: number[] }>(
      'SELECT agent_id, costs::text[], ms::float8[] FROM agent_costs',
    );
    return new Map(rows.map((row) => [row.agent_id, { costs: row.costs.map(BigInt), ms: row.ms }]));
  }

  private write(column: 'declared' | 'assigned', budget: Budget, entry: LedgerEntry): Promise<void> {
    const { measure, scope, subject, period } = budget;
    return this.change(
      `INSERT INTO budgets (id, measure, scope, subject, period, ${column}) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET ${column} = EXCLUDED.${column}
          WHERE budgets.${column} IS DISTINCT FROM EXCLUDED.${column} RETURNING id`,
      [budgetId(budget), measure, scope, subject, period, budget[column]?.toString() ?? null],
      () => entry,
    );
  }

  private raise(id: string, key: string, by: bigint, entryFor: RaiseEntryFor): Promise<void> {
    return this.change<{ total: string }>(
      `INSERT INTO budget_raises AS known (budget_id, key, amount) VALUES ($1, $2, $3)
        ON CONFLICT (budget_id, key) DO UPDATE SET amount = known.amount + EXCLUDED.amount RETURNING amount::text AS total`,
      [id, key, by.toString()],
      ({ total }) => entryFor(BigInt(total)),
    );
  }

  /** Takes its turn among the commits before anything is locked; no entry where nothing changed. */
  private async change<R extends QueryResultRow>(
    sql: string,
    values: unknown[],
    entryFor: (row: R) => LedgerEntry,
  ): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM ledger_head FOR UPDATE');
      const { rows } = await client.query<R>(sql, values);
      if (rows[0]) {
        // Without a limit of any kind it is no budget: whoever has none pays nothing for them.
        await client.query('DELETE FROM budgets WHERE declared IS NULL AND assigned IS NULL');
        await chain(client, entryFor(rows[0]));
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw new Error(`budget could not be kept: ${(error as Error).message}`, { cause: error });
    } finally {
      client.release();
    }
  }

  private async retry({ day, month }: { day: string; month: string }): Promise<string[]> {
    const { rows } = await this.pool.query<{ freed: string[] }>('SELECT retry_held($1, $2) AS freed', [
      day,
      month,
    ]);
    return rows[0]?.freed ?? [];
  }

  private async held(limit: number, runId?: string): Promise<HeldLease[]> {
    const { rows } = await this.pool.query<Row & { run_id: string; step_id: string; estimate: string }>(
      `SELECT l.run_id, l.step_id, l.demand->>'estimate' AS estimate, ${USE}
        FROM leases l JOIN budgets b ON b.id = l.held_by
        CROSS JOIN LATERAL (SELECT budget_who(l.demand, l.demand)->>(CASE b.period WHEN 'per-run' THEN 'root'
          ELSE b.period END) AS key) k ${USED}
        WHERE l.granted_at IS NULL AND NOT l.reserved AND ($2::uuid IS NULL OR l.run_id = $2)
        ORDER BY l.priority DESC, l.requested_at, l.run_id, l.step_id COLLATE "C" LIMIT $1`,
      [limit, runId ?? null],
    );
    return rows.map((row) => ({
      runId: row.run_id,
      stepId: row.step_id,
      estimate: BigInt(row.estimate),
      use: toUse(row),
    }));
  }
}

function toUse(row: Row): BudgetUse {
  const { measure, scope, subject, period, declared, assigned, key } = row;
  return {
    budget: {
      ...{ measure, scope, subject, period },
      ...(declared !== null && { declared: BigInt(declared) }),
      ...(assigned !== null && { assigned: BigInt(assigned) }),
    },
    key,
    raised: BigInt(row.raised),
    spent: BigInt(row.spent),
    reserved: BigInt(row.reserved),
  };
}
