import type { RunState } from '../../domain/run';
import type { RunFilter } from '../store';

/** Whether a run is one of those a filter asks for. */
export const fits = (run: RunState, filter: RunFilter): boolean =>
  (filter.workflowId === undefined || run.workflowId === filter.workflowId) &&
  (filter.status === undefined || run.status === filter.status) &&
  run.createdAt >= (filter.createdAfter ?? -Infinity) &&
  run.createdAt < (filter.createdBefore ?? Infinity) &&
  isOf(run, filter.parent) &&
  (filter.text === undefined || holds(run, filter.text.toLowerCase()));

const holds = ({ id, workflowId, error }: RunState, text: string): boolean =>
  id.startsWith(text) ||
  workflowId.toLowerCase().includes(text) ||
  (error?.message.toLowerCase().includes(text) ?? false);

const isOf = ({ trigger }: RunState, parent: RunFilter['parent']): boolean =>
  parent
    ? trigger.kind === 'step' &&
      trigger.runId === parent.runId &&
      (parent.stepId === undefined || trigger.stepId === parent.stepId)
    : trigger.kind !== 'step';
