/**
 * A breaker that opened by the work of a release takes that release back: a candidate loses its share, what was promoted
 * not long ago gives its place to the one before. Every look may be made twice, by several processes.
 */
import type { BreakerState } from '../../domain/breaker';
import { goodBefore, wasTakenBack } from '../../domain/release/suspect';
import type { Breakers } from '../breakers';
import type { EngineDeps } from '../context';
import type { Releases } from './index';
import type { Rollouts } from './rollouts';

/** A candidate beside it is dropped first, then the pointer goes back. */
const MAX_MOVES = 2;
const ACTOR = 'engine';

interface Used {
  releases: Pick<Releases, 'peek' | 'load' | 'environment'>;
  rollouts: Pick<Rollouts, 'rollback'>;
  breakers: Pick<Breakers, 'reset'>;
}

export class BreakerTrips {
  constructor(
    private readonly deps: Pick<EngineDeps, 'clock'>,
    private readonly used: Used,
  ) {}

  /** Does what an open breaker asks for; the release before begins at once, as the breaker is closed for it. */
  async opened({
    agentId,
    releaseId,
    reason = 'too much of its work went wrong',
  }: BreakerState): Promise<void> {
    const { releases, rollouts, breakers } = this.used;
    if (releaseId === undefined || !releases.peek(agentId)) return;
    const why = `its breaker opened, as ${reason}`;
    for (let moves = 0; moves < MAX_MOVES; moves += 1) {
      const env = await releases.load(agentId, releases.environment);
      if (goodBefore(env, releaseId, this.deps.clock.now()) === undefined) break;
      const done = await rollouts.rollback(agentId, env.name, { actor: ACTOR, reason: why }, env.fence);
      // Somebody else moved the pointers meanwhile: the next look goes by where they are then.
      if (done.kind === 'nothing') return;
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
