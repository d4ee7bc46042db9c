/** The order of steps: what a step needs, what is known to it, and whether its turn has come. */
import { phaseOf, type StepPlan } from './plan';
import type { StepStatus } from './run';

/** The steps a step waits for: those it names, or else the one written before it in its phase. */
export function needsOf(plan: readonly StepPlan[], step: StepPlan): readonly string[] {
  if (step.needs) return step.needs;
  const phase = plan.filter((s) => phaseOf(s) === phaseOf(step));
  const before = phase[phase.indexOf(step) - 1];
  return before ? [before.id] : [];
}

/**
 * The steps whose outputs a step is given, in the order written: all it needs, directly or not, and for
 * the phases at the end whatever came before them.
 */
export function before(plan: readonly StepPlan[], stepId: string): StepPlan[] {
  const step = plan.find((s) => s.id === stepId);
  if (!step) return [];
  const byId = new Map(plan.map((s) => [s.id, s]));
  const found = new Set<string>();
  const todo = [...needsOf(plan, step)];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    const needed = byId.get(id);
    if (!needed || found.has(id)) continue;
    found.add(id);
    todo.push(...needsOf(plan, needed));
  }
  const order = ['main', 'on-failure', 'finally'];
  const isEarlier = (s: StepPlan) => order.indexOf(phaseOf(s)) < order.indexOf(phaseOf(step));
  return plan.filter((s) => found.has(s.id) || isEarlier(s));
}

export type Readiness = 'wait' | 'run' | 'skip';

/**
 * Whether a step's turn has come, from the statuses of what it needs. A step behind nothing but skipped ones
 * is skipped as well; a failed one counts as settled here, because a failure that matters ends the phase.
 */
export function readiness(step: StepPlan, needed: readonly StepStatus[]): Readiness {
  const count = (...statuses: StepStatus[]) => needed.filter((s) => statuses.includes(s)).length;
  const open = needed.length - count('succeeded', 'failed', 'skipped', 'cancelled');
  const succeeded = count('succeeded');
  if (step.atLeast !== undefined) {
    if (succeeded >= step.atLeast) return 'run';
    return succeeded + open < step.atLeast ? 'skip' : 'wait';
  }
  if (open > 0) return 'wait';
  return needed.length > 0 && count('skipped') === needed.length ? 'skip' : 'run';
}
