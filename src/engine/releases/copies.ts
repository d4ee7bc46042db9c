/**
 * Copies of the incumbent's tasks, done by a candidate without effect: each is a run of its own with `dryRun`, of
 * which the result is compared and used for nothing. Live work is copied in the shadow, work of the past in a replay.
 */
import type { AgentRunResult } from '../../contract';
import type { AgentStep } from '../../domain/plan';
import type { DeliveredPair, Delivery } from '../../domain/rollout/compare-work';
import type { PastTask } from '../../domain/rollout/replay';
import type { Rollout } from '../../domain/rollout/rollout';
import { isTerminal, planOf, stepOf, type AttemptRecord, type RunState } from '../../domain/run';
import { stepInput } from '../../domain/step-input';
import type { ReleaseWork } from '../../store/release-store';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Runs } from '../runs';
import { NO_OUTCOME } from './canary';

/** What an incumbent's work has to have ended with, to be compared. */
const COMPARABLE: ReadonlySet<string> = new Set(['success', 'agent-error', 'timeout']);

/** Work that was done for real, is over, and can be done once more. */
export const isComparable = ({ shadow, ended }: ReleaseWork): boolean =>
  !shadow && ended !== undefined && COMPARABLE.has(ended.outcome);

export type Copied =
  | { kind: 'done'; pair: DeliveredPair }
  /** Nobody has begun it. */
  | { kind: 'none' }
  | { kind: 'under-way' }
  /** It is over and tells nothing, or what it would be compared with is not there any more. */
  | { kind: 'no-pair' };

export class Copies {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock'>,
    private readonly runs: Pick<Runs, 'create' | 'get' | 'payloads'>,
  ) {}

  /** How the copy of a task stands. @param round of the stage; a task of the past is done once in each */
  async look(rollout: Rollout, task: PastTask, round?: number): Promise<Copied> {
    const { runId, stepId, attempt } = task;
    const id = copyId(rollout, task, round);
    const copy = (await this.runs.get(id))?.state;
    if (!copy) return { kind: 'none' };
    if (!isTerminal(copy.status)) return { kind: 'under-way' };
    const record = copy.steps[0]?.history.at(-1);
    // Done by another, after a rollback, or by nobody: it tells nothing of the candidate.
    if (record?.releaseId !== rollout.candidate || NO_OUTCOME.has(record.outcome)) return { kind: 'no-pair' };
    const original = (await this.runs.get(runId))?.state;
    const before = original && stepOf(original, stepId)?.history.find((h) => h.attempt === attempt);
    const incumbent = before && (await this.deliveryOf(runId, stepId, before));
    const candidate = await this.deliveryOf(id, stepId, record);
    return incumbent && candidate ? { kind: 'done', pair: { incumbent, candidate } } : { kind: 'no-pair' };
  }

  /** Begins the copy of a task. Answers false where retention has removed what it was given. */
  async begin(rollout: Rollout, task: PastTask, round?: number): Promise<boolean> {
    const { runId, stepId, attempt } = task;
    const original = (await this.runs.get(runId))?.state;
    const payloads = await this.runs.payloads(runId);
    const plan = original && planOf(original, stepId);
    if (!original || !payloads || plan?.kind !== 'agent') return false;
    const input = stepInput(original.plan, stepId, payloads.input, payloads.outputs);
    const about = { id: copyId(rollout, task, round), at: this.deps.clock.now(), attempt, rollout };
    // An id that is taken is this very copy, begun by another process.
    await this.runs.create(copyOf(original, plan, about), input, { actor: 'engine' });
    return true;
  }

  /** Whether what a task was given is still there, and what it delivered. */
  async isKept({ runId }: PastTask): Promise<boolean> {
    const original = (await this.runs.get(runId))?.state;
    return original !== undefined && (await this.runs.payloads(runId)) !== undefined;
  }

  /** What an attempt delivered; nothing, where it ended without a word. Undefined once retention removed it. */
  private async deliveryOf(
    runId: string,
    stepId: string,
    record: AttemptRecord,
  ): Promise<Delivery | undefined> {
    const payloads = await this.deps.store.payloads(runId);
    if (!payloads) return undefined;
    const { attempt, outcome } = record;
    const found = payloads.results.find((r) => r.stepId === stepId && r.attempt === attempt);
    const durationMs = found?.result.durationMs ?? record.endedAt - (record.grantedAt ?? record.requestedAt);
    return {
      ok: outcome === 'success',
      output: found?.result.output ?? {},
      ...{ durationMs, costUsd: costOf(found?.result) },
    };
  }
}

const costOf = (result: AgentRunResult | undefined): number =>
  (result?.usage ?? []).reduce((sum, { costUsd }) => sum + costUsd, 0);

const copyId = ({ id }: Rollout, { runId, stepId, attempt }: PastTask, round?: number): string =>
  round === undefined
    ? derivedId(id, runId, stepId, attempt)
    : derivedId(id, 'replay', round, runId, stepId, attempt);

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
