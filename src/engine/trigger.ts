/** Starts runs: from the API, and again from a step of an earlier run. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json';
import type { RunState, StepState, Trigger } from '../domain/run';
import { definitionHash, type Workflow } from '../registry';
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
    const first =
      fromStep ?? original.steps.find((s) => s.status !== 'succeeded')?.id ?? original.plan[0]?.id ?? '';
    const index = original.plan.findIndex((s) => s.id === first);
    if (index < 0) return { kind: 'unknown-step' };
    const missing = original.steps.slice(0, index).find((s) => s.status !== 'succeeded');
    if (missing) return { kind: 'step-not-reached', stepId: missing.id };
    const reused = original.plan.slice(0, index).map((s) => s.id);
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
    return {
      id: this.deps.newId(),
      workflowId: workflow.id,
      definition: definitionHash(workflow),
      plan: workflow.steps.map((s) => ({
        id: s.id,
        agentId: s.agent,
        timeoutMs: s.timeoutSeconds * 1_000,
        attempts: s.retry.attempts,
        backoffMs: s.retry.backoffSeconds * 1_000,
        maxBackoffMs: s.retry.maxBackoffSeconds * 1_000,
        ...(s.input && { input: { ...s.input } }),
      })),
      trigger,
      status: 'queued',
      steps: workflow.steps.map((s) => pending(s.id)),
      createdAt: now,
      ...(workflow.timeoutSeconds !== undefined && { deadline: now + workflow.timeoutSeconds * 1_000 }),
    };
  }

  private repeat(original: RunState, fromStep: string, reused: string[]): RunState {
    const { error: _error, finishedAt: _finishedAt, startedAt: _startedAt, deadline, ...rest } = original;
    const now = this.deps.clock.now();
    return {
      ...rest,
      id: this.deps.newId(),
      trigger: { kind: 'rerun', of: original.id, fromStep },
      status: 'queued',
      createdAt: now,
      ...(deadline !== undefined && { deadline: now + (deadline - original.createdAt) }),
      steps: original.plan.map(({ id }) =>
        reused.includes(id)
          ? { ...pending(id), status: 'succeeded' as const, finishedAt: now, reusedFrom: original.id }
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
