/**
 * A candidate in the incumbent's shadow: each task that the incumbent ended is done once more by the candidate, as a
 * run of its own with `dryRun`. Its result is compared, and used for nothing.
 */
import type { AgentStep } from '../../domain/plan';
import { compareAll, verdictOf, type DeliveredPair, type Delivery } from '../../domain/rollout/compare-work';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Stage } from '../../domain/rollout/strategy';
import { isTerminal, planOf, type RunState } from '../../domain/run';
import { stepInput } from '../../domain/step-input';
import type { ReleaseWork } from '../../store/release-store';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Runs } from '../runs';
import type { Found } from './stages';

/** Tasks copied in one stage at most. */
const MAX_COPIES = 200;
/** What tells nothing about a release. */
const COMPARABLE: ReadonlySet<string> = new Set(['success', 'agent-error', 'timeout']);

type ShadowStage = Extract<Stage, { kind: 'shadow' }>;

export class Shadow {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock' | 'log'>,
    private readonly runs: Pick<Runs, 'create' | 'get' | 'payloads'>,
  ) {}

  async look(rollout: Rollout, stage: ShadowStage): Promise<Found | undefined> {
    const { store, clock } = this.deps;
    const { incumbent, stageSince = clock.now() } = rollout;
    if (incumbent === undefined)
      return { verdict: 'inconclusive', reason: 'there is no release to compare it with' };
    const work = (await store.workOfRelease(incumbent, MAX_COPIES, stageSince)).filter(
      (w) => !w.shadow && w.ended && COMPARABLE.has(w.ended.outcome),
    );
    const pairs: DeliveredPair[] = [];
    for (const one of work) {
      const pair = await this.pairOf(rollout, one);
      if (pair) pairs.push(pair);
    }
    const compared = compareAll(pairs, stage.compare);
    const isOver = clock.now() >= stageSince + stage.forMs;
    const failed = compared.some((c) => c.judgement.verdict === 'fail');
    return isOver || failed ? { ...verdictOf(compared), report: compared } : undefined;
  }

  /** Both deliveries, once the copy is over; begins it where there is none. */
  private async pairOf(rollout: Rollout, work: ReleaseWork): Promise<DeliveredPair | undefined> {
    const { runId, stepId, attempt } = work;
    const id = derivedId(rollout.id, runId, stepId, attempt);
    const copy = (await this.runs.get(id))?.state;
    if (!copy) {
      await this.begin(rollout, work, id);
      return undefined;
    }
    const record = copy.steps[0]?.history.at(-1);
    // Done by another, after a rollback: it tells nothing of the candidate.
    if (!isTerminal(copy.status) || record?.releaseId !== rollout.candidate) return undefined;
    const [incumbent, candidate] = [
      await this.deliveryOf(runId, stepId, attempt),
      await this.deliveryOf(id, stepId, record.attempt),
    ];
    return incumbent && { incumbent, candidate: candidate ?? LOST };
  }

  private async deliveryOf(runId: string, stepId: string, attempt: number): Promise<Delivery | undefined> {
    const results = (await this.deps.store.payloads(runId))?.results ?? [];
    const result = results.find((r) => r.stepId === stepId && r.attempt === attempt)?.result;
    if (!result) return undefined;
    const costs = (result.usage ?? []).map((u) => u.costUsd ?? 0);
    return {
      ok: result.status === 'success',
      output: result.output,
      durationMs: result.durationMs,
      costUsd: costs.reduce((sum, cost) => sum + cost, 0),
    };
  }

  private async begin(rollout: Rollout, { runId, stepId, attempt }: ReleaseWork, id: string): Promise<void> {
    const original = (await this.runs.get(runId))?.state;
    const payloads = await this.runs.payloads(runId);
    const plan = original && planOf(original, stepId);
    if (!original || !payloads || plan?.kind !== 'agent') return;
    const input = stepInput(original.plan, stepId, payloads.input, payloads.outputs);
    const run = copyOf(original, plan, { id, at: this.deps.clock.now(), attempt, rollout });
    // An id that is taken is this very copy, begun by another process.
    await this.runs.create(run, input, { actor: 'engine' });
  }
}

const LOST: Delivery = { ok: false, output: {}, durationMs: 0, costUsd: 0 };

/** One step, one attempt, nothing for real. */
function copyOf(
  { id: of, workflowId, definition }: RunState,
  { id: stepId, agentId, timeoutMs, input }: AgentStep,
  { id, at, attempt, rollout }: { id: string; at: number; attempt: number; rollout: Rollout },
): RunState {
  const step: AgentStep = {
    ...{ id: stepId, kind: 'agent', agentId, timeoutMs, attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
    ...(input && { input }),
    shadowOf: rollout.candidate,
  };
  return {
    ...{ id, workflowId, definition, plan: [step] },
    trigger: { kind: 'shadow', of, stepId, attempt, rolloutId: rollout.id },
    status: 'queued',
    steps: [{ id: stepId, status: 'pending', attempt: 0, history: [] }],
    createdAt: at,
  };
}
