/** Where a run that is over can be started again, and what of it need not be done anew. */
import { before } from './graph';
import { phaseOf, type StepPlan } from './plan';
import { isTerminal, stepOf, type RunState } from './run';

/** The first step that did not succeed, the very beginning, or a step by its id. */
export type RerunFrom = { at: 'unfinished' } | { at: 'start' } | { at: 'step'; stepId: string };

export type RerunPlan =
  /** `first` is done again with all that follows from it; what `reused` names is taken over. */
  | { kind: 'possible'; first: string; reused: string[] }
  | { kind: 'not-over' | 'unknown-step' }
  /** An earlier step left no output to take over. */
  | { kind: 'step-not-reached'; stepId: string };

export function planRerun(run: RunState, from: RerunFrom): RerunPlan {
  if (!isTerminal(run.status)) return { kind: 'not-over' };
  if (from.at === 'start') return { kind: 'possible', first: run.plan[0]?.id ?? '', reused: [] };
  const first = from.at === 'step' ? from.stepId : firstUnfinished(run);
  if (!run.plan.some((s) => s.id === first)) return { kind: 'unknown-step' };
  const missing = before(run.plan, first).find((s) => !isSettled(run, s));
  if (missing) return { kind: 'step-not-reached', stepId: missing.id };
  return { kind: 'possible', first, reused: reusable(run, first) };
}

/** The first step of the run proper that is to be done still or again; the first of all if none is. */
const firstUnfinished = ({ steps, plan }: RunState): string =>
  (
    steps.find(
      (s, i) => !['succeeded', 'skipped'].includes(s.status) && phaseOf(plan[i] as StepPlan) === 'main',
    ) ?? steps[0]
  )?.id ?? '';

/** Whether what a step was to deliver is known: delivered, or left out by rule. */
function isSettled(run: RunState, step: StepPlan): boolean {
  const status = stepOf(run, step.id)?.status;
  return status === 'succeeded' || status === 'skipped' || (status === 'failed' && step.optional === true);
}

/** The steps of the run proper that succeeded and do not follow from `first`. */
const reusable = (run: RunState, first: string): string[] =>
  run.plan
    .filter((s) => phaseOf(s) === 'main' && s.id !== first && stepOf(run, s.id)?.status === 'succeeded')
    .filter((s) => !before(run.plan, s.id).some((b) => b.id === first))
    .map((s) => s.id);
