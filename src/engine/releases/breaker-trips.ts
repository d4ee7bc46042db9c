/**
 * A breaker that opened by the work of a release takes that release back: a candidate loses its share, what was promoted
 * not long ago gives its place to the one before. Every look may be made twice, by several processes.
 */
import type { BreakerState } from '../../domain/breaker';
import { goodBefore, wasTakenBack } from '../../domain/release/suspect';
import type { Alerts } from '../alerts';
import type { Breakers } from '../breakers';
import type { EngineDeps } from '../context';
import type { Releases } from './index';
import type { Rollouts } from './rollouts';
import { tellTakenBack } from './taken-back';

/** A candidate beside it is dropped first, then the pointer goes back. */
const MAX_MOVES = 2;
const ACTOR = 'engine';

interface Used {
  releases: Pick<Releases, 'peek' | 'load' | 'environment'>;
  rollouts: Pick<Rollouts, 'rollback'>;
  breakers: Pick<Breakers, 'reset'>;
  alerts: Pick<Alerts, 'raise'>;
}

export class BreakerTrips {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock'>,
    private readonly used: Used,
  ) {}

  /** Does what an open breaker asks for; the release before begins at once, as the breaker is closed for it. */
  async opened({
    agentId,
    releaseId,
    reason = 'too much of its work went wrong',
  }: BreakerState): Promise<void> {
    const { releases, rollouts, breakers, alerts } = this.used;
    if (releaseId === undefined || !releases.peek(agentId)) return;
    const why = `its breaker opened, as ${reason}`;
    for (let moves = 0; moves < MAX_MOVES; moves += 1) {
      const env = await releases.load(agentId, releases.environment);
      const good = goodBefore(env, releaseId, this.deps.clock.now());
      if (good === undefined) break;
      const done = await rollouts.rollback(agentId, env.name, { actor: ACTOR, reason: why }, env.fence);
      // Somebody else moved the pointers meanwhile: the next look goes by where they are then.
      if (done.kind === 'nothing') return;
      if (env.candidate !== undefined) continue; // the rollout that put it there tells of it
      const taken = { agentId, environment: env.name, candidate: releaseId, incumbent: good };
      await tellTakenBack(this.deps, alerts, taken, why);
    }
    // Also where a verdict or a person was quicker.
    if (!wasTakenBack(await releases.load(agentId, releases.environment), releaseId)) return;
    await breakers.reset(
      agentId,
      ACTOR,
      `release ${releaseId.slice(0, 12)}, whose work opened it, was taken back`,
    );
  }
}
