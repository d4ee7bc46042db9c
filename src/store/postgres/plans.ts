/** Plans of runs, stored once under the hash of their content and kept in memory by those who read them. */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { canonicalJson } from '../../domain/canonical-json';
import type { RunState, StepPlan } from '../../domain/run';

/** Plans kept in memory: one for each version of each workflow in use. */
const MAX_KEPT = 2_000;

export type StoredState = Omit<RunState, 'plan'>;
type Plan = RunState['plan'];

const hashes = new WeakMap<Plan, string>();

/** SHA-256 (hex) of a plan. The same array is hashed once. */
export function planHash(plan: Plan): string {
  const known = hashes.get(plan);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalJson(plan)).digest('hex');
  hashes.set(plan, hash);
  return hash;
}

export class Plans {
  private readonly kept = new Map<string, Plan>();

  constructor(private readonly pool: Pool) {}

  /** Puts states and their plans together. */
  async join(rows: ReadonlyArray<{ state: StoredState; plan: string }>): Promise<RunState[]> {
    const missing = [...new Set(rows.map((r) => r.plan))].filter((hash) => !this.kept.has(hash));
    if (missing.length > 0) await this.load(missing);
    return rows.map(({ state, plan }) => ({ ...state, plan: this.kept.get(plan) as StepPlan[] }));
  }

  private async load(missing: readonly string[]): Promise<void> {
    const { rows } = await this.pool.query<{ hash: string; plan: Plan }>(
      'SELECT hash, plan FROM plans WHERE hash = ANY ($1)',
      [missing],
    );
    if (this.kept.size + rows.length > MAX_KEPT) this.kept.clear();
    for (const { hash, plan } of rows) {
      hashes.set(plan, hash);
      this.kept.set(hash, plan);
    }
  }
}
