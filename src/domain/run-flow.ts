/** The flow of a run: which step has its turn, how a step begins and fails, how a run comes to its end. */
import type { AgentRunResult } from '../contract';
import { backoff, mayRetry } from './attempt';
import { begin, childCount, CHILD_STATES, countOf } from './children';
import { holds, valueAt, type Path } from './condition';
import { needsOf, readiness } from './graph';
import { PHASES, phaseOf, type Phase, type RunsStep, type SleepStep, type StepPlan } from './plan';
import { RunApproval } from './approval/run-approval';
import type { RunOutcome } from './run-events';
import { planOf, stepOf, type Ending, type RunError, type StepState } from './run';

export class RunFlow extends RunApproval {
  /** Starts what can start, skips what is not wanted, and ends the run when nothing is left. */
  protected advance(): void {
    for (;;) {
      if (this.isOver()) return;
      const phase = this.phase();
      const step = this.run.steps.find((s) => s.status === 'pending' && this.turnOf(s, phase) !== 'wait');
      if (step) this.take(step, phase);
      else if (this.stepsOf(phase).some((s) => !isSettled(s))) return;
      else if (phase === 'main') return this.conclude({ status: 'succeeded' });
      else if (phase === 'finally') return this.finish();
      else this.skip('on-failure', 'its turn is over');
    }
  }

  /** Takes a step whose turn has come. */
  private take(step: StepState, phase: Phase): void {
    const plan = planOf(this.run, step.id);
    if (this.turnOf(step, phase) === 'skip') this.skipStep(step, 'nothing it needs was done');
    else if (plan.when && !holds(plan.when, this.data())) this.skipStep(step, 'its condition did not hold');
    else this.begin(step);
  }

  private turnOf(step: StepState, phase: Phase) {
    const { plan } = this.run;
    const own = planOf(this.run, step.id);
    if (phaseOf(own) !== phase) return 'wait';
    const needed = needsOf(plan, own).map((id) => stepOf(this.run, id)?.status ?? 'skipped');
    return readiness(own, needed);
  }

  private phase(): Phase {
    const { ending } = this.run;
    if (!ending) return 'main';
    const isOpen = this.stepsOf('on-failure').some((s) => !isSettled(s));
    return ending.status === 'failed' && isOpen ? 'on-failure' : 'finally';
  }

  private stepsOf(phase: Phase): StepState[] {
    return this.run.steps.filter((s) => phaseOf(planOf(this.run, s.id)) === phase);
  }

  /** Begins a step's next attempt, in the way of its kind. */
  protected begin(step: StepState): void {
    const plan = planOf(this.run, step.id);
    this.open(step);
    switch (plan.kind) {
      case 'agent':
        return this.propose(step, plan.agentId);
      case 'runs':
        return this.fanOut(step, plan);
      case 'sleep':
        return this.sleep(step, plan);
      case 'event': {
        const key = plan.key === undefined ? '' : this.textAt(plan.key);
        if (key === undefined) return this.lacks(step, plan.key as Path, 'a text or a number');
        return this.park(step, key);
      }
      case 'approval':
        this.park(step);
        return this.askForStep(step, plan);
    }
  }

  private park(step: StepState, key?: string): void {
    step.status = 'parked';
    step.deadline = this.context.now + planOf(this.run, step.id).timeoutMs;
    this.announce(step, 'open', key);
    if (planOf(this.run, step.id).kind === 'approval') step.dueAt = step.deadline;
    else this.lookForEvent(step);
  }

  /**
   * The event may have come before the wait, or its delivery may have been lost: each look is as far from
   * the last as the last from the beginning, so that any number of waits costs next to nothing.
   */
  protected lookForEvent(step: StepState): void {
    const { now } = this.context;
    this.commands.push({ type: 'look', stepId: step.id, attempt: step.attempt });
    const next = Math.max(this.claimedUntil(), now + (now - (step.requestedAt ?? now)));
    step.dueAt = Math.min(next, step.deadline ?? next);
  }

  private sleep(step: StepState, { until }: SleepStep): void {
    const { now } = this.context;
    const at = 'afterMs' in until ? now + until.afterMs : timeOf(valueAt(this.data(), until.at));
    if (at === undefined) return this.lacks(step, (until as { at: Path }).at, 'a time');
    step.status = 'parked';
    step.dueAt = Math.max(now, at);
  }

  private fanOut(step: StepState, { forEach, timeoutMs }: RunsStep): void {
    const count = forEach ? childCount(forEach, this.data()) : 1;
    if (typeof count === 'string') return void this.attemptFailed(step, { kind: 'bad-data', message: count });
    step.status = 'parked';
    step.deadline = this.context.now + timeoutMs;
    step.children = CHILD_STATES.open.repeat(count);
    this.followChildren(step, forEach?.concurrency);
  }

  /** Lets the next children begin, or has the outputs collected when all are over. */
  protected followChildren(step: StepState, concurrency = 1): void {
    step.children = begin(step.children ?? '', concurrency);
    const { id: stepId, attempt } = step;
    const isOver = countOf(step.children, CHILD_STATES.running) === 0;
    this.commands.push({ type: isOver ? 'gather' : 'children', stepId, attempt });
    const look = isOver ? this.claimedUntil() : this.nextLook();
    step.dueAt = Math.min(look, step.deadline ?? look);
  }

  private nextLook(): number {
    const { now, limits, performing } = this.context;
    return performing ? now + limits.childCheckMs : now;
  }

  protected settle(step: StepState, result: AgentRunResult): RunOutcome {
    const plan = planOf(this.run, step.id);
    // Nobody was given a job for this attempt: it waits for a person.
    if (plan.kind === 'agent' && step.status === 'parked') return 'unchanged';
    if (plan.kind === 'agent' && !step.dryRun) this.acted(step, plan, result);
    this.noteHealth(step, result);
    if (result.status !== 'success') {
      const message = result.error ?? `the agent reported ${result.status}`;
      return this.attemptFailed(step, { kind: this.kindOf(step, result), message }, result.durationMs);
    }
    const isProposal = plan.kind === 'agent' && step.dryRun && plan.shadowOf === undefined;
    if (isProposal) return this.proposed(step, plan, result);
    this.delivered[step.id] = result.output;
    return this.succeed(step, result.durationMs);
  }

  /** What a result tells of the capsule it came from, where its agent has alternatives. */
  private noteHealth({ capsuleId }: StepState, { status, errorKind, error }: AgentRunResult): void {
    const { failover } = this.context;
    if (!failover || capsuleId === undefined) return;
    const reason = `its provider does not answer: ${error ?? 'no reason given'}`;
    if (errorKind === 'provider-unavailable')
      this.commands.push({ type: 'health', capsuleId, event: { type: 'unwell', reason } });
    else if (status === 'success' && failover.isUnwell(capsuleId))
      this.commands.push({ type: 'health', capsuleId, event: { type: 'well' } });
  }

  private kindOf(step: StepState, { status }: AgentRunResult): RunError['kind'] {
    if (status === 'timeout') return 'timeout';
    return planOf(this.run, step.id).kind === 'approval' ? 'declined' : 'agent-error';
  }

  protected succeed(step: StepState, durationMs?: number): RunOutcome {
    this.endAttempt(step, 'success', undefined, durationMs);
    this.endStep(step, 'succeeded');
    delete step.error;
    this.advance();
    return 'changed';
  }

  protected attemptFailed(step: StepState, error: RunError, durationMs?: number): 'changed' {
    const plan = planOf(this.run, step.id);
    this.endAttempt(step, error.kind, error.message, durationMs);
    step.error = error;
    if (!mayRetry(plan, step, error.kind)) return this.stepFailed(step, plan, error);
    // Lost work is not the agent's fault, and nothing is gained by waiting.
    if (error.kind === 'lost') {
      this.begin(step);
      return 'changed';
    }
    step.status = 'backing-off';
    step.dueAt = this.context.now + backoff(plan, step.attempt, this.context.random());
    return 'changed';
  }

  private stepFailed(step: StepState, plan: StepPlan, { kind, message }: RunError): 'changed' {
    this.endStep(step, 'failed');
    const error = { kind, message: `step ${step.id}: ${message}` };
    if (plan.optional) this.advance();
    else if (phaseOf(plan) === 'main') this.conclude({ status: 'failed', error, stepId: step.id });
    else {
      // What comes after the end goes on as far as it can; a run is not well if its end was not.
      if (this.run.ending?.status === 'succeeded') {
        this.run.ending = { status: 'failed', error, stepId: step.id };
        this.skip('on-failure', 'the run proper did not fail');
      }
      this.advance();
    }
    return 'changed';
  }

  /** The run proper is over: what is under way is stopped, and the steps for the end have their turn. */
  protected conclude(ending: Ending): void {
    const { status, error, stepId } = ending;
    const why = stepId === undefined ? 'the run was ended' : `step ${stepId} failed`;
    if (stepId !== undefined) this.stopSteps('cancelled', { kind: 'cancelled', message: why });
    else if (error) this.stopSteps(status === 'failed' ? 'failed' : 'cancelled', error);
    this.skip('main', why);
    this.run.ending = ending;
    if (ending.status !== 'failed') this.skip('on-failure', 'the run did not fail');
    // Nothing has to be mended or tidied up after a run that never began.
    if (this.run.status === 'queued') this.finish();
    else this.advance();
  }

  /** Ends the run now, whatever had its turn still. */
  protected finish(): void {
    const { now } = this.context;
    const { status, error } = this.run.ending ?? { status: 'succeeded' as const };
    for (const phase of PHASES) this.skip(phase, 'the run was ended');
    delete this.run.ending;
    this.run.status = status;
    this.run.finishedAt = now;
    if (error) this.run.error = error;
    if (this.run.trigger.kind === 'step') this.leave({ kind: 'tell-parent' });
    if (this.run.followed) this.leave({ kind: 'start-followers' });
    this.commands.push({ type: 'finished' });
  }

  private isOver(): boolean {
    return this.run.finishedAt !== undefined;
  }

  private skip(phase: Phase, reason: string): void {
    for (const step of this.stepsOf(phase)) if (step.status === 'pending') this.skipStep(step, reason);
  }

  private skipStep(step: StepState, reason: string): void {
    step.status = 'skipped';
    step.reason = reason;
  }

  private textAt(path: Path): string | undefined {
    const value = valueAt(this.data(), path);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  }

  private lacks(step: StepState, path: Path, what: string): void {
    const place = typeof path === 'string' ? path : path.join('.');
    this.attemptFailed(step, { kind: 'bad-data', message: `there is no ${what} at ${place}` });
  }
}

const SETTLED = ['succeeded', 'failed', 'cancelled', 'skipped'];
const isSettled = ({ status }: StepState): boolean => SETTLED.includes(status);

/** Epoch milliseconds of a number or an ISO 8601 text. */
function timeOf(value: unknown): number | undefined {
  const at = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? at : undefined;
}
