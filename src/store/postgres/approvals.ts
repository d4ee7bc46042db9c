import type { Pool, QueryResultRow } from 'pg';
import type { Memo } from '../../domain/approval/memo';
import type { LedgerEntry } from '../../domain/ledger';
import { NOTHING_YET, type LevelRecord, type Standing } from '../../domain/oversight/level';
import { MAX_KNOWN_TYPES, type ApprovalStore, type MemoFilter } from '../approvals';
import { decodeCursor, toPage } from '../cursor';
import { storableJson } from '../json';
import type { Page } from '../store';
import { changeChained } from './chained';

interface Reading extends QueryResultRow {
  level: LevelRecord | null;
  counts: Standing['counts'] | null;
  last: Standing['lastIncident'] | null;
  known: string[] | null;
  tally: Standing['tally'] | null;
}

/** Memos and how agents stand; memos and acts are written by commit_changes. */
export class ApprovalQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): ApprovalStore {
    return {
      memo: (id) => this.memo(id),
      memos: (filter, limit, cursor) => this.memos(filter, limit, cursor),
      standing: (agentId) => this.standing(agentId),
      setLevel: (agentId, level, entry) => this.setLevel(agentId, level, entry),
    };
  }

  private async memo(id: string): Promise<Memo | undefined> {
    const { rows } = await this.pool.query<{ memo: Memo }>('SELECT memo FROM approvals WHERE id = $1', [id]);
    return rows[0]?.memo;
  }

  private async memos(filter: MemoFilter, limit: number, cursor?: string): Promise<Page<Memo>> {
    const { state, agentId, runId } = filter;
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<{ memo: Memo }>(
      `SELECT memo FROM approvals
        WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR agent_id = $2)
          AND ($3::uuid IS NULL OR run_id = $3)
          AND ($4::bigint IS NULL OR (requested_at, id) < ($4, $5::uuid))
        ORDER BY requested_at DESC, id DESC LIMIT $6`,
      [state ?? null, agentId ?? null, runId ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    const memos = rows.map(({ memo }) => memo);
    return toPage(memos, limit, ({ requestedAt, id }) => ({ at: requestedAt, id }));
  }

  private async standing(agentId: string): Promise<Standing> {
    const { rows } = await this.pool.query<Reading>(
      `SELECT
         (SELECT jsonb_build_object('level', level, 'since', since, 'reason', reason, 'actor', actor,
            'version', version, 'base', base) FROM agent_levels WHERE agent_id = $1) AS level,
         (SELECT jsonb_build_object('supervisedActions', supervised_actions, 'incidents', incidents)
            FROM agent_counts WHERE agent_id = $1) AS counts,
         (SELECT last_incident FROM agent_counts WHERE agent_id = $1) AS last,
         (SELECT jsonb_build_object('tasks', tasks, 'succeeded', succeeded, 'stated', stated,
            'statedSum', stated_sum, 'statedSucceeded', stated_succeeded)
            FROM agent_counts WHERE agent_id = $1 AND tasks > 0) AS tally,
         (SELECT jsonb_agg(type ORDER BY type COLLATE "C") FROM (SELECT type FROM agent_action_types
            WHERE agent_id = $1 LIMIT $2) t) AS known`,
      [agentId, MAX_KNOWN_TYPES],
    );
    const { level, counts, last, known, tally } = rows[0] as Reading;
    return {
      agentId,
      ...(level && { level }),
      counts: counts ?? NOTHING_YET,
      ...(last && { lastIncident: last }),
      known: known ?? [],
      ...(tally && { tally }),
    };
  }

  private async setLevel(agentId: string, record: LevelRecord, entry: LedgerEntry): Promise<boolean> {
    const { level, since, reason, actor, version, base } = record;
    const row = await changeChained(
      this.pool,
      'level of an agent',
      [
        `INSERT INTO agent_levels (agent_id, level, since, reason, actor, version, base)
         SELECT $1, $2, $3, $4, $5, $6, $7
          WHERE $6 = 1 OR EXISTS (SELECT FROM agent_levels WHERE agent_id = $1)
         ON CONFLICT (agent_id) DO UPDATE SET level = excluded.level, since = excluded.since,
           reason = excluded.reason, actor = excluded.actor, version = excluded.version, base = excluded.base
         WHERE agent_levels.version = excluded.version - 1 RETURNING agent_id`,
        [agentId, level, since, reason, actor, version, storableJson(base)],
      ],
      () => entry,
    );
    return row !== undefined;
  }
}
