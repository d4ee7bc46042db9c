import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { ClaimResult, FollowedBuild, RedeployClaim, RedeployEnd } from '../redeploys';
import { changeChained } from './chained';

interface Row {
  id: string;
  fingerprint: string;
  asked_at: number;
  newest_before: string | null;
  build_id: string | null;
  open: boolean;
}

export class RedeployQueries {
  constructor(private readonly pool: Pool) {}

  async claim(claim: RedeployClaim): Promise<ClaimResult> {
    const { agentId, key, fingerprint, id, at, newestBefore, staleBefore } = claim;
    await this.pool.query(
      'UPDATE redeploys SET open = false WHERE agent_id = $1 AND open AND asked_at < $2',
      [agentId, staleBefore],
    );
    const { rowCount } = await this.pool.query(
      `INSERT INTO redeploys (id, agent_id, key, fingerprint, asked_at, newest_before)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [id, agentId, key, fingerprint, at, newestBefore ?? null],
    );
    if (rowCount === 1) return { kind: 'claimed' };
    const { rows } = await this.pool.query<Row>('SELECT * FROM redeploys WHERE agent_id = $1 AND key = $2', [
      agentId,
      key,
    ]);
    const [row] = rows;
    if (!row) return { kind: 'busy' };
    const { asked_at: askedAt, newest_before: newest, build_id: buildId, open } = row;
    return {
      kind: 'known',
      record: {
        id: row.id,
        fingerprint: row.fingerprint,
        at: askedAt,
        open,
        ...(newest !== null && { newestBefore: newest }),
        ...(buildId !== null && { buildId }),
      },
    };
  }

  async settle(id: string, buildId: string | undefined): Promise<void> {
    const text = 'UPDATE redeploys SET open = false, build_id = coalesce($2, build_id) WHERE id = $1';
    await this.pool.query(text, [id, buildId ?? null]);
  }

  async followed(limit: number): Promise<FollowedBuild[]> {
    const { rows } = await this.pool.query<{
      id: string;
      agent_id: string;
      build_id: string;
      asked_at: number;
    }>(
      `SELECT id, agent_id, build_id, asked_at FROM redeploys
        WHERE build_id IS NOT NULL AND ended_at IS NULL ORDER BY asked_at LIMIT $1`,
      [limit],
    );
    return rows.map((r) => ({ id: r.id, agentId: r.agent_id, buildId: r.build_id, at: r.asked_at }));
  }

  async end(id: string, { at, status }: RedeployEnd, entry: LedgerEntry): Promise<boolean> {
    const sql =
      'UPDATE redeploys SET ended_at = $2, status = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id';
    return (
      (await changeChained(this.pool, 'end of a build', [sql, [id, at, status]], () => entry)) !== undefined
    );
  }

  async drop(id: string): Promise<void> {
    await this.pool.query('DELETE FROM redeploys WHERE id = $1', [id]);
  }
}
