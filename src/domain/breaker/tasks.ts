/** What the attempts of a run tell about their agents. Pure. */
import type { AgentRunResult } from '../../contract';
import { planOf, stepOf, type AttemptRecord, type RunState } from '../run';
import type { Task, TaskRef } from './breaker';

/** How an attempt ends that speaks against its agent. Others, like a cancelled one, say nothing of it. */
const FAILURES: ReadonlySet<AttemptRecord['outcome']> = new Set([
  'agent-error',
  'timeout',
  'unreachable',
  'rejected',
  'lost',
  'wake-failed',
] as const);

export interface EndedTask {
  agentId: string;
  ref: TaskRef;
  task: Task;
}

type Delivered = Pick<AgentRunResult, 'usage' | 'actions' | 'needsHuman'>;

/**
 * The attempts by agents that a change ended.
 * @param resultOf what the agent delivered for an attempt with this change
 */
export function endedTasks(
  before: RunState,
  after: RunState,
  resultOf: (ref: TaskRef) => Delivered | undefined,
): EndedTask[] {
  return after.steps.flatMap((step) => {
    const known = stepOf(before, step.id)?.history.length ?? 0;
    return step.history.slice(known).flatMap((record) => {
      const ref = { runId: after.id, stepId: step.id, attempt: record.attempt };
      const ended = endedTask(after, ref, record, resultOf(ref));
      return ended ? [ended] : [];
    });
  });
}

/** An attempt on record as a task; undefined if it tells nothing about an agent. */
export function endedTask(
  run: RunState,
  ref: TaskRef,
  record: AttemptRecord,
  result?: Delivered,
): EndedTask | undefined {
  const plan = planOf(run, ref.stepId);
  const ok = record.outcome === 'success';
  // A copy for a comparison is used for nothing, and holds nothing.
  if (
    plan.kind !== 'agent' ||
    plan.shadowOf !== undefined ||
    record.kind === 'approval' ||
    (!ok && !FAILURES.has(record.outcome))
  )
    return undefined;
  const { usage = [], actions = [], needsHuman } = result ?? {};
  const costs = [...usage.map((u) => u.costUsd), ...actions.map((a) => a.costUsd ?? 0)];
  return {
    agentId: plan.agentId,
    ref,
    task: {
      at: record.endedAt,
      ok,
      costUsd: costs.reduce((sum, cost) => sum + cost, 0),
      intervened: needsHuman !== undefined,
      ...(record.releaseId !== undefined && { releaseId: record.releaseId }),
    },
  };
}
