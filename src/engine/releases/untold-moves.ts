/**
 * Pointers that went back without anybody being told: whoever moved one died before the alert. The ledger knows of
 * the move, as it was committed with it.
 */
import { environmentId, type Environment } from '../../domain/release/environment';
import type { EngineDeps } from '../context';
import type { Releases } from './index';
import type { TakenBack } from './taken-back';

/** Whoever moves a pointer tells of it at once; left to itself for so long, it was not. */
const GRACE_MS = 30_000;
/** Older moves are history. */
const RECENT_MS = 600_000;
/** Alerts looked through, newest first. */
const MAX_ALERTS = 200;

export class UntoldMoves {
  /** By agent, the fence up to which it was looked at. */
  private readonly looked = new Map<string, number>();

  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'registry'>,
    private readonly releases: Pick<Releases, 'peek'>,
    private readonly takenBack: Pick<TakenBack, 'byMove'>,
  ) {}

  /** Costs nothing while no environment changed lately. */
  async sweep(): Promise<void> {
    const now = this.deps.clock.now();
    for (const { id } of this.deps.registry.agents) {
      const env = this.releases.peek(id);
      const age = env ? now - env.updatedAt : Infinity;
      if (!env || age < GRACE_MS || age > RECENT_MS || this.looked.get(id) === env.fence) continue;
      await this.look(env, now);
      this.looked.set(id, env.fence);
    }
  }

  private async look(env: Environment, now: number): Promise<void> {
    const { store } = this.deps;
    const subject = environmentId(env);
    const move = {
      entity: 'environment',
      action: 'environment.rollback',
      id: subject,
      from: now - RECENT_MS,
    };
    const last = (await store.searchLedger(move, 1)).items[0]?.entry;
    const [from, to] = [last?.was?.['stable'], last?.set['stable']];
    // Without another stable release it was a candidate that lost its share: its rollout tells of its end.
    if (!last || typeof from !== 'string' || typeof to !== 'string') return;
    const { items } = await store.alerts({}, MAX_ALERTS);
    const isTold = items.some(
      (a) =>
        a.kind === 'rollout-aborted' &&
        a.subject === subject &&
        a.message.includes(from.slice(0, 12)) &&
        a.raisedAt >= last.at,
    );
    const open = (await store.openRollout(env.agentId, env.name))?.state;
    if (isTold || open?.candidate === from) return;
    const { agentId, name: environment } = env;
    const moved = { agentId, environment, from, releaseId: to, actor: last.actor };
    await this.takenBack.byMove({ ...moved, begunAt: last.at, at: last.at }, last.reason);
  }
}
