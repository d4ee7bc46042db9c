import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { StageVerdict } from '../../domain/release/validation';
import { storableJson } from '../json';
import type { VerdictStore } from '../verdict-store';
import { changeChained } from './chained';

/** Verdicts of the validation pipeline, each with its evidence and its ledger entry in one transaction. */
export function verdictQueries(pool: Pool): VerdictStore {
  return {
    addVerdict: async (verdict: StageVerdict, evidence: Buffer, entry: LedgerEntry) => {
      const sql = `WITH evidence AS (INSERT INTO release_parts VALUES ($6, $7) ON CONFLICT DO NOTHING)
        INSERT INTO release_verdicts (id, release_id, stage, at, verdict) VALUES ($1, $2, $3, $4, $5) RETURNING id`;
      const { id, releaseId, stage, at } = verdict;
      const values = [id, releaseId, stage, at, storableJson(verdict), verdict.evidence, evidence];
      await changeChained(pool, 'verdict', [sql, values], () => entry);
    },
    verdictsOf: async (releaseId, limit) => {
      const sql = `SELECT verdict FROM release_verdicts WHERE release_id = $1 ORDER BY at DESC, id DESC LIMIT $2`;
      const { rows } = await pool.query<{ verdict: StageVerdict }>(sql, [releaseId, limit]);
      return rows.map((row) => row.verdict);
    },
  };
}
