/** Starts runs: from the API, and again from a step of an earlier run. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json';
import { before } from '../domain/graph';
import { phaseOf, type StepPlan } from '../domain/plan';
import { stepOf, type RunState, type StepState, type Trigger } from '../domain/run';
import { definitionHash, planFor, type Workflow } from '../registry';
import type { StepResult } from '../store/store';
import type { EngineDeps } from './context';
import type { NewRun, Runs } from './runs';

export type TriggerResult =
  | { kind: 'created' | 'repeated'; runId: string }
  | { kind: 'unknown-workflow' | 'unknown-run' | 'unknown-step' | 'not-over' | 'payloads-gone' }
  /** The idempotency key was used with another request. */
  | { kind: 'key-reused'; runId: string }
  /** The step cannot be the start: an earlier one has no output to take over. */
  | { kind: 'step-not-reached'; stepId: string };

export interface TriggerOptions {
  idempotencyKey?: string;
  /** Who asked, for the ledger. */
  actor: string;
}

export class Triggers {
  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
  ) {}

  async start(
    workflowId: string,
    input: Record<string, unknown>,
    options: TriggerOptions,
  ): Promise<TriggerResult> {
    const workflow = this.deps.registry.findWorkflow(workflowId);
    if (!workflow) return { kind: 'unknown-workflow' };
    const run = this.newRun(workflow, { kind: 'api' });
    const merged = { ...workflow.input, ...input };
    return this.create(run, merged, options, `POST /workflows/${workflowId}/runs`, input);
  }

  /**
   * Starts a new run of the same definition that takes over what earlier steps delivered.
   * @param fromStep the first step to do again; default: the first that did not succeed, else the first.
   * @param input merged over the input of the run that is repeated.
   */
  async rerun(
    runId: string,
    { fromStep, input = {} }: { fromStep?: string; input?: Record<string, unknown> },
    options: TriggerOptions,
  ): Promise<TriggerResult> {
    const { store } = this.deps;
    const original = (await store.run(runId))?.state;
    if (!original) return { kind: 'unknown-run' };
    if (original.finishedAt === undefined) return { kind: 'not-over' };
    const payloads = await store.payloads(runId);
    if (!payloads) return { kind: 'payloads-gone' };
    const first = fromStep ?? firstUnfinished(original);
    if (!original.plan.some((s) => s.id === first)) return { kind: 'unknown-step' };
    const missing = before(original.plan, first).find((s) => !isSettled(original, s));
    if (missing) return { kind: 'step-not-reached', stepId: missing.id };
    const reused = reusable(original, first);
    const run = this.repeat(original, first, reused);
    const results = payloads.results.filter(
      (r) => r.counted && r.result.status === 'success' && reused.includes(r.stepId),
    );
    const scope = `POST /runs/${runId}/rerun`;
    return this.create(run, { ...payloads.input, ...input }, options, scope, { fromStep, input }, results);
  }

  /** A run that nobody has seen yet: queued, every step pending. */
  newRun(workflow: Workflow, trigger: Trigger): RunState {
    const now = this.deps.clock.now();
    const plan = planFor(workflow, this.deps.registry);
    return {
      id: this.deps.newId(),
      workflowId: workflow.id,
      definition: definitionHash(workflow),
      plan: [...plan],
      trigger,
      status: 'queued',
      steps: plan.map((s) => pending(s.id)),
      createdAt: now,
      ...(workflow.timeoutSeconds !== undefined && { deadline: now + workflow.timeoutSeconds * 1_000 }),
    };
  }

  private repeat(original: RunState, fromStep: string, reused: string[]): RunState {
    const { id: of, workflowId, definition, plan, createdAt, deadline } = original;
    const now = this.deps.clock.now();
    return {
      id: this.deps.newId(),
      workflowId,
      definition,
      plan,
      trigger: { kind: 'rerun', of, fromStep },
      status: 'queued',
      createdAt: now,
      ...(deadline !== undefined && { deadline: now + (deadline - createdAt) }),
      steps: plan.map(({ id }) =>
        reused.includes(id)
          ? { ...pending(id), status: 'succeeded' as const, finishedAt: now, reusedFrom: of }
          : pending(id),
      ),
    };
  }

  private async create(
    run: RunState,
    input: Record<string, unknown>,
    { idempotencyKey, actor }: TriggerOptions,
    scope: string,
    asked: unknown,
    results: StepResult[] = [],
  ): Promise<TriggerResult> {
    const fingerprint = createHash('sha256').update(canonicalJson(asked)).digest('hex');
    const extra: NewRun = {
      actor,
      ...(results.length > 0 && { results }),
      ...(idempotencyKey !== undefined && { idempotencyKey: { scope, key: idempotencyKey, fingerprint } }),
    };
    const committed = await this.runs.create(run, input, extra);
    if (committed.ok) return { kind: 'created', runId: run.id };
    if (committed.conflict !== 'idempotency' || !committed.existing) {
      throw new Error(`run ${run.id} could not be created: ${committed.conflict}`);
    }
    const { existing } = committed;
    return { kind: existing.fingerprint === fingerprint ? 'repeated' : 'key-reused', runId: existing.runId };
  }
}

const pending = (id: string): StepState => ({ id, status: 'pending', attempt: 0, history: [] });

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
