/** The rates at which agents are given work, as the record has their buckets. */
import type { LeaseChange as DecidedLease } from '../../domain/decide-run';
import type { Rate } from '../../domain/flow';
import { agentBucket, heldUntil, ratesOf, tokensFor } from '../../guards/rate';
import { capsulesOf } from '../../registry/capsules';
import type { LeaseChange } from '../../store/store';
import type { EngineDeps } from '../context';

/** No answer of an agent holds its work back for longer. */
const MAX_HOLD_MS = 3_600_000;

export class Rates {
  /** By capsule; those without a rate are left out. */
  private readonly byCapsule: ReadonlyMap<string, Rate[]>;
  /** For when a look at each capsule is asked for already. */
  private readonly hinted = new Map<string, number>();

  constructor(private readonly deps: Pick<EngineDeps, 'store' | 'queue' | 'registry' | 'clock' | 'log'>) {
    const { registry } = deps;
    this.byCapsule = new Map(
      registry.agents
        .flatMap((agent) =>
          capsulesOf(agent).map(({ capsuleId }) => [capsuleId, ratesOf(agent, registry)] as const),
        )
        .filter(([, rates]) => rates.length > 0),
    );
  }

  /** Lease changes with what each grant takes. */
  taking(changes: readonly DecidedLease[]): LeaseChange[] {
    return changes.map((change) => {
      const rates = change.op === 'grant' ? this.of(change.capsuleId) : undefined;
      return rates ? { ...change, rates } : change;
    });
  }

  of(capsuleId: string): Rate[] | undefined {
    return this.byCapsule.get(capsuleId);
  }

  /** How many of those who wait for a capsule may be served now; a look for the next is asked of the queue. */
  async free(capsuleId: string, wanted: number): Promise<number> {
    const rates = this.of(capsuleId);
    if (!rates || wanted === 0) return wanted;
    const { store, clock } = this.deps;
    const { fullAtUs } = await store.flowUse(
      [],
      rates.map((r) => r.id),
    );
    const { count, until } = tokensFor(rates, fullAtUs, clock.now(), wanted);
    if (until !== undefined) await this.lookAt(capsuleId, until);
    return count;
  }

  /** The agent said when it wants more: nobody is sent to it before that. */
  async hold(agentId: string, retryAfterMs: number): Promise<void> {
    const { registry, store, clock } = this.deps;
    const capsuleId = registry.findAgent(agentId)?.capsuleId ?? '';
    const rate = this.of(capsuleId)?.find((r) => r.id === agentBucket(agentId));
    if (!rate) return;
    const until = clock.now() + Math.min(Math.max(0, retryAfterMs), MAX_HOLD_MS);
    await store.holdBucket(rate.id, heldUntil(rate, until));
    this.deps.log.info(
      { agent: agentId, until: new Date(until).toISOString() },
      'asked to wait by its agent',
    );
  }

  private async lookAt(capsuleId: string, until: number): Promise<void> {
    const { queue, clock } = this.deps;
    const now = clock.now();
    const known = this.hinted.get(capsuleId) ?? 0;
    if (known > now && known <= until) return;
    this.hinted.set(capsuleId, until);
    await queue.hint({ kind: 'capsule', id: capsuleId }, until - now);
  }
}
