/** Keeps the release before awake for a while, where the policy says so: a rollback then waits for no boot. */
import { keptWarmUntil } from '../../domain/release/keep-warm';
import type { WarmFor } from '../../domain/capsule';
import type { Capsules } from '../capsules';
import type { EngineDeps } from '../context';
import type { Guards } from '../guards';
import type { Releases } from './index';

const REASON = 'the release before is kept for a rollback';

export class KeepWarm {
  /** Capsules that this process keeps awake, and what it keeps there; each ends by itself in any case. */
  private readonly kept = new Map<string, WarmFor>();

  constructor(
    private readonly deps: Pick<EngineDeps, 'registry' | 'clock'>,
    private readonly releases: Pick<Releases, 'peek'>,
    private readonly capsules: Pick<Capsules, 'apply'>,
    private readonly guards: Pick<Guards, 'heldBack'>,
  ) {}

  /** Wakes what is to be awake, and lets go of what is not any more. */
  async sweep(): Promise<void> {
    const now = this.deps.clock.now();
    const wanted = new Set<string>();
    for (const { id } of this.deps.registry.agents) {
      const env = this.releases.peek(id);
      const keep = env && keptWarmUntil(env, now);
      // What is switched off is not kept awake for anybody.
      if (!keep || this.guards.heldBack({ agentId: id }) !== undefined) continue;
      const what: WarmFor = { releaseId: keep.releaseId };
      wanted.add(keep.capsuleId);
      this.kept.set(keep.capsuleId, what);
      const { capsuleId, until } = keep;
      await this.capsules.apply(capsuleId, { type: 'prewarmed', for: what, until, reason: REASON });
    }
    for (const [capsuleId, what] of [...this.kept]) {
      if (wanted.has(capsuleId)) continue;
      this.kept.delete(capsuleId);
      await this.capsules.apply(capsuleId, {
        ...{ type: 'cooled', for: what, reason: 'the release before is not kept any more' },
      });
    }
  }
}
