/** A task of the past, as it can be done once more: what it was given, what it called, and what came of it. */
import type { AgentRunResult } from '../../contract';
import type { AgentStep } from '../../domain/plan';
import type { Delivery } from '../../domain/rollout/compare-work';
import type { PastTask } from '../../domain/rollout/replay';
import { replayCalls, type ReplayCall } from '../../domain/rollout/replay-calls';
import { payloadsOf } from '../payloads';
import { planOf, stepOf, type AttemptRecord, type RunState } from '../../domain/run';
import { stepInput } from '../../domain/step-input';
import type { Store, RunPayloads } from '../../store/store';

export interface PastWork {
  run: RunState;
  step: AgentStep;
  input: Record<string, unknown>;
  /** Calls that can be answered as they were then. */
  calls: ReplayCall[];
  delivery: Delivery;
}

/** Undefined where there was no such task, or retention has removed it. */
export async function pastWork(
  store: Pick<Store, 'run' | 'payloads'>,
  { runId, stepId, attempt }: PastTask,
): Promise<PastWork | undefined> {
  const run = (await store.run(runId))?.state;
  const record = run && stepOf(run, stepId)?.history.find((h) => h.attempt === attempt);
  const step = record && planOf(run, stepId);
  const stored = record && (await store.payloads(runId));
  if (step?.kind !== 'agent' || !stored) return undefined;
  const { input, outputs } = payloadsOf(stored);
  return {
    ...{ run, step, input: stepInput(run.plan, stepId, input, outputs) },
    calls: replayCalls(resultOf(stored, { stepId, attempt })?.toolCalls) ?? [],
    delivery: deliveryOf(record, stored, stepId),
  };
}

/** What an attempt delivered; nothing, where it ended without a word. */
export function deliveryOf(record: AttemptRecord, stored: RunPayloads, stepId: string): Delivery {
  const { attempt, outcome } = record;
  const result = resultOf(stored, { stepId, attempt });
  return {
    ok: outcome === 'success',
    output: result?.output ?? {},
    durationMs: result?.durationMs ?? record.endedAt - (record.grantedAt ?? record.requestedAt),
    costUsd: (result?.usage ?? []).reduce((sum, { costUsd }) => sum + costUsd, 0),
  };
}

export const resultOf = (
  { results }: RunPayloads,
  { stepId, attempt }: Pick<PastTask, 'stepId' | 'attempt'>,
): AgentRunResult | undefined => results.find((r) => r.stepId === stepId && r.attempt === attempt)?.result;
