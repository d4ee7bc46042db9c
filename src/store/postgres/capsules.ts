import type { Pool, PoolClient } from 'pg';
import { asleep, type Activity, type CapsuleState, type Shift } from '../../domain/capsule';
import type { LedgerEntry } from '../../domain/ledger';
import { decodeCursor, toPage } from '../cursor';
import type { CapsuleRecord, CapsuleSetting, LeaseRequest, Page } from '../store';
import { chain } from './chained';

interface Row {
  state: CapsuleState;
  version: number;
  held: number;
  waiting: number;
  idle_since: number | null;
  busy_since: number | null;
  work_ms: number;
  first_work_at: number | null;
  last_work_at: number | null;
}

const SELECT = `SELECT c.state, c.version, a.held, admissible(c.id, c.agent_id, a.waiting) AS waiting, a.idle_since, a.busy_since, a.work_ms,
  a.first_work_at, a.last_work_at FROM capsules c JOIN capsule_activity a ON a.capsule_id = c.id`;

const LEASE = `run_id AS "runId", step_id AS "stepId", attempt, requested_at AS "requestedAt", priority`;

/** Reads of capsules, leases and shifts, and what the registry declares of them. */
export class CapsuleQueries {
  constructor(private readonly pool: Pool) {}

  async capsule(id: string): Promise<CapsuleRecord | undefined> {
    const { rows } = await this.pool.query<Row>({
      name: 'capsule',
      text: `${SELECT} WHERE c.id = $1`,
      values: [id],
    });
    return rows[0] && toRecord(rows[0]);
  }

  async capsules(): Promise<CapsuleRecord[]> {
    const { rows } = await this.pool.query<Row>(`${SELECT} ORDER BY c.id`);
    return rows.map(toRecord);
  }

  /** Under the lock that commits take, so that no commit writes back an agent id it read before. */
  async declareCapsules(settings: CapsuleSetting[], entryFor?: EntryFor): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT FROM ledger_head FOR UPDATE');
      for (const setting of settings) {
        const was = await declare(client, setting);
        if (was !== 'the same' && entryFor) await chain(client, entryFor(setting, was));
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw new Error(`capsules could not be declared: ${(error as Error).message}`, { cause: error });
    } finally {
      client.release();
    }
  }

  async dueCapsules(now: number, limit: number): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `SELECT c.id FROM capsules c CROSS JOIN LATERAL (SELECT held, idle_since,
            admissible(c.id, c.agent_id, waiting) AS waiting FROM capsule_activity WHERE capsule_id = c.id) a
        WHERE c.due_at <= $1
           OR (a.waiting > 0 AND c.status = 'asleep' AND c.due_at IS NULL)
           OR (a.waiting > 0 AND c.status = 'awake' AND a.held < c.slots)
           OR (c.status = 'awake' AND a.held = 0 AND a.waiting = 0 AND a.idle_since + c.linger_ms <= $1)
        ORDER BY c.id LIMIT $2`,
      [now, limit],
    );
    return rows.map((r) => r.id);
  }

  async grantable(capsuleId: string): Promise<LeaseRequest[]> {
    const { rows } = await this.pool.query<LeaseRequest>(
      `SELECT ${LEASE} FROM leases l WHERE capsule_id = $1 AND granted_at IS NULL
          AND (NOT EXISTS (SELECT FROM switches WHERE released_at IS NULL)
            OR NOT is_switched_off((SELECT agent_id FROM capsules WHERE id = $1), l.workflow_id))
          AND (l.reserved OR l.demand IS NULL OR NOT has_budgets())
        ORDER BY priority DESC, requested_at, run_id, attempt
        LIMIT (SELECT greatest(0, c.slots - a.held) FROM capsules c
                 JOIN capsule_activity a ON a.capsule_id = c.id WHERE c.id = $1)`,
      [capsuleId],
    );
    return rows;
  }

  async waiting(capsuleId: string, limit: number): Promise<LeaseRequest[]> {
    const { rows } = await this.pool.query<LeaseRequest>(
      `SELECT ${LEASE} FROM leases WHERE capsule_id = $1 AND granted_at IS NULL ORDER BY priority DESC, requested_at, run_id, attempt LIMIT $2`,
      [capsuleId, limit],
    );
    return rows;
  }

  async holders(capsuleId: string): Promise<LeaseRequest[]> {
    const { rows } = await this.pool.query<LeaseRequest>(
      `SELECT ${LEASE} FROM leases WHERE capsule_id = $1 AND granted_at IS NOT NULL ORDER BY priority DESC, requested_at, run_id, attempt`,
      [capsuleId],
    );
    return rows;
  }

  async shifts(filter: { capsuleId?: string }, limit: number, cursor?: string): Promise<Page<Shift>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<{ shift: Shift }>(
      `SELECT shift FROM shifts
        WHERE ($1::text IS NULL OR capsule_id = $1)
          AND ($2::bigint IS NULL OR (requested_at, capsule_id) < ($2, $3))
        ORDER BY requested_at DESC, capsule_id DESC LIMIT $4`,
      [filter.capsuleId ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(
      rows.map((r) => r.shift),
      limit,
      (shift) => ({ at: shift.requestedAt, id: shift.capsuleId }),
    );
  }
}

type EntryFor = (setting: CapsuleSetting, was: CapsuleSetting | undefined) => LedgerEntry;

/**
 * A new version only if something is new: others decide on the present one meanwhile. Answers what was known
 * before.
 */
async function declare(
  client: PoolClient,
  { id, agentId, slots, lingerMs }: CapsuleSetting,
): Promise<CapsuleSetting | undefined | 'the same'> {
  const { rows } = await client.query<CapsuleSetting>(
    'SELECT id, agent_id AS "agentId", slots, linger_ms AS "lingerMs" FROM capsules WHERE id = $1',
    [id],
  );
  const { rowCount } = await client.query(
    `INSERT INTO capsules AS known (id, agent_id, slots, linger_ms, status, generation, state)
       VALUES ($1, $2, $3, $4, 'asleep', 0, $5)
     ON CONFLICT (id) DO UPDATE SET agent_id = $2, slots = $3, linger_ms = $4,
         version = known.version + 1, state = known.state || jsonb_build_object('agentId', $2::text)
       WHERE (known.agent_id, known.slots, known.linger_ms) IS DISTINCT FROM ($2, $3, $4)`,
    [id, agentId, slots, lingerMs, JSON.stringify(asleep(id, agentId))],
  );
  await client.query('INSERT INTO capsule_activity (capsule_id) VALUES ($1) ON CONFLICT DO NOTHING', [id]);
  return rowCount === 0 ? 'the same' : rows[0];
}

function toRecord(row: Row): CapsuleRecord {
  const activity: Activity = {
    held: row.held,
    waiting: row.waiting,
    workMs: row.work_ms,
    ...(row.busy_since !== null && { busySince: row.busy_since }),
    ...(row.idle_since !== null && { idleSince: row.idle_since }),
    ...(row.first_work_at !== null && { firstWorkAt: row.first_work_at }),
    ...(row.last_work_at !== null && { lastWorkAt: row.last_work_at }),
  };
  return { state: row.state, version: row.version, activity };
}
