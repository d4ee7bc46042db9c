/** The moves that the rules of a run are made of: each writes to a draft, the leases and the commands. */
import { attemptRecord, forgetLease } from './attempt';
import type { LeaseChange, RunCommand, RunContext } from './run-events';
import { isActive, planOf, type AttemptRecord, type RunError, type RunState, type StepState } from './run';

/** One decision in the making: a copy of the run that the rules write to. */
export class RunDraft {
  readonly run: RunState;
  readonly leases: LeaseChange[] = [];
  readonly commands: RunCommand[] = [];

  constructor(
    run: RunState,
    protected readonly context: RunContext,
  ) {
    this.run = { ...run, steps: run.steps.map((s) => ({ ...s })) };
  }

  protected doubt(step: StepState, cause: 'busy' | 'unreachable', reason: string): void {
    const { capsuleId, generation } = step;
    if (capsuleId === undefined || generation === undefined) return;
    this.commands.push({ type: 'doubt', capsuleId, generation, cause, reason });
  }

  /** Closes the attempt in hand: its record, its lease, its due time. */
  protected endAttempt(
    step: StepState,
    outcome: AttemptRecord['outcome'],
    message?: string,
    durationMs?: number,
  ): void {
    const { now } = this.context;
    if (step.capsuleId !== undefined) this.lease(step, 'release');
    step.history = [...step.history, attemptRecord(step, outcome, now, { message, durationMs })];
    delete step.capsuleId;
    delete step.dueAt;
    delete step.deadline;
  }

  /** Opens the next attempt and asks for a lease, or takes it when the capsule has a free slot. */
  protected request(step: StepState): void {
    const { now, capsuleOf } = this.context;
    const view = capsuleOf(planOf(this.run, step.id).agentId);
    step.attempt += 1;
    step.capsuleId = view.capsuleId;
    step.requestedAt = now;
    forgetLease(step);
    if (view.awake) return this.grant(step, view.awake.generation, view.awake.bootId);
    this.wait(step);
  }

  /** Stands in line for a lease on the step's capsule. */
  protected wait(step: StepState): void {
    forgetLease(step);
    step.status = 'waiting';
    step.dueAt = this.context.now + this.context.limits.maxWaitMs;
    this.lease(step, 'request');
    this.commands.push({ type: 'wake', capsuleId: step.capsuleId as string });
  }

  protected grant(step: StepState, generation: number, bootId: string | undefined): void {
    const { now, limits } = this.context;
    step.generation = generation;
    if (bootId !== undefined) step.bootId = bootId;
    step.grantedAt = now;
    step.deadline = now + planOf(this.run, step.id).timeoutMs + limits.resultGraceMs;
    this.lease(step, 'grant', generation);
    this.send(step);
  }

  protected send(step: StepState): void {
    const { now, limits, performing } = this.context;
    step.status = 'dispatching';
    step.sends = (step.sends ?? 0) + 1;
    step.dueAt = performing ? now + limits.claimMs : now;
    this.commands.push({ type: 'send', stepId: step.id, attempt: step.attempt });
  }

  protected cancelAgent(step: StepState): void {
    if (step.capsuleId === undefined || step.status === 'waiting') return;
    this.commands.push({
      type: 'cancel-agent',
      stepId: step.id,
      attempt: step.attempt,
      capsuleId: step.capsuleId,
    });
  }

  protected finish(status: 'succeeded' | 'failed' | 'cancelled', error?: RunError): 'changed' {
    const { now } = this.context;
    for (const step of this.run.steps) {
      if (isActive(step.status)) {
        this.cancelAgent(step);
        const kind = error?.kind ?? 'cancelled';
        this.endAttempt(step, kind, error?.message);
        step.status = status === 'cancelled' ? 'cancelled' : 'failed';
        step.finishedAt = now;
        if (error) step.error = error;
      } else if (step.status === 'pending') {
        step.status = 'skipped';
      } else if (step.status === 'backing-off') {
        step.status = status === 'cancelled' ? 'cancelled' : 'failed';
        step.finishedAt = now;
        delete step.dueAt;
      }
    }
    this.run.status = status;
    this.run.finishedAt = now;
    if (error) this.run.error = error;
    this.commands.push({ type: 'finished' });
    return 'changed';
  }

  protected lease(step: StepState, op: LeaseChange['op'], generation?: number): void {
    this.leases.push({
      op,
      capsuleId: step.capsuleId as string,
      stepId: step.id,
      attempt: step.attempt,
      ...(generation !== undefined && { generation }),
    });
  }
}
