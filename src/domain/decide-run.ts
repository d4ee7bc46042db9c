/**
 * The rules of a run: `decideRun(run, event, context)` says what the run becomes, which leases
 * change with it, and what is to be done once that is committed. Pure; nothing here waits or calls.
 */
import type { AgentRunResult } from '../contract';
import { backoff, nextCheck, pastAttempt, resendAt, waitedMs } from './attempt';
import { RunDraft } from './run-draft';
import type { RunContext, RunDecision, RunEvent, RunOutcome, SendFailure } from './run-events';
import { isActive, isTerminal, planOf, type RunError, type RunState, type StepState } from './run';

export * from './run-events';

export function decideRun(run: RunState, event: RunEvent, context: RunContext): RunDecision {
  const draft = new Rules(run, context);
  const outcome = draft.apply(event);
  return {
    state: outcome === 'changed' || outcome === 'late' ? draft.run : run,
    outcome,
    leases: draft.leases,
    commands: draft.commands,
  };
}

/** What each event does to a run. */
class Rules extends RunDraft {
  apply(event: RunEvent): RunOutcome {
    // No step of a run that is over is active: a result finds its attempt over, too.
    if (isTerminal(this.run.status) && event.type !== 'result') return 'unchanged';
    switch (event.type) {
      case 'start':
        return this.start();
      case 'cancel':
        return this.finish('cancelled', { kind: 'cancelled', message: event.reason });
      case 'due':
        return this.due();
      case 'slot':
        return this.slot(event);
      default:
        return this.answer(event);
    }
  }

  private start(): RunOutcome {
    if (this.run.status !== 'queued') return 'unchanged';
    this.run.status = 'running';
    this.run.startedAt = this.context.now;
    this.advance();
    return 'changed';
  }

  private slot(event: Extract<RunEvent, { type: 'slot' }>): RunOutcome {
    const step = this.run.steps.find((s) => s.id === event.stepId);
    if (step?.status !== 'waiting') return 'unchanged';
    this.grant(step, event.generation, event.bootId);
    return 'changed';
  }

  /** Events that speak of one attempt: they count only for the attempt in hand. */
  private answer(event: Extract<RunEvent, { attempt: number }>): RunOutcome {
    const step = this.run.steps.find((s) => s.id === event.stepId);
    if (!step) return 'unchanged';
    const inHand = step.attempt === event.attempt && isActive(step.status);
    if (!inHand) return event.type === 'result' ? pastAttempt(step, event.attempt) : 'unchanged';
    switch (event.type) {
      case 'accepted':
        return this.accepted(step, event.bootId);
      case 'send-failed':
        return this.sendFailed(step, event.failure);
      case 'result':
        return this.settle(step, event.result);
      case 'lost':
        // What nobody was given nobody can lose.
        if (step.status === 'waiting') return 'unchanged';
        return this.attemptFailed(step, { kind: 'lost', message: event.reason });
      case 'checked':
        return this.checked(step, event);
      case 'evicted':
        return this.evicted(step, event.reason);
      case 'wake-failed':
        if (step.status !== 'waiting') return 'unchanged';
        return this.attemptFailed(step, { kind: 'wake-failed', message: event.reason });
    }
  }

  private accepted(step: StepState, bootId: string | undefined): RunOutcome {
    if (step.status !== 'dispatching') return 'unchanged';
    step.status = 'running';
    step.acceptedAt = this.context.now;
    if (bootId !== undefined) step.bootId = bootId;
    step.dueAt = nextCheck(step, this.context);
    return 'changed';
  }

  private sendFailed(step: StepState, failure: SendFailure): RunOutcome {
    if (step.status !== 'dispatching') return 'unchanged';
    if (failure.kind === 'rejected') {
      return this.attemptFailed(step, { kind: 'rejected', message: failure.message });
    }
    const again = resendAt(step, failure, this.context);
    if (again !== undefined) {
      step.dueAt = again;
      return 'changed';
    }
    const waited = waitedMs(step, this.context);
    const message = failure.kind === 'busy' ? `the agent stayed busy for ${waited} ms` : failure.message;
    this.doubt(step, failure.kind, message);
    return this.attemptFailed(step, { kind: 'unreachable', message });
  }

  private checked(step: StepState, event: Extract<RunEvent, { type: 'checked' }>): RunOutcome {
    const { silentChecks: before = 0 } = step;
    if (step.status !== 'running' || (event.answered && before === 0)) return 'unchanged';
    step.silentChecks = event.answered ? 0 : before + 1;
    if (step.silentChecks < this.context.limits.maxSilentChecks) return 'changed';
    const message = `the agent stopped answering: ${event.detail ?? 'no detail'}`;
    this.doubt(step, 'unreachable', message);
    return this.attemptFailed(step, { kind: 'unreachable', message });
  }

  /** A job that was accepted is lost; one that was not waits for the next shift, as the same attempt. */
  private evicted(step: StepState, reason: string): RunOutcome {
    if (step.status === 'running') return this.attemptFailed(step, { kind: 'lost', message: reason });
    if (step.status !== 'dispatching') return 'unchanged';
    this.lease(step, 'release');
    this.wait(step);
    return 'changed';
  }

  private settle(step: StepState, result: AgentRunResult): RunOutcome {
    if (result.status !== 'success') {
      const kind = result.status === 'timeout' ? 'timeout' : 'agent-error';
      const message = result.error ?? `the agent reported ${result.status}`;
      return this.attemptFailed(step, { kind, message }, result.durationMs);
    }
    this.endAttempt(step, 'success', undefined, result.durationMs);
    step.status = 'succeeded';
    step.finishedAt = this.context.now;
    delete step.error;
    this.advance();
    return 'changed';
  }

  private attemptFailed(step: StepState, error: RunError, durationMs?: number): RunOutcome {
    const plan = planOf(this.run, step.id);
    this.endAttempt(step, error.kind, error.message, durationMs);
    step.error = error;
    if (error.kind === 'rejected' || step.attempt >= plan.attempts) {
      step.status = 'failed';
      step.finishedAt = this.context.now;
      return this.finish('failed', { kind: error.kind, message: `step ${step.id}: ${error.message}` });
    }
    // Lost work is not the agent's fault, and nothing is gained by waiting.
    if (error.kind === 'lost') {
      this.request(step);
      return 'changed';
    }
    step.status = 'backing-off';
    step.dueAt = this.context.now + backoff(plan, step.attempt, this.context.random());
    return 'changed';
  }

  private due(): RunOutcome {
    const { now } = this.context;
    if (this.run.deadline !== undefined && now >= this.run.deadline) {
      return this.finish('failed', {
        kind: 'timeout',
        message: 'the run took longer than its workflow allows',
      });
    }
    let changed = false;
    for (const step of this.run.steps) {
      if (isTerminal(this.run.status)) break;
      if (step.dueAt === undefined || now < step.dueAt) continue;
      changed = true;
      this.stepDue(step);
    }
    return changed ? 'changed' : 'unchanged';
  }

  private stepDue(step: StepState): void {
    const { now, limits } = this.context;
    if (step.status === 'backing-off') return this.request(step);
    if (step.status === 'waiting') {
      this.attemptFailed(step, { kind: 'wait-too-long', message: `no lease within ${limits.maxWaitMs} ms` });
      return;
    }
    if (step.deadline !== undefined && now >= step.deadline) {
      this.cancelAgent(step);
      this.attemptFailed(step, {
        kind: 'timeout',
        message: `no result within ${planOf(this.run, step.id).timeoutMs} ms`,
      });
      return;
    }
    if (step.status === 'dispatching') return this.send(step);
    this.commands.push({ type: 'check', stepId: step.id, attempt: step.attempt });
    step.dueAt = nextCheck(step, this.context);
  }

  /** Starts what can start: the first step that has not run, once all before it succeeded. */
  private advance(): void {
    const next = this.run.steps.find((s) => s.status !== 'succeeded');
    if (!next) this.finish('succeeded');
    else if (next.status === 'pending') this.request(next);
  }
}
