/** What people are told of a result that counts, however it came: by webhook, or from an agent's status. */
import { planOf, stepOf } from '../domain/run';
import type { SettledResult } from './context';
import type { Applied, ApplyOptions } from './runs';

/** @param ms from its arrival; @returns undefined where nothing an agent delivered changed the run */
export function settledResult(
  { outcome, state }: Applied,
  { result: delivered }: ApplyOptions,
  ms: number,
): SettledResult | undefined {
  if (outcome !== 'changed' || !state || !delivered) return undefined;
  const { stepId, attempt, result } = delivered;
  const plan = planOf(state, stepId);
  if (plan.kind !== 'agent') return undefined;
  const releaseId = stepOf(state, stepId)?.history.find((h) => h.attempt === attempt)?.releaseId;
  return { agentId: plan.agentId, ms, result, ...(releaseId !== undefined && { releaseId }) };
}
