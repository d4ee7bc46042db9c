import type { Pool, QueryResultRow } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { Environment } from '../../domain/release/environment';
import type { Release } from '../../domain/release/manifest';
import type { Rollout } from '../../domain/rollout/rollout';
import { decodeCursor, toPage } from '../cursor';
import { storableJson } from '../json';
import type { Parts, ReleaseStore, ReleaseWork, WorkEnd } from '../release-store';
import type { Page, Versioned } from '../store';
import { changeChained } from './chained';
import { verdictQueries } from './verdicts';

interface ReleaseRow extends QueryResultRow {
  id: string;
  agent_id: string;
  parent: string | null;
  manifest: Release['manifest'];
  created_at: number;
  created_by: string;
}

interface WorkRow extends QueryResultRow {
  run_id: string;
  step_id: string;
  attempt: number;
  agent_id: string;
  release_id: string;
  input_hash: string;
  at: number;
  shadow: boolean;
  ended: WorkEnd | null;
}

/** Releases, environments and rollouts, each change with its ledger entry in one transaction. */
export class ReleaseQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): ReleaseStore {
    return {
      ...verdictQueries(this.pool),
      addRelease: (release, parts, entry) => this.add(release, parts, entry),
      release: (id) => this.one(id),
      releases: (filter, limit, cursor) => this.list(filter, limit, cursor),
      releasePart: (sha256) => this.part(sha256),
      keepPart: async (sha256, content) => {
        const sql = 'INSERT INTO release_parts VALUES ($1, $2) ON CONFLICT DO NOTHING';
        await this.pool.query(sql, [sha256, content]);
      },
      environments: () => this.environments(),
      environment: async (agentId, name) =>
        (await this.environments('WHERE agent_id = $1 AND name = $2', [agentId, name]))[0],
      saveEnvironment: (env, expect, entry) => this.saveEnvironment(env, expect, entry),
      rollout: (id) => this.rollout('id = $1', [id]),
      openRollout: (agentId, environment) =>
        this.rollout(`agent_id = $1 AND environment = $2 AND status NOT IN ('done', 'rolled-back')`, [
          agentId,
          environment,
        ]),
      openRollouts: async () => {
        const sql = `SELECT state FROM rollouts WHERE status NOT IN ('done', 'rolled-back')`;
        return (await this.pool.query<{ state: Rollout }>(sql)).rows.map((row) => row.state);
      },
      rollouts: (limit, cursor) => this.rollouts(limit, cursor),
      saveRollout: (rollout, expect, entry) => this.saveRollout(rollout, expect, entry),
      noteWork: (work) => this.noteWork(work),
      workOfRun: (runId) => this.work('run_id = $1 ORDER BY at, step_id, attempt', [runId]),
      endWork: (work) => this.endWork(work),
      openWork: (before, limit) =>
        this.work('ended IS NULL AND at < $1 ORDER BY at LIMIT $2', [before, limit]),
      purgeWork: (before, limit) => this.purgeWork(before, limit),
      purgeRollouts: (before, limit, entryFor) => this.purgeRollouts(before, limit, entryFor),
      workOfRelease: (id, limit, since = 0) =>
        this.work('release_id = $1 AND at >= $3 ORDER BY at DESC, run_id DESC LIMIT $2', [id, limit, since]),
    };
  }

  private async add(release: Release, parts: Parts, entry: LedgerEntry) {
    const { id, agentId, manifest, parent, createdAt, createdBy } = release;
    const sql = `WITH parts AS (
        INSERT INTO release_parts SELECT * FROM unnest($7::text[], $8::bytea[]) ON CONFLICT DO NOTHING)
      INSERT INTO releases (id, agent_id, parent, manifest, created_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING RETURNING *`;
    const hashes = [...parts.keys()];
    const values = [id, agentId, parent ?? null, storableJson(manifest), createdAt, createdBy];
    const contents = hashes.map((h) => parts.get(h));
    const row = await changeChained<ReleaseRow>(
      this.pool,
      'release',
      [sql, [...values, hashes, contents]],
      () => entry,
    );
    if (row) return { kind: 'added' as const, release: toRelease(row) };
    return { kind: 'known' as const, release: (await this.one(id)) as Release };
  }

  private async one(id: string): Promise<Release | undefined> {
    const { rows } = await this.pool.query<ReleaseRow>('SELECT * FROM releases WHERE id = $1', [id]);
    return rows[0] && toRelease(rows[0]);
  }

  private async list(
    { agentId }: { agentId?: string },
    limit: number,
    cursor?: string,
  ): Promise<Page<Release>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<ReleaseRow>(
      `SELECT * FROM releases
        WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::bigint IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [agentId ?? null, after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows.map(toRelease), limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  private async part(sha256: string): Promise<Buffer | undefined> {
    const sql = 'SELECT content FROM release_parts WHERE sha256 = $1';
    const { rows } = await this.pool.query<{ content: Buffer }>(sql, [sha256]);
    return rows[0]?.content;
  }

  private async environments(where = '', values: unknown[] = []): Promise<Environment[]> {
    const sql = `SELECT state FROM environments ${where} ORDER BY agent_id, name`;
    const { rows } = await this.pool.query<{ state: Environment }>(sql, values);
    return rows.map((row) => row.state);
  }

  private async saveEnvironment(env: Environment, expect: number, entry: LedgerEntry): Promise<boolean> {
    const sql = `INSERT INTO environments AS e (agent_id, name, fence, state) VALUES ($1, $2, $3, $4)
      ON CONFLICT (agent_id, name) DO UPDATE SET fence = excluded.fence, state = excluded.state
        WHERE e.fence = $5
      RETURNING fence`;
    const values = [env.agentId, env.name, env.fence, storableJson(env), expect];
    return !!(await changeChained(this.pool, 'environment', [sql, values], () => entry));
  }

  private async rollout(where: string, values: unknown[]): Promise<Versioned<Rollout> | undefined> {
    const sql = `SELECT state, version FROM rollouts WHERE ${where}`;
    return (await this.pool.query<Versioned<Rollout>>(sql, values)).rows[0];
  }

  private async rollouts(limit: number, cursor?: string): Promise<Page<Rollout>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.pool.query<{ state: Rollout }>(
      `SELECT state FROM rollouts WHERE $1::bigint IS NULL OR (created_at, id) < ($1, $2::uuid)
        ORDER BY created_at DESC, id DESC LIMIT $3`,
      [after?.at ?? null, after?.id ?? null, limit + 1],
    );
    const states = rows.map((row) => row.state);
    return toPage(states, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  private async saveRollout(rollout: Rollout, expect: number, entry: LedgerEntry): Promise<boolean> {
    const { id, agentId, environment, status, createdAt } = rollout;
    const sql =
      expect === 0
        ? `INSERT INTO rollouts (id, status, state, version, agent_id, environment, created_at)
           VALUES ($1, $2, $3, $4::int + 1, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id`
        : `UPDATE rollouts SET status = $2, state = $3, version = $4::int + 1
           WHERE id = $1 AND version = $4 RETURNING id`;
    const values: unknown[] = [id, status, storableJson(rollout), expect];
    if (expect === 0) values.push(agentId, environment, createdAt);
    return !!(await changeChained(this.pool, 'rollout', [sql, values], () => entry));
  }

  private async purgeRollouts(
    before: number,
    limit: number,
    entryFor: (removed: number) => LedgerEntry,
  ): Promise<number> {
    const sql = `WITH gone AS (
        DELETE FROM rollouts WHERE id IN (
          SELECT id FROM rollouts 
           WHERE status IN ('done', 'rolled-back') AND (state->>'finishedAt')::bigint < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1)
      SELECT count(*)::int AS removed FROM gone`;
    const told = ({ removed }: { removed: number }) => (removed > 0 ? entryFor(removed) : undefined);
    const what = 'the removal of old rollouts';
    return (
      (await changeChained<{ removed: number }>(this.pool, what, [sql, [before, limit]], told))?.removed ?? 0
    );
  }

  private async purgeWork(before: number, limit: number): Promise<number> {
    const sql = `DELETE FROM release_work WHERE (run_id, step_id, attempt) IN (
      SELECT run_id, step_id, attempt FROM release_work WHERE ended IS NOT NULL AND at < $1 LIMIT $2)`;
    return (await this.pool.query(sql, [before, limit])).rowCount ?? 0;
  }

  private async noteWork(work: Omit<ReleaseWork, 'ended'>): Promise<void> {
    await this.pool.query({
      name: 'note_release_work',
      text: `${INSERT_WORK} ON CONFLICT DO NOTHING`,
      values: valuesOf(work),
    });
  }

  private async endWork(work: ReleaseWork): Promise<void> {
    await this.pool.query({
      name: 'end_release_work',
      text: `${INSERT_WORK} ON CONFLICT (run_id, step_id, attempt)
        DO UPDATE SET ended = excluded.ended WHERE release_work.ended IS NULL`,
      values: valuesOf(work),
    });
  }

  private async work(where: string, values: unknown[]): Promise<ReleaseWork[]> {
    const { rows } = await this.pool.query<WorkRow>(`SELECT * FROM release_work WHERE ${where}`, values);
    return rows.map((row) => ({
      ...{ runId: row.run_id, stepId: row.step_id, attempt: row.attempt, agentId: row.agent_id },
      ...{ releaseId: row.release_id, inputHash: row.input_hash, at: row.at },
      ...(row.shadow && { shadow: true as const }),
      ...(row.ended && { ended: row.ended }),
    }));
  }
}

const INSERT_WORK = `INSERT INTO release_work
    (run_id, step_id, attempt, agent_id, release_id, input_hash, at, shadow, ended)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;

const valuesOf = (work: ReleaseWork): unknown[] => [
  ...[work.runId, work.stepId, work.attempt, work.agentId, work.releaseId, work.inputHash, work.at],
  ...[work.shadow ?? false, work.ended ? storableJson(work.ended) : null],
];

const toRelease = (row: ReleaseRow): Release => ({
  ...{ id: row.id, agentId: row.agent_id, manifest: row.manifest },
  ...(row.parent !== null && { parent: row.parent }),
  ...{ createdAt: row.created_at, createdBy: row.created_by },
});
