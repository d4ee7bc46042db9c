/**
 * The rules of a run: `decideRun(run, event, context)` says what the run becomes, which leases
 * change with it, and what is to be done once that is committed. Pure; nothing here waits or calls.
 */
import { nextCheck, pastAttempt, resendAt, waitedMs } from './attempt';
import { CHILD_STATES, countOf, withOutcome } from './children';
import { RunFlow } from './run-flow';
import type { RunContext, RunDecision, RunEvent, RunOutcome, SendFailure } from './run-events';
import { isActive, isTerminal, planOf, type RunError, type RunState, type StepState, type Todo } from './run';

export * from './run-events';

/** One attempt goes on so often from a capsule that cannot be woken to the next. */
const MAX_MOVES = 8;

export function decideRun(run: RunState, event: RunEvent, context: RunContext): RunDecision {
  const draft = new Rules(run, context);
  const outcome = draft.apply(event);
  return {
    state: outcome === 'changed' || outcome === 'late' ? draft.run : run,
    outcome,
    leases: draft.leases,
    waits: draft.waits,
    commands: draft.commands,
    memos: [...draft.memos.values()],
    acts: draft.acts,
    words: draft.words,
    ...(draft.proposal && { proposal: true as const }),
  };
}

/** What each event does to a run. */
class Rules extends RunFlow {
  apply(event: RunEvent): RunOutcome {
    if (event.type === 'done') return this.done(event.todo);
    if (event.type === 'due') return this.due();
    // No step of a run that is over is active: a result finds its attempt over, too.
    if (isTerminal(this.run.status) && event.type !== 'result') return 'unchanged';
    switch (event.type) {
      case 'start':
        return this.start();
      case 'cancel':
        return this.cancel(event);
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

  /** The steps for the end have their turn; asked again, the run ends at once. */
  private cancel({ reason, unless }: Extract<RunEvent, { type: 'cancel' }>): RunOutcome {
    if (unless === 'started' && this.run.status !== 'queued') return 'unchanged';
    if (unless === 'ending' && this.run.ending) return 'unchanged';
    const error = { kind: 'cancelled', message: reason } as const;
    if (this.run.ending) this.endNow({ kind: 'cancelled', message: reason });
    else this.conclude({ status: 'cancelled', error });
    return 'changed';
  }

  /** Gives up what had its turn after the run proper; how that ended stays. */
  private endNow(error: RunError): void {
    this.stopSteps('cancelled', error);
    this.finish();
  }

  private done(todo: Todo): RunOutcome {
    const left = (this.run.todo ?? []).filter((t) => !isSame(t, todo));
    if (left.length === (this.run.todo?.length ?? 0)) return 'unchanged';
    if (left.length > 0) this.run.todo = left;
    else {
      delete this.run.todo;
      delete this.run.todoAt;
    }
    return 'changed';
  }

  private slot(event: Extract<RunEvent, { type: 'slot' }>): RunOutcome {
    const step = this.run.steps.find((s) => s.id === event.stepId);
    if (step?.status !== 'waiting') return 'unchanged';
    // It stands in another line by now.
    if (event.capsuleId !== undefined && event.capsuleId !== step.capsuleId) return 'unchanged';
    this.grant(step, event.generation, event.bootId);
    return 'changed';
  }

  /** Events that speak of one attempt: they count only for the attempt in hand. */
  private answer(event: Extract<RunEvent, { attempt: number }>): RunOutcome {
    const step = this.run.steps.find((s) => s.id === event.stepId);
    if (!step) return 'unchanged';
    const isOpen = isActive(step.status) || step.status === 'parked';
    const inHand = step.attempt === event.attempt && isOpen;
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
        if (step.status !== 'dispatching' && step.status !== 'running') return 'unchanged';
        return this.attemptFailed(step, { kind: 'lost', message: event.reason });
      case 'checked':
        return this.checked(step, event);
      case 'evicted':
        return this.evicted(step, event.reason);
      case 'held':
        return this.held(step);
      case 'rerouted':
        return this.rerouted(step);
      case 'vote':
        return this.vote(step, event.vote);
      case 'child-ended':
        return this.childEnded(step, event);
      case 'wake-failed':
        return this.wakeFailed(step, event.reason);
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
    step.evictions = (step.evictions ?? 0) + 1;
    if (step.evictions > this.context.limits.maxEvictions) {
      return this.attemptFailed(step, { kind: 'unreachable', message: reason });
    }
    this.lease(step, 'release');
    this.wait(step);
    return 'changed';
  }

  /** It keeps its attempt; where it stands in line by now is another line. */
  private rerouted(step: StepState): RunOutcome {
    const plan = planOf(this.run, step.id);
    if (step.status !== 'waiting' || plan.kind !== 'agent' || plan.shadowOf !== undefined) return 'unchanged';
    const { dueAt, requestedAt } = step;
    this.lease(step, 'release');
    this.place(step, plan.agentId);
    this.wait(step, requestedAt);
    if (dueAt !== undefined) step.dueAt = dueAt;
    return 'changed';
  }

  /** Nothing was sent anywhere: it goes on to the next capsule with the same attempt, while there is one. */
  private wakeFailed(step: StepState, reason: string): RunOutcome {
    if (step.status !== 'waiting') return 'unchanged';
    const plan = planOf(this.run, step.id);
    const place = plan.kind === 'agent' ? this.placeOf(step, plan.agentId) : undefined;
    const { moves = 0, capsuleId } = step;
    if (place && place.as !== 'last-resort' && place.capsuleId !== capsuleId && moves < MAX_MOVES) {
      step.moves = moves + 1;
      return this.rerouted(step);
    }
    return this.attemptFailed(step, { kind: 'wake-failed', message: reason });
  }

  /** It keeps its attempt, and its place in line. */
  private held(step: StepState): RunOutcome {
    if (step.status !== 'dispatching') return 'unchanged';
    this.lease(step, 'release');
    this.wait(step, step.requestedAt);
    return 'changed';
  }

  private childEnded(step: StepState, event: Extract<RunEvent, { type: 'child-ended' }>): RunOutcome {
    const { children = '' } = step;
    const plan = planOf(this.run, step.id);
    if (plan.kind !== 'runs' || children[event.index] !== CHILD_STATES.running) return 'unchanged';
    step.children = withOutcome(children, event.index, CHILD_STATES[event.end]);
    const failed = countOf(step.children, CHILD_STATES.failed);
    if (failed <= (plan.forEach?.tolerate ?? 0)) {
      this.followChildren(step, plan.forEach?.concurrency);
      return 'changed';
    }
    const which = plan.forEach ? `item ${event.index}: ` : '';
    return this.attemptFailed(step, { kind: 'child-failed', message: `${which}${event.error ?? 'failed'}` });
  }

  private due(): RunOutcome {
    const { now, limits } = this.context;
    const hasTodo = this.todoDue();
    if (isTerminal(this.run.status)) return hasTodo ? 'changed' : 'unchanged';
    if (this.run.deadline !== undefined && now >= this.run.deadline) {
      this.run.deadline = now + limits.maxEndingMs;
      const error = { kind: 'timeout', message: 'the run took longer than its workflow allows' } as const;
      if (this.run.ending) this.endNow(error);
      else this.conclude({ status: 'failed', error });
      return 'changed';
    }
    let changed = hasTodo;
    for (const step of this.run.steps) {
      if (isTerminal(this.run.status)) break;
      if (step.dueAt === undefined || now < step.dueAt) continue;
      changed = true;
      this.stepDue(step);
    }
    return changed ? 'changed' : 'unchanged';
  }

  /** What was left to be done and is not known to be: once more. */
  private todoDue(): boolean {
    const { todo = [], todoAt } = this.run;
    if (todoAt === undefined || this.context.now < todoAt) return false;
    this.run.todoAt = this.claimedUntil();
    for (const one of todo) this.commands.push({ type: 'todo', todo: one });
    return true;
  }

  private stepDue(step: StepState): void {
    const { now, limits } = this.context;
    const plan = planOf(this.run, step.id);
    if (step.status === 'backing-off') return this.begin(step);
    if (step.status === 'parked' && plan.kind === 'sleep') return void this.succeed(step);
    if (step.status === 'waiting') {
      if (plan.kind === 'agent' && this.context.heldBack?.(plan.agentId) !== undefined) {
        step.dueAt = now + limits.maxWaitMs;
        return;
      }
      this.attemptFailed(step, { kind: 'wait-too-long', message: `no lease within ${limits.maxWaitMs} ms` });
      return;
    }
    if (step.status === 'parked' && step.memo && !this.memoDue(step)) return;
    if (step.deadline !== undefined && now >= step.deadline) {
      this.cancelAgent(step);
      const what = step.status === 'parked' ? 'nothing came' : 'no result';
      this.attemptFailed(step, { kind: 'timeout', message: `${what} within ${plan.timeoutMs} ms` });
      return;
    }
    if (plan.kind === 'event') return this.lookForEvent(step);
    if (plan.kind === 'runs') return this.followChildren(step, plan.forEach?.concurrency);
    if (step.status === 'dispatching') return this.send(step);
    this.commands.push({ type: 'check', stepId: step.id, attempt: step.attempt });
    step.dueAt = nextCheck(step, this.context);
  }
}

const isSame = (a: Todo, b: Todo): boolean =>
  a.kind === 'stop-children' && b.kind === 'stop-children'
    ? a.stepId === b.stepId && a.attempt === b.attempt
    : a.kind === b.kind;
