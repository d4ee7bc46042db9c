/** How workflows use an agent: what a step gives it, what comes from the steps before, and what is read of its output. */
import { segments, type Condition, type Path } from '../condition';
import { before } from '../graph';
import type { StepPlan } from '../plan';

/** One step that an agent does. */
export interface AgentUse {
  workflowId: string;
  stepId: string;
  agentId: string;
  /** Fixed by the workflow or the step. */
  gives: Record<string, unknown>;
  /** The steps whose outputs are merged over that, in order; null: no agent does them. */
  after: Array<{ stepId: string; agentId: string | null }>;
  /** Whoever starts the run may give more: it does not run by its schedule alone. */
  isOpen: boolean;
  /** What other steps read of its output: the path below it, and who reads. */
  reads: Array<{ path: string[]; by: string }>;
}

/** What of a workflow says how its agents are used. */
export interface UsedWorkflow {
  id: string;
  input: Readonly<Record<string, unknown>>;
  /** It has a schedule, and fires. */
  isScheduled: boolean;
  /** Events, webhooks or other runs start it as well. */
  isTriggered: boolean;
  plan: readonly StepPlan[];
}

/** Every step of a workflow that an agent does, in order. */
export function usesOf({ id, input, isScheduled, isTriggered, plan }: UsedWorkflow): AgentUse[] {
  return plan.flatMap((step) => {
    const each = agentOf(step, id);
    if (!each) return [];
    const { agentId, own } = each;
    return {
      ...{ workflowId: id, stepId: step.id, agentId },
      gives: { ...own, ...input },
      after: before(plan, step.id).map((s) => ({ stepId: s.id, agentId: agentOf(s, id)?.agentId ?? null })),
      // A member of a list brings what nobody has written down.
      isOpen: !isScheduled || isTriggered || step.kind === 'runs',
      // The output of a list is one of ours.
      reads: step.kind === 'runs' ? [] : readsOf(plan, step.id),
    };
  });
}

/** The agent that does a step, or each of its members. */
function agentOf(step: StepPlan, workflowId: string) {
  if (step.kind === 'agent') return { agentId: step.agentId, own: step.input ?? {} };
  const [only] = step.kind === 'runs' && step.workflowId === workflowId && step.forEach ? step.steps : [];
  return only?.kind === 'agent' ? { agentId: only.agentId, own: only.input ?? {} } : undefined;
}

function readsOf(plan: readonly StepPlan[], stepId: string): AgentUse['reads'] {
  return plan.flatMap((step) =>
    pathsOf(step).flatMap((path) => {
      const [root, id, ...below] = segments(path);
      return root === 'steps' && id === stepId && below.length > 0 ? [{ path: below, by: step.id }] : [];
    }),
  );
}

function pathsOf(step: StepPlan): Path[] {
  return [
    ...(step.when ? pathsOfCondition(step.when) : []),
    ...(step.kind === 'runs' && step.forEach ? [step.forEach.items] : []),
    ...(step.kind === 'sleep' && 'at' in step.until ? [step.until.at] : []),
    ...(step.kind === 'event' && step.key !== undefined ? [step.key] : []),
  ];
}

/** Every path that a condition reads. */
export function pathsOfCondition(condition: Condition): Path[] {
  if ('all' in condition) return condition.all.flatMap(pathsOfCondition);
  if ('any' in condition) return condition.any.flatMap(pathsOfCondition);
  if ('not' in condition) return pathsOfCondition(condition.not);
  return [condition.path];
}
