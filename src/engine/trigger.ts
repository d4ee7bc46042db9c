/** Starts runs: from the API, by what triggers them, and again from a step of an earlier run. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json';
import { planRerun, type RerunFrom } from '../domain/rerun';
import type { RunState, StepState, Trigger } from '../domain/run';
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
  /** The person who asked: has no vote on what the run asks for. Left out: no person did. */
  owner?: string;
  /** A run of this id is begun once, however often it is asked for. */
  id?: string;
  /** Within the bounds of the workflow; default: the workflow's. */
  priority?: number;
}

/** What a trigger knows beside the input. */
export interface BeginOptions extends Pick<TriggerOptions, 'actor' | 'owner' | 'id' | 'priority'> {
  idempotency?: { scope: string; key: string; asked: unknown };
}

interface CreateOptions {
  actor: string;
  priority?: number;
  idempotency?: BeginOptions['idempotency'];
  results?: StepResult[];
}

export class Triggers {
  /** Workflows whose end starts runs. */
  private followed: ReadonlySet<string> | undefined;

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
    const scope = `POST /workflows/${workflowId}/runs`;
    return this.begin(workflow, { kind: 'api' }, input, withKey(options, scope, input));
  }

  /** Starts a run of a workflow for what triggered it. */
  begin(
    workflow: Workflow,
    trigger: Trigger,
    input: Record<string, unknown>,
    { id, owner, ...options }: BeginOptions,
  ): Promise<Extract<TriggerResult, { runId: string }>> {
    const run = {
      ...this.newRun(workflow, trigger),
      ...(id !== undefined && { id }),
      ...(owner !== undefined && { startedBy: owner }),
    };
    return this.create(run, { ...workflow.input, ...input }, options);
  }

  /**
   * Starts a new run of the same definition that takes over what earlier steps delivered.
   * @param from the first step to do again; default: the first that did not succeed, else the first.
   * @param input merged over the input of the run that is repeated.
   */
  async rerun(
    runId: string,
    { from = { at: 'unfinished' }, input = {} }: { from?: RerunFrom; input?: Record<string, unknown> },
    options: TriggerOptions,
  ): Promise<TriggerResult> {
    const { store } = this.deps;
    const original = (await store.run(runId))?.state;
    if (!original) return { kind: 'unknown-run' };
    const plan = planRerun(original, from);
    if (plan.kind !== 'possible') return plan;
    const payloads = await store.payloads(runId);
    if (!payloads) return { kind: 'payloads-gone' };
    const { first, reused } = plan;
    const run = {
      ...this.repeat(original, first, reused),
      ...(options.owner !== undefined && { startedBy: options.owner }),
      ...(options.id !== undefined && { id: options.id }),
    };
    const results = payloads.results.filter(
      (r) => r.counted && r.result.status === 'success' && reused.includes(r.stepId),
    );
    const fromStep = from.at === 'step' ? from.stepId : from.at === 'start' ? first : undefined;
    const asked = withKey(options, `POST /runs/${runId}/rerun`, { fromStep, input });
    return this.create(run, { ...payloads.input, ...input }, { ...asked, results });
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
      ...(this.isFollowed(workflow.id) && { followed: true as const }),
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
      ...(this.isFollowed(workflowId) && { followed: true as const }),
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

  /** Whether other workflows wait for the end of a workflow's runs. */
  private isFollowed(workflowId: string): boolean {
    this.followed ??= new Set(
      this.deps.registry.workflows.flatMap((w) => (w.on?.run ?? []).map((rule) => rule.workflow)),
    );
    return this.followed.has(workflowId);
  }

  private async create(
    run: RunState,
    input: Record<string, unknown>,
    { actor, priority, idempotency, results = [] }: CreateOptions,
  ): Promise<Extract<TriggerResult, { runId: string }>> {
    const { scope, key, asked } = idempotency ?? {};
    const fingerprint = createHash('sha256')
      .update(canonicalJson(asked ?? null))
      .digest('hex');
    const extra: NewRun = {
      actor,
      ...(priority !== undefined && { priority }),
      ...(results.length > 0 && { results }),
      ...(scope !== undefined && key !== undefined && { idempotencyKey: { scope, key, fingerprint } }),
    };
    const committed = await this.runs.create(run, input, extra);
    if (committed.ok) return { kind: 'created', runId: run.id };
    // An id that is taken is this very run, begun before.
    if (committed.conflict === 'run') return { kind: 'repeated', runId: run.id };
    if (committed.conflict === 'duplicate' && committed.existing)
      return { kind: 'repeated', runId: committed.existing.runId };
    if (committed.conflict !== 'idempotency' || !committed.existing) {
      throw new Error(`run ${run.id} could not be created: ${committed.conflict}`);
    }
    const { existing } = committed;
    return { kind: existing.fingerprint === fingerprint ? 'repeated' : 'key-reused', runId: existing.runId };
  }
}

const withKey = (
  { idempotencyKey: key, actor, owner, id, priority }: TriggerOptions,
  scope: string,
  asked: unknown,
): BeginOptions => ({
  actor,
  ...(owner !== undefined && { owner }),
  ...(id !== undefined && { id }),
  ...(priority !== undefined && { priority }),
  ...(key !== undefined && { idempotency: { scope, key, asked } }),
});

const pending = (id: string): StepState => ({ id, status: 'pending', attempt: 0, history: [] });
