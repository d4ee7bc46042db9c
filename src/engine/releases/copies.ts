/**
 * Copies of the incumbent's tasks, done by a candidate without effect: each is a run of its own with `dryRun`, of
 * which the result is compared and used for nothing. Live work is copied in the shadow, work of the past in a replay.
 */
import type { AgentStep } from '../../domain/plan';
import type { DeliveredPair } from '../../domain/rollout/compare-work';
import type { PastTask } from '../../domain/rollout/replay';
import type { Rollout } from '../../domain/rollout/rollout';
import type { Unrecorded } from '../../domain/rollout/strategy';
import { isTerminal, type RunState } from '../../domain/run';
import type { ReleaseWork } from '../../store/release-store';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Runs } from '../runs';
import { NO_OUTCOME } from './canary';
import { deliveryOf, pastWork, resultOf } from './past-task';

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
  /** It asked for what had not been recorded: that tells nothing of it, good or bad. */
  | { kind: 'unrecorded' }
  /** It is over and tells nothing, or what it would be compared with is not there any more. */
  | { kind: 'no-pair' };

export class Copies {
  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'clock'>,
    private readonly runs: Pick<Runs, 'create' | 'get' | 'payloads'>,
  ) {}

  /** How the copy of a task stands. @param round of the stage; a task of the past is done once in each */
  async look(rollout: Rollout, task: PastTask, round?: number): Promise<Copied> {
    const { store } = this.deps;
    const { stepId } = task;
    const id = copyId(rollout, task, round);
    const copy = (await this.runs.get(id))?.state;
    if (!copy) return { kind: 'none' };
    if (!isTerminal(copy.status)) return { kind: 'under-way' };
    const record = copy.steps[0]?.history.at(-1);
    // Done by another, after a rollback, or by nobody: it tells nothing of the candidate.
    if (record?.releaseId !== rollout.candidate || NO_OUTCOME.has(record.outcome)) return { kind: 'no-pair' };
    const [theirs, mine] = [await pastWork(store, task), await store.payloads(id)];
    if (!theirs || !mine) return { kind: 'no-pair' };
    if (resultOf(mine, { stepId, attempt: record.attempt })?.errorKind === 'not-recorded')
      return { kind: 'unrecorded' };
    return {
      kind: 'done',
      pair: { incumbent: theirs.delivery, candidate: deliveryOf(record, mine, stepId) },
    };
  }

  /**
   * Begins the copy of a task. Answers false where retention has removed what it was given.
   * @param replay the round of the stage, and whether a tool call without a record is refused
   */
  async begin(
    rollout: Rollout,
    task: PastTask,
    replay?: { round: number; unrecorded: Unrecorded },
  ): Promise<boolean> {
    const past = await pastWork(this.deps.store, task);
    if (!past) return false;
    const { attempt } = task;
    const id = copyId(rollout, task, replay?.round);
    const refuses = replay?.unrecorded === 'refuse';
    const about = { id, at: this.deps.clock.now(), attempt, rollout, refuses };
    // An id that is taken is this very copy, begun by another process.
    await this.runs.create(copyOf(past.run, past.step, about), past.input, { actor: 'engine' });
    return true;
  }

  /** Whether what a task was given is still there, and what it delivered. */
  async isKept({ runId }: PastTask): Promise<boolean> {
    const original = (await this.runs.get(runId))?.state;
    return original !== undefined && (await this.runs.payloads(runId)) !== undefined;
  }
}

const copyId = ({ id }: Rollout, { runId, stepId, attempt }: PastTask, round?: number): string =>
  round === undefined
    ? derivedId(id, runId, stepId, attempt)
    : derivedId(id, 'replay', round, runId, stepId, attempt);

interface CopyWish {
  id: string;
  at: number;
  attempt: number;
  rollout: Rollout;
  refuses: boolean;
}

/** One step, one attempt, nothing for real. */
function copyOf(
  { id: of, workflowId, definition }: RunState,
  { id: stepId, agentId, timeoutMs, input }: AgentStep,
  { id, at, attempt, rollout, refuses }: CopyWish,
): RunState {
  const step: AgentStep = {
    ...{ id: stepId, kind: 'agent', agentId, timeoutMs, attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
    ...(input && { input }),
    shadowOf: rollout.candidate,
  };
  return {
    ...{ id, workflowId, definition, plan: [step] },
    trigger: {
      ...{ kind: 'shadow', of, stepId, attempt, rolloutId: rollout.id },
      ...(refuses && { unrecorded: 'refuse' }),
    },
    status: 'queued',
    steps: [{ id: stepId, status: 'pending', attempt: 0, history: [] }],
    createdAt: at,
  };
}
