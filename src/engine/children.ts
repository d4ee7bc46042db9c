/** Runs that do the work of a step of another run: begins them, takes in their ends, stops them. */
import type { AgentRunResult } from '../contract';
import { CHILD_STATES, placesOf } from '../domain/children';
import { valueAt } from '../domain/condition';
import type { RunCommand } from '../domain/decide-run';
import type { RunsStep } from '../domain/plan';
import { isTerminal, planOf, stepOf, type RunState, type StepState, type Todo } from '../domain/run';
import { stepInput } from '../domain/step-input';
import type { EngineDeps } from './context';
import { derivedId } from './derived-id';
import { dataOf } from './payloads';
import type { Runs } from './runs';

/** All outputs of a step's runs together; more would not be a payload but a database. */
const MAX_GATHERED_BYTES = 8 * 1024 * 1024;

type About<T extends RunCommand['type']> = Extract<RunCommand, { type: T }>;

export class Children {
  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
  ) {}

  /** Makes sure that the children under way exist, and takes in those that are over. */
  async follow(run: RunState, { stepId, attempt }: About<'children'>): Promise<void> {
    const step = stepOf(run, stepId);
    if (step?.attempt !== attempt || step.status !== 'parked') return;
    for (const index of placesOf(step.children ?? '', CHILD_STATES.running)) {
      const id = childId(run.id, stepId, attempt, index);
      const child = (await this.runs.get(id))?.state;
      if (!child) await this.begin(run, step, id, index);
      else if (isTerminal(child.status)) await this.tellParent(child);
    }
  }

  private async begin(run: RunState, step: StepState, id: string, index: number): Promise<void> {
    const plan = planOf(run, step.id);
    const payloads = await this.runs.payloads(run.id);
    if (plan.kind !== 'runs' || !payloads) return;
    const input = stepInput(run.plan, step.id, payloads.input, payloads.outputs, run.ending?.error);
    const child = this.child(run, step, plan, id, index);
    const item = plan.forEach && (valueAt(dataOf(payloads), plan.forEach.items) as unknown[])[index];
    // An id that is taken is this very child, begun by another process.
    await this.runs.create(child, plan.forEach ? { ...input, item, index } : input, { actor: 'engine' });
  }

  private child(run: RunState, step: StepState, plan: RunsStep, id: string, index: number): RunState {
    const { id: stepId, attempt } = step;
    return {
      id,
      workflowId: plan.workflowId,
      definition: plan.definition,
      plan: [...plan.steps],
      trigger: { kind: 'step', runId: run.id, stepId, attempt, index },
      ...(run.priority !== undefined && { priority: run.priority }),
      ...(run.startedBy !== undefined && { startedBy: run.startedBy }),
      status: 'queued',
      steps: plan.steps.map((s) => ({ id: s.id, status: 'pending', attempt: 0, history: [] })),
      createdAt: this.deps.clock.now(),
    };
  }

  /** Collects what the children delivered, in the order of the list, as the step's result. */
  async gather(run: RunState, { stepId, attempt }: About<'gather'>): Promise<void> {
    const step = stepOf(run, stepId);
    const plan = planOf(run, stepId);
    if (step?.status !== 'parked' || step.attempt !== attempt || plan.kind !== 'runs') return;
    const items: unknown[] = [];
    let bytes = 0;
    for (const [index, state] of [...(step.children ?? '')].entries()) {
      const output = state === CHILD_STATES.succeeded ? await this.outputOf(run.id, step, index) : null;
      bytes += Buffer.byteLength(JSON.stringify(output));
      if (bytes > MAX_GATHERED_BYTES) break;
      items.push(output);
    }
    const durationMs = this.deps.clock.now() - (step.requestedAt ?? 0);
    const base = { workflowId: run.workflowId, stepId, runId: run.id, attempt, durationMs };
    const result: AgentRunResult =
      bytes > MAX_GATHERED_BYTES
        ? { ...base, status: 'error', output: {}, error: `its outputs are over ${MAX_GATHERED_BYTES} bytes` }
        : { ...base, status: 'success', output: plan.forEach ? { items } : (items[0] as object as never) };
    await this.runs.apply(
      run.id,
      { type: 'result', stepId, attempt, result },
      { result: { stepId, attempt, result } },
    );
  }

  /** What a run delivered: the outputs of its steps merged in the order written. */
  private async outputOf(runId: string, { id, attempt }: StepState, index: number) {
    const childRunId = childId(runId, id, attempt, index);
    const [child, payloads] = await Promise.all([this.runs.get(childRunId), this.runs.payloads(childRunId)]);
    if (!child || !payloads) return null;
    const outputs = child.state.plan.flatMap((s) => Object.entries(payloads.outputs.get(s.id) ?? {}));
    return Object.fromEntries(outputs);
  }

  /** Does what a transition left to be done to other runs, and notes that it is done. */
  async todo(run: RunState, todo: Exclude<Todo, { kind: 'start-followers' }>): Promise<void> {
    if (todo.kind === 'tell-parent') await this.tellParent(run);
    else {
      for (const index of todo.places) {
        const id = childId(run.id, todo.stepId, todo.attempt, index);
        await this.runs.apply(id, { type: 'cancel', reason: `step ${todo.stepId} of run ${run.id} ended` });
      }
    }
    await this.runs.apply(run.id, { type: 'done', todo });
  }

  private async tellParent({ trigger, status, error }: RunState): Promise<void> {
    if (trigger.kind !== 'step') return;
    const { runId, stepId, attempt, index } = trigger;
    const end = status === 'succeeded' ? 'succeeded' : 'failed';
    const why = error && { error: error.message };
    await this.runs.apply(runId, { type: 'child-ended', stepId, attempt, index, end, ...why });
  }
}

/** The same child has the same id, whoever begins it. */
export const childId = (runId: string, stepId: string, attempt: number, index: number): string =>
  derivedId(runId, stepId, attempt, index);
