/** From a workflow as it is written to the plan that its runs are pinned to. */
import type { Phase, StepPlan } from '../domain/plan';
import type { Condition } from '../domain/condition';
import { definitionHash } from './hash';
import type { Registry, Step, Workflow } from './schema';

/** Plans by workflow, which never changes while the process lives. */
const compiled = new WeakMap<Workflow, readonly StepPlan[]>();

/** The steps of a workflow with everything they need, those of the workflows it runs included. */
export function planFor(workflow: Workflow, registry: Pick<Registry, 'workflow'>): readonly StepPlan[] {
  const known = compiled.get(workflow);
  if (known) return known;
  const phases: Array<[Phase, readonly Step[]]> = [
    ['main', workflow.steps],
    ['on-failure', workflow.onFailure],
    ['finally', workflow.finally],
  ];
  const plan = phases.flatMap(([phase, steps]) => steps.map((s) => stepPlan(s, phase, workflow, registry)));
  compiled.set(workflow, plan);
  return plan;
}

function stepPlan(
  step: Step,
  phase: Phase,
  workflow: Workflow,
  registry: Pick<Registry, 'workflow'>,
): StepPlan {
  const { join, needs } = step;
  const flow = {
    id: step.id,
    ...(phase !== 'main' && { phase }),
    ...(needs && { needs }),
    ...(join !== 'all' && { atLeast: join === 'any' ? 1 : join.atLeast }),
    ...(step.when && { when: step.when as Condition }),
    ...(step.optional && { optional: true as const }),
  };
  if (!step.forEach) return { ...flow, ...work(step, registry), ...limits(step) } as StepPlan;
  const each: StepPlan = { id: step.id, ...work(step, registry), ...limits(step) } as StepPlan;
  const runs = each.kind === 'runs' ? each : undefined;
  const { timeoutSeconds, ...forEach } = step.forEach;
  return {
    ...flow,
    kind: 'runs',
    workflowId: runs?.workflowId ?? workflow.id,
    definition: runs?.definition ?? definitionHash(workflow),
    steps: runs?.steps ?? [each],
    forEach,
    ...(step.input && { input: { ...step.input } }),
    // What fails is tried again item by item.
    ...{ timeoutMs: timeoutSeconds * 1_000, attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
  };
}

/** What a step does, by its kind. */
function work(step: Step, registry: Pick<Registry, 'workflow'>) {
  if (step.agent !== undefined) return { kind: 'agent', agentId: step.agent };
  if (step.waitForEvent) {
    const { name: event, key } = step.waitForEvent;
    return { kind: 'event', event, ...(key && { key }) };
  }
  if (step.approval) {
    const { title, quorum, escalateSeconds: after } = step.approval;
    const more = { ...(quorum > 1 && { quorum }), ...(after !== undefined && { escalateMs: after * 1_000 }) };
    return { kind: 'approval', title, ...more };
  }
  if (step.sleep) {
    const until =
      'seconds' in step.sleep ? { afterMs: step.sleep.seconds * 1_000 } : { at: step.sleep.until };
    return { kind: 'sleep', until };
  }
  const workflow = registry.workflow(step.workflow ?? '');
  const steps = planFor(workflow, registry);
  return { kind: 'runs', workflowId: workflow.id, definition: definitionHash(workflow), steps };
}

function limits(step: Step) {
  const { attempts, backoff, backoffSeconds, maxBackoffSeconds, on } = step.retry;
  return {
    timeoutMs: step.timeoutSeconds * 1_000,
    attempts,
    backoffMs: backoffSeconds * 1_000,
    maxBackoffMs: maxBackoffSeconds * 1_000,
    ...(backoff === 'fixed' && { backoff }),
    ...(on && { retryOn: on }),
    ...(step.maxCostUsd !== undefined && { maxCostUsd: step.maxCostUsd }),
    ...(step.input && { input: { ...step.input } }),
  };
}
