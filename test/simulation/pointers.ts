/** What must hold of releases: whose work is whose, and where the pointers stand. */
import { fold, type LedgerEntry } from '../../src/domain/ledger';
import { environmentId, projectEnvironment, type Environment } from '../../src/domain/release/environment';
import { instanceOf, isLive } from '../../src/domain/release/placement';
import { isRolloutOver, projectRollout, type Rollout } from '../../src/domain/rollout/rollout';
import { planOf, type RunState } from '../../src/domain/run';
import type { Store } from '../../src/store/store';

export class Pointers {
  private readonly environments = new Map<string, Environment>();
  private readonly rollouts = new Map<string, Rollout>();
  /** Releases that were on a capsule and had to go: whoever worked with one goes on with another. */
  private readonly gone = new Set<string>();
  /** The release that each run does an agent's work with, and the one of each attempt. */
  private readonly began = new Map<string, string>();
  private readonly attempts = new Map<string, string>();

  constructor(private readonly report: (violation: string) => void) {}

  /** The store as the engine sees it, with every move watched. */
  watch(store: Store): Store {
    return {
      ...store,
      saveEnvironment: async (env, expect, entry) => {
        const saved = await store.saveEnvironment(env, expect, entry);
        if (saved) this.moved(env, expect);
        return saved;
      },
      saveRollout: async (rollout, expect, entry) => {
        const saved = await store.saveRollout(rollout, expect, entry);
        if (saved) this.rolled(rollout);
        return saved;
      },
      commit: async (change) => {
        const result = await store.commit(change);
        if (result.ok && change.run) this.worked(change.run.state);
        return result;
      },
    };
  }

  /** Rollouts that came to their end, by it. */
  count(status: Rollout['status']): number {
    return [...this.rollouts.values()].filter((r) => r.status === status).length;
  }

  /** With everything drained. */
  async checkAtRest(store: Store): Promise<void> {
    const entries = (await store.ledger(0, Number.MAX_SAFE_INTEGER)).map(
      ({ body }) => JSON.parse(body) as LedgerEntry,
    );
    const folded = (entity: string, id: string) =>
      JSON.stringify(sorted(fold(entries.filter((e) => e.entity === entity && e.id === id))));
    for (const env of await store.environments()) {
      const name = environmentId(env);
      if (env.candidate !== undefined || env.weight !== 0)
        this.report(`${name}: ${env.candidate} still gets ${env.weight} % although nothing is rolled out`);
      if (folded('environment', name) !== JSON.stringify(sorted(projectEnvironment(env))))
        this.report(`environment ${name}: the ledger says otherwise`);
    }
    for (const rollout of this.rollouts.values()) {
      if (!isRolloutOver(rollout.status)) this.report(`rollout ${rollout.id} is still ${rollout.status}`);
      if (folded('rollout', rollout.id) !== JSON.stringify(sorted(projectRollout(rollout))))
        this.report(`rollout ${rollout.id}: the ledger says otherwise`);
    }
    const open = await store.openWork(Infinity, 1);
    if (open[0]) this.report(`the work of run ${open[0].runId} is still noted as under way`);
  }

  private moved(env: Environment, expect: number): void {
    const name = environmentId(env);
    const before = this.environments.get(name);
    this.environments.set(name, env);
    const wrong = (what: string) => this.report(`${name} at fence ${env.fence}: ${what}`);
    if (env.fence !== expect + 1 || (before && before.fence !== expect)) wrong('a move was lost');
    if (!(env.weight >= 0 && env.weight <= 100)) wrong(`the weight is ${env.weight}`);
    // The shares of the two are `weight` and what is left to a hundred: each needs somebody to have it.
    if (env.weight > 0 && env.candidate === undefined) wrong('nobody has the share of the candidate');
    if (env.stable === undefined && (before?.stable !== undefined || env.candidate !== undefined))
      wrong('nothing is stable');
    if (env.stable !== undefined && env.stable === env.candidate) wrong('the candidate is stable');
    // A candidate that could not be warmed up is on none until it is taken back; it has no work either.
    const atWork = [env.stable, ...(env.weight > 0 ? [env.candidate] : [])];
    for (const release of atWork)
      if (release !== undefined && !instanceOf(env, release)) wrong(`${release} is on no capsule`);
    const live = env.instances.filter(isLive).map((i) => i.releaseId);
    if (new Set(live).size !== live.length) wrong('a release is on two capsules');
    for (const { releaseId } of before?.instances.filter(isLive) ?? [])
      if (!live.includes(releaseId)) this.gone.add(`${env.agentId}/${releaseId}`);
  }

  private rolled(rollout: Rollout): void {
    const before = this.rollouts.get(rollout.id);
    if (before && isRolloutOver(before.status) && before.status !== rollout.status)
      this.report(`rollout ${rollout.id} was ${before.status} and became ${rollout.status}`);
    this.rollouts.set(rollout.id, rollout);
  }

  /** A run stays on its release, unless that had to go. */
  private worked(run: RunState): void {
    for (const { id, attempt, releaseId } of run.steps) {
      const plan = planOf(run, id);
      const own = `${run.id}/${id}/${attempt}`;
      if (plan.kind !== 'agent' || releaseId === undefined || this.attempts.get(own) === releaseId) continue;
      this.attempts.set(own, releaseId);
      if (
        plan.shadowOf !== undefined &&
        plan.shadowOf !== releaseId &&
        !this.gone.has(`${plan.agentId}/${plan.shadowOf}`)
      )
        this.report(`run ${run.id}: a copy for ${plan.shadowOf} was done by ${releaseId}`);
      const key = `${run.id}/${plan.agentId}`;
      const first = this.began.get(key);
      if (first !== undefined && first !== releaseId && !this.gone.has(`${plan.agentId}/${first}`))
        this.report(`run ${run.id} step ${id}: it began with ${first} and goes on with ${releaseId}`);
      if (first === undefined || this.gone.has(`${plan.agentId}/${first}`)) this.began.set(key, releaseId);
    }
  }
}

const sorted = (record: Record<string, unknown>): Array<[string, unknown]> =>
  Object.entries(record)
    .filter(([, value]) => value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
