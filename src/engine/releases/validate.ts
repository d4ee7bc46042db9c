/** The gate before a release is given anything to do. */
import { diffManifests } from '../../domain/release/diff';
import { newEnvironment, type Environment } from '../../domain/release/environment';
import { boundsOf, type PermissionBound } from '../../domain/release/permissions';
import { partsOf, type Release } from '../../domain/release/manifest';
import {
  demandsOf,
  findingsOf,
  givesWork,
  isValidated,
  withValidation,
  type Demand,
} from '../../domain/release/validation';
import { checkRelease, type Finding } from '../../domain/release/static-check';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Strategy } from '../../domain/rollout/strategy';
import { worstOf } from '../../domain/rollout/verdict';
import type { EngineDeps } from '../context';
import type { Found } from './stages';

/** Of one release: each stage leaves one each time it is done. */
const MAX_VERDICTS = 200;

type Attempt = Pick<Rollout, 'agentId' | 'environment' | 'candidate' | 'incumbent' | 'strategy'>;

export class Validation {
  constructor(private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'registry'>) {}

  /**
   * Before a rollout begins: its strategy with a validation where one is demanded, or why it may not begin at all.
   * Nobody can answer for an evaluation that is not there, so that nobody is asked.
   */
  async admit(attempt: Attempt): Promise<{ strategy: Strategy } | { refused: string }> {
    if (!givesWork(attempt.strategy)) return { strategy: attempt.strategy };
    const env = await this.environment(attempt);
    const demands = await this.demands(attempt, env);
    const strict = await this.demanded(
      attempt,
      demands.filter((d) => d.strict),
      env,
    );
    const unmet = strict.filter((f) => f.verdict !== 'pass');
    if (unmet.length > 0) return { refused: unmet.map((f) => `${f.check}: ${f.message}`).join('; ') };
    return {
      strategy: isValidated(env, this.bounds(env)) ? withValidation(attempt.strategy) : attempt.strategy,
    };
  }

  /** @param withinMs longer is a failure of its own */
  async validate(rollout: Rollout, withinMs: number): Promise<Found> {
    const { store, clock } = this.deps;
    const begun = clock.now();
    const release = await store.release(rollout.candidate);
    if (!release) return { verdict: 'fail', reason: 'the release is not on record' };
    const env = await this.environment(rollout);
    const findings = [
      ...(await this.statics(release, rollout.incumbent, this.bounds(env))),
      ...(await this.demanded(rollout, await this.demands(rollout, env), env)),
    ];
    const durationMs = clock.now() - begun;
    const worst = worstOf(findings.map((f) => f.verdict));
    const told = findings.filter((f) => f.verdict === worst).map((f) => `${f.check}: ${f.message}`);
    const report = { findings, durationMs };
    if (durationMs > withinMs)
      return { verdict: 'fail', reason: `its validation took ${durationMs} ms, over ${withinMs} ms`, report };
    const reason = worst === 'pass' ? `${findings.length} checks` : told.join('; ');
    return { verdict: worst, reason, report };
  }

  private bounds(env: Environment): PermissionBound[] {
    return boundsOf(this.deps.registry.findAgent(env.agentId), env);
  }

  private async statics(
    release: Release,
    incumbent: string | undefined,
    bounds: readonly PermissionBound[],
  ): Promise<Finding[]> {
    const { store } = this.deps;
    const before = incumbent === undefined ? undefined : await store.release(incumbent);
    const parts = new Map<string, string>();
    for (const hash of partsOf(release.manifest)) {
      const content = await store.releasePart(hash);
      if (content) parts.set(hash, content.toString('utf8'));
    }
    return checkRelease(release, parts, before?.manifest, bounds);
  }

  private async environment({ agentId, environment }: Attempt): Promise<Environment> {
    const { store, clock } = this.deps;
    return (
      (await store.environment(agentId, environment)) ?? newEnvironment(agentId, environment, clock.now())
    );
  }

  /** Nothing where the strategy gives the release no real work. */
  private async demands({ candidate, incumbent, strategy }: Attempt, env: Environment): Promise<Demand[]> {
    if (!givesWork(strategy)) return [];
    const { store } = this.deps;
    const [after, before] = [await store.release(candidate), incumbent && (await store.release(incumbent))];
    return demandsOf(env, after && before ? diffManifests(before.manifest, after.manifest) : undefined);
  }

  private async demanded(
    { candidate, incumbent }: Attempt,
    demands: readonly Demand[],
    { policy }: Environment,
  ): Promise<Finding[]> {
    if (demands.length === 0) return [];
    const { store } = this.deps;
    const [mine, theirs] = await Promise.all([
      store.verdictsOf(candidate, MAX_VERDICTS),
      incumbent === undefined ? [] : store.verdictsOf(incumbent, MAX_VERDICTS),
    ]);
    return findingsOf(demands, candidate, mine, theirs, policy.tolerancePercent);
  }
}
