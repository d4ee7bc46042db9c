/** What people ask of a capsule itself: to be awake for a while, or to sleep now. */
import { BY_HAND_MS } from '../domain/capsule-by-hand';
import type { CapsuleState } from '../domain/capsule';
import { admit } from '../guards/admit';
import type { CapsuleRecord } from '../store/store';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Guards } from './guards';
import type { Sleeper } from './sleep';

export interface HandOptions {
  /** Who asked, and why, for the ledger. */
  actor: string;
  reason: string;
}

export type HandResult =
  | { kind: 'done'; capsule: CapsuleRecord }
  | { kind: 'unknown' }
  /** It may not be woken now. `until`: epoch ms, where it is known. */
  | { kind: 'held'; reason: string; until?: number; release?: string }
  /** Work is done on it, or waits for it. */
  | { kind: 'at-work'; jobs: number; waiting: number };

export class ByHand {
  constructor(
    private readonly deps: Pick<EngineDeps, 'clock' | 'registry' | 'performing'>,
    private readonly capsules: Capsules,
    private readonly guards: Guards,
    private readonly sleeper: Pick<Sleeper, 'reconcile'>,
  ) {}

  /** Wakes it through the same gate as any work, or keeps it awake. It sleeps again by itself after `forMs`. */
  async wake(id: string, { actor, reason }: HandOptions, forMs = BY_HAND_MS): Promise<HandResult> {
    const record = await this.known(id);
    if (!record) return { kind: 'unknown' };
    const held = await this.held(record);
    if (held) return held;
    const until = this.deps.clock.now() + forMs;
    const { state } = await this.capsules.apply(id, { type: 'woken-by-hand', until, reason }, { actor });
    if (isUp(state)) return this.done(record);
    // Something came between the look and the commit, which looks once more.
    const again = await this.capsules.load(id);
    const why = again && (await this.held(again));
    return why ?? { kind: 'held', reason: `${id} is ${state.status}, and was not woken` };
  }

  /**
   * Puts it to sleep whatever it is kept awake for. Refused while work is done on it or waits for it, unless
   * forced: what is at work then is taken away, and tried again where attempts are left. One that should be asleep
   * already is looked at on the platform: replicas that run all the same are scaled down.
   */
  async sleep(id: string, { actor, reason }: HandOptions, force: boolean): Promise<HandResult> {
    const record = await this.known(id);
    if (!record) return { kind: 'unknown' };
    const { disabled } = this.guards.facts;
    if (disabled !== undefined) return { kind: 'held', reason: disabled };
    if (record.state.status === 'asleep') {
      // Another process performs: its sweeper looks at each capsule within seconds.
      if (this.deps.performing) await this.sleeper.reconcile(record.state);
      return this.done(record);
    }
    const { changed } = await this.capsules.apply(id, { type: 'sent-to-sleep', reason, force }, { actor });
    const now = await this.capsules.load(id);
    if (!changed && now && isUp(now.state)) {
      const { held, waiting } = now.activity;
      if (held + waiting > 0) return { kind: 'at-work', jobs: held, waiting };
    }
    return this.done(record);
  }

  /** A capsule whose agent left the registry cannot be woken, and is put to sleep by the platform's own means. */
  private async known(id: string): Promise<CapsuleRecord | undefined> {
    const record = await this.capsules.load(id);
    return record && this.deps.registry.findAgent(record.state.agentId) ? record : undefined;
  }

  private async held(record: CapsuleRecord): Promise<HandResult | undefined> {
    const { state: capsule, activity } = record;
    const scope = { agentId: capsule.agentId, environment: this.guards.environment };
    await this.guards.permit(scope);
    const now = this.deps.clock.now();
    const verdict = admit({ ...this.guards.facts, capsule, activity, scope, now, purpose: 'prewarm' });
    if (verdict.verdict === 'proceed') return undefined;
    if (verdict.verdict === 'refuse') return { kind: 'held', reason: verdict.reason };
    const { reason, until, release } = verdict;
    return { kind: 'held', reason, ...(until !== undefined && { until }), ...(release && { release }) };
  }

  private async done(before: CapsuleRecord): Promise<HandResult> {
    return { kind: 'done', capsule: (await this.capsules.load(before.state.id)) ?? before };
  }
}

const isUp = ({ status }: CapsuleState): boolean => status === 'waking' || status === 'awake';
