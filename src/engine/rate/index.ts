/** The rates at which agents are given work, as the record has their buckets. */
import type { LeaseChange as DecidedLease } from '../../domain/decide-run';
import type { Rate } from '../../domain/flow';
import { agentBucket, heldUntil, ratesOf, servedOf, tokensFor, type Waiter } from '../../guards/rate';
import { capsulesOf } from '../../registry/capsules';
import type { LeaseChange } from '../../store/store';
import type { EngineDeps } from '../context';

/** No answer of an agent holds its work back for longer. */
const MAX_HOLD_MS = 3_600_000;

export class Rates {
  /** By capsule; those without a rate are left out. */
  private readonly byCapsule: ReadonlyMap<string, Rate[]>;
  /** The capsules that take tokens of a bucket, where it is more than one. */
  private readonly sharers: ReadonlyMap<string, readonly string[]>;
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
    this.sharers = sharersOf(this.byCapsule);
  }

  /** Whether others want tokens of the same buckets: then nobody is served out of turn. */
  isShared(agentId: string, named?: string): boolean {
    const capsuleId = named ?? this.deps.registry.agent(agentId).capsuleId;
    return this.of(capsuleId)?.some(({ id }) => this.sharers.has(id)) ?? false;
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
  async free(capsuleId: string, line: readonly Waiter[]): Promise<number> {
    const rates = this.of(capsuleId);
    if (!rates || line.length === 0) return line.length;
    const { store, clock } = this.deps;
    const { fullAtUs } = await store.flowUse(
      [],
      rates.map((r) => r.id),
    );
    const others = await this.others(capsuleId, rates);
    const now = clock.now();
    const verdicts = [
      tokensFor(rates, fullAtUs, now, line.length),
      ...rates.map((rate) => servedOf(line, others.get(rate.id) ?? [], rate, fullAtUs, now)),
    ];
    const count = Math.min(...verdicts.map((verdict) => verdict.count));
    const until = Math.max(...verdicts.map((verdict) => verdict.until ?? -Infinity));
    if (until > now) await this.lookAt(capsuleId, until);
    return count;
  }

  /** Who waits on other capsules, and could be served there now, for a token of each bucket. */
  private async others(capsuleId: string, rates: readonly Rate[]): Promise<Map<string, Waiter[]>> {
    const { store } = this.deps;
    const lineOf = async (id: string): Promise<Waiter[]> => {
      const [record, line] = await Promise.all([store.capsule(id), store.grantable(id)]);
      return record?.state.status === 'awake' ? line.slice(0, record.activity.waiting) : [];
    };
    const sharing = (id: string) => (this.sharers.get(id) ?? []).filter((other) => other !== capsuleId);
    const capsules = [...new Set(rates.flatMap(({ id }) => sharing(id)))];
    const lines = new Map(await Promise.all(capsules.map(async (id) => [id, await lineOf(id)] as const)));
    return new Map(rates.map(({ id }) => [id, sharing(id).flatMap((each) => lines.get(each) ?? [])]));
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

function sharersOf(byCapsule: ReadonlyMap<string, readonly Rate[]>): Map<string, string[]> {
  const sharers = new Map<string, string[]>();
  for (const [capsuleId, rates] of byCapsule)
    for (const { id } of rates) sharers.set(id, [...(sharers.get(id) ?? []), capsuleId]);
  return new Map([...sharers].filter(([, capsules]) => capsules.length > 1));
}
