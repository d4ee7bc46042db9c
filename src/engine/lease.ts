/** Brings waiting steps and capsules together: wakes, grants, refuses, and looks again after a linger. */
import type { Freed } from '../store/store';
import { admit } from '../guards/admit';
import type { Agent } from '../registry';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Guards } from './guards';
import type { Rates } from './rate';
import { Rounds } from './rounds';
import type { Runs } from './runs';
import type { Tasks } from './tasks';

/** Batches of waiting steps that are told of one failed wake; the next one tells the rest. */
const MAX_BATCHES = 1_000;

export class Leases {
  /** Until when each capsule lingers, where a look at its end is asked for already. */
  private readonly lingering = new Map<string, number>();
  /** Two who grant at once would look for the same steps and race for the same slots. */
  private readonly grants = new Rounds();

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly tasks: Tasks,
    private readonly guards: Pick<Guards, 'facts' | 'environment'>,
    private readonly rates: Pick<Rates, 'free'>,
  ) {}

  /** A step may wait: wake the capsule if the guards let it, or serve it at once if it is awake. */
  async want(capsuleId: string): Promise<void> {
    const record = await this.capsules.load(capsuleId);
    if (!record) return;
    if (record.state.status === 'awake') return this.grant(capsuleId);
    const { state: capsule, activity } = record;
    const scope = { agentId: capsule.agentId, environment: this.guards.environment };
    const verdict = admit({ ...this.guards.facts, capsule, activity, scope, now: this.deps.clock.now() });
    if (verdict.verdict === 'proceed') await this.capsules.apply(capsuleId, { type: 'demand' });
    else this.deps.log.debug({ capsule: capsuleId, ...verdict }, 'not woken');
  }

  /** Gives the free slots of an awake capsule to those who wait, first come first. */
  grant(capsuleId: string): Promise<void> {
    return this.grants.run(capsuleId, () => this.grantFree(capsuleId));
  }

  private async grantFree(capsuleId: string): Promise<void> {
    const [requests, record] = await Promise.all([
      this.deps.store.grantable(capsuleId),
      this.capsules.load(capsuleId),
    ]);
    if (record?.state.status !== 'awake') return;
    if (record.activity.held + record.activity.waiting === 0) this.lingerLater(capsuleId);
    const { generation, bootId } = record.state;
    const boot = bootId === undefined ? {} : { bootId };
    // A half-open breaker lets one in, who is to be the first in line: they would race for it otherwise.
    const admitted = Math.min(requests.length, record.activity.waiting);
    const count = await this.rates.free(capsuleId, requests.slice(0, admitted));
    await Promise.all(
      requests
        .slice(0, count)
        .map(({ runId, stepId }) =>
          this.runs.apply(runId, { type: 'slot', stepId, generation, capsuleId, ...boot }),
        ),
    );
  }

  /** Tells those who wait now that the capsule cannot be woken, each once, batch by batch. */
  async failWaiting(capsuleId: string, reason: string): Promise<void> {
    const { store, limits, clock } = this.deps;
    const until = clock.now();
    const told = new Set<string>();
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const waiting = (await store.waiting(capsuleId, limits.sweepBatch)).filter(
        // Who came since, and whoever tries again, hopes for the next wake.
        ({ runId, stepId, requestedAt }) => requestedAt <= until && !told.has(`${runId}/${stepId}`),
      );
      if (waiting.length === 0) return;
      for (const { runId, stepId, attempt } of waiting) {
        told.add(`${runId}/${stepId}`);
        await this.runs.apply(runId, { type: 'wake-failed', stepId, attempt, reason });
      }
    }
  }

  /** After a commit that released leases: the next in line, or the linger. */
  freed(freed: Freed[]): void {
    if (!this.deps.performing) return;
    for (const { capsuleId, held, waiting } of freed) {
      if (waiting > 0) this.tasks.spawn('grant', () => this.grant(capsuleId));
      else if (held === 0) this.lingerLater(capsuleId);
    }
  }

  /** A hint came and was followed; if the capsule still idles awake, more work was done meanwhile. */
  async lingerAgain(capsuleId: string): Promise<void> {
    this.lingering.delete(capsuleId);
    const record = await this.capsules.load(capsuleId);
    const idle = record && record.activity.held + record.activity.waiting === 0;
    if (idle && record.state.status === 'awake') this.lingerLater(capsuleId, record.activity.idleSince, true);
  }

  /** Looks again when the linger will be over. One hint at a time; one that comes early asks for the next. */
  private lingerLater(capsuleId: string, idleSince = this.deps.clock.now(), isAgain = false): void {
    const capsule = this.capsules.peek(capsuleId);
    const now = this.deps.clock.now();
    if (!capsule || now < (this.lingering.get(capsuleId) ?? 0)) return;
    const end = idleSince + lingerHintMs(this.deps.registry.agent(capsule.agentId));
    // The sweeper's from here on: whatever keeps it awake is not the end of the linger.
    if (isAgain ? end <= now : end < now) return;
    this.lingering.set(capsuleId, end);
    this.tasks.spawn('linger', () => this.deps.queue.hint({ kind: 'capsule', id: capsuleId }, end - now));
  }
}

/** When an idle capsule is looked at next: one that lingers by what it costs at once, and then by the sweeper. */
export const lingerHintMs = ({ linger, lingerSeconds }: Pick<Agent, 'linger' | 'lingerSeconds'>): number =>
  linger === 'break-even' ? 0 : lingerSeconds * 1_000;
