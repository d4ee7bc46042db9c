import type { Pool } from 'pg';
import { storableJson } from '../json';
import type { NewReplay, ReplayOutcome, ReplayRecord } from '../replays';

const COLUMNS = `id, key, fingerprint, actor, created_at AS "createdAt", finished_at AS "finishedAt", request,
  run_ids AS "runIds", outcomes`;

type Row = Omit<ReplayRecord, 'finishedAt'> & { finishedAt: number | null };

export class ReplayQueries {
  constructor(private readonly pool: Pool) {}

  async add({ id, key, fingerprint, actor, createdAt, request, runIds }: NewReplay): Promise<ReplayRecord> {
    await this.pool.query(
      `INSERT INTO replays (id, key, fingerprint, actor, created_at, request, run_ids)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [id, key, fingerprint, actor, createdAt, storableJson(request), JSON.stringify(runIds)],
    );
    const { rows } = await this.pool.query<Row>(`SELECT ${COLUMNS} FROM replays WHERE key = $1`, [key]);
    return toRecord(rows[0] as Row);
  }

  async one(id: string): Promise<ReplayRecord | undefined> {
    const { rows } = await this.pool.query<Row>(`SELECT ${COLUMNS} FROM replays WHERE id = $1`, [id]);
    return rows[0] && toRecord(rows[0]);
  }

  async claim(now: number, until: number, limit: number): Promise<ReplayRecord[]> {
    const { rows } = await this.pool.query<Row>(
      `UPDATE replays SET claimed_until = $2 WHERE id IN (
         SELECT id FROM replays WHERE finished_at IS NULL AND claimed_until <= $1
           ORDER BY created_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
       RETURNING ${COLUMNS}`,
      [now, until, limit],
    );
    return rows.map(toRecord).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async progress(
    id: string,
    done: number,
    outcomes: readonly ReplayOutcome[],
    finishedAt: number | undefined,
  ): Promise<void> {
    await this.pool.query(
      `UPDATE replays SET outcomes = outcomes || $3::jsonb, finished_at = $4, claimed_until = 0
        WHERE id = $1 AND jsonb_array_length(outcomes) = $2`,
      [id, done, storableJson(outcomes), finishedAt ?? null],
    );
  }

  async purge(before: number): Promise<number> {
    const { rowCount } = await this.pool.query('DELETE FROM replays WHERE created_at < $1', [before]);
    return rowCount ?? 0;
  }
}

const toRecord = ({ finishedAt, ...row }: Row): ReplayRecord => ({
  ...row,
  ...(finishedAt !== null && { finishedAt }),
});
