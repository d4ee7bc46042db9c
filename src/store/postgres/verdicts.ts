import type { Pool } from 'pg';
import type { StageVerdict } from '../../domain/release/validation';
import { storableJson } from '../json';
import type { VerdictStore } from '../verdict-store';
import { changeChained } from './chained';

/** Verdicts of the validation pipeline, each with its evidence and its ledger entry in one transaction. */
export function verdictQueries(pool: Pool): VerdictStore {
  return {
    addVerdict: async (verdict, evidence, entryFor) => {
      const sql = `WITH evidence AS (INSERT INTO release_parts VALUES ($6, $7) ON CONFLICT DO NOTHING)
        INSERT INTO release_verdicts (id, release_id, stage, at, verdict) VALUES ($1, $2, $3, $4, $5)
        RETURNING (SELECT v.verdict->>'verdict' FROM release_verdicts v WHERE v.release_id = $2 AND v.stage = $3
          ORDER BY v.at DESC, v.id DESC LIMIT 1) AS was`;
      const { id, releaseId, stage, at } = verdict;
      const values = [id, releaseId, stage, at, storableJson(verdict), verdict.evidence, evidence];
      await changeChained<{ was: StageVerdict['verdict'] | null }>(
        pool,
        'verdict',
        [sql, values],
        ({ was }) => entryFor(was ?? undefined),
      );
    },
    verdictsOf: async (releaseId, limit) => {
      const sql = `SELECT verdict FROM release_verdicts WHERE release_id = $1 ORDER BY at DESC, id DESC LIMIT $2`;
      const { rows } = await pool.query<{ verdict: StageVerdict }>(sql, [releaseId, limit]);
      return rows.map((row) => row.verdict);
    },
  };
}
