/** The moves that the rules of a run are made of: each writes to a draft, the leases and the commands. */
import { attemptRecord, forgetLease, lastPlaceOf } from './attempt';
import { decideMemo, type Memo } from './approval/memo';
import { CHILD_STATES, placesOf } from './children';
import type { RunData } from './condition';
import type { Act } from './oversight/act';
import type {
  CapsuleView,
  LeaseChange,
  RunCommand,
  RunContext,
  RunDecision,
  WaitChange,
  WorkPlace,
} from './run-events';
import {
  isActive,
  planOf,
  type AttemptRecord,
  type RunError,
  type RunState,
  type StepState,
  type StepStatus,
  type Todo,
} from './run';

/** One decision in the making: a copy of the run that the rules write to. */
export class RunDraft {
  readonly run: RunState;
  readonly leases: LeaseChange[] = [];
  readonly waits: WaitChange[] = [];
  readonly commands: RunCommand[] = [];
  readonly memos = new Map<string, Memo>();
  readonly acts: Act[] = [];
  readonly words: RunDecision['words'] = [];
  proposal = false;
  /** What this event itself delivered counts as known. */
  protected readonly delivered: Record<string, Record<string, unknown>> = {};

  constructor(
    run: RunState,
    protected readonly context: RunContext,
  ) {
    this.run = { ...run, steps: run.steps.map((s) => ({ ...s })) };
  }

  /** @throws when the engine did not load what this plan's conditions read */
  protected data(): RunData {
    const { data } = this.context;
    if (!data) throw new Error(`run ${this.run.id}: its data is needed and was not loaded`);
    const { error, stepId } = this.run.ending ?? {};
    const failure = error && { ...error, ...(stepId !== undefined && { stepId }) };
    return { ...data, steps: { ...data.steps, ...this.delivered }, ...(failure && { failure }) };
  }

  protected doubt(step: StepState, cause: 'busy' | 'unreachable', reason: string): void {
    const { capsuleId, generation } = step;
    if (capsuleId === undefined || generation === undefined) return;
    this.commands.push({ type: 'doubt', capsuleId, generation, cause, reason });
  }

  /** Opens the next attempt: its number, its time. */
  protected open(step: StepState): void {
    step.attempt += 1;
    step.requestedAt = this.context.now;
    delete step.children;
    delete step.evictions;
    delete step.moves;
    forgetLease(step);
  }

  /** Closes the attempt in hand: its record, what it holds and waits for, its due time. */
  protected endAttempt(
    step: StepState,
    outcome: AttemptRecord['outcome'],
    message?: string,
    durationMs?: number,
  ): void {
    const { now } = this.context;
    if (step.capsuleId !== undefined) this.lease(step, 'release');
    if (step.status === 'parked') this.unpark(step);
    const isOneOfSeveral = step.releaseId !== undefined || this.hasAlternatives(step);
    const capsuleId = isOneOfSeveral ? step.capsuleId : undefined;
    step.history = [...step.history, attemptRecord(step, outcome, now, { message, durationMs, capsuleId })];
    delete step.capsuleId;
    delete step.failover;
    delete step.dueAt;
    delete step.deadline;
  }

  /** Asks for a lease, or takes it when the capsule has a free slot. */
  protected seekLease(step: StepState, agentId: string): void {
    const view = this.place(step, agentId);
    if (view.awake) return this.grant(step, view.awake.generation, view.awake.bootId);
    this.wait(step);
  }

  /** Chooses the release that does a step's work, and with it the capsule. */
  protected place(step: StepState, agentId: string): CapsuleView {
    const placed = this.context.releaseOf?.(agentId, this.releaseBefore(step, agentId));
    const place = this.placeOf(step, agentId, placed);
    const releaseId = place?.releaseId ?? placed?.releaseId;
    if (releaseId !== undefined) step.releaseId = releaseId;
    else delete step.releaseId;
    if (place?.from) step.failover = place.from;
    else delete step.failover;
    const view = this.context.capsuleOf(agentId, place?.capsuleId ?? placed?.capsuleId);
    step.capsuleId = view.capsuleId;
    if (place?.as === 'trial')
      this.commands.push({ type: 'health', capsuleId: view.capsuleId, event: { type: 'tried' } });
    return view;
  }

  /** Which of an agent's capsules does the work; undefined where it has no alternatives. */
  protected placeOf(
    step: StepState,
    agentId: string,
    belongs = this.context.releaseOf?.(agentId, this.releaseBefore(step, agentId)),
  ): WorkPlace | undefined {
    const plan = planOf(this.run, step.id);
    if (plan.kind === 'agent' && plan.shadowOf !== undefined) return undefined;
    return this.context.failover?.placeFor(agentId, belongs, lastPlaceOf(step));
  }

  private hasAlternatives({ id }: StepState): boolean {
    const plan = planOf(this.run, id);
    return (
      plan.kind === 'agent' &&
      this.context.failover?.placeFor(plan.agentId, undefined, undefined) !== undefined
    );
  }

  /** The release that an agent's work of this run was begun with. */
  private releaseBefore(step: StepState, agentId: string): string | undefined {
    const isOf = ({ id }: StepState) => {
      const plan = planOf(this.run, id);
      return plan.kind === 'agent' && plan.agentId === agentId;
    };
    const plan = planOf(this.run, step.id);
    if (plan.kind === 'agent' && plan.shadowOf !== undefined) return plan.shadowOf;
    return step.releaseId ?? this.run.steps.find((s) => s.releaseId !== undefined && isOf(s))?.releaseId;
  }

  /** Stands in line for a lease on the step's capsule. */
  protected wait(step: StepState, since?: number): void {
    forgetLease(step);
    step.status = 'waiting';
    step.dueAt = this.context.now + this.context.limits.maxWaitMs;
    this.lease(step, 'request', undefined, since);
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
    step.status = 'dispatching';
    step.sends = (step.sends ?? 0) + 1;
    step.dueAt = this.claimedUntil();
    this.commands.push({ type: 'send', stepId: step.id, attempt: step.attempt });
  }

  /** When a command that is not known to be performed is given again. */
  protected claimedUntil(): number {
    const { now, limits, performing } = this.context;
    return performing ? now + limits.claimMs : now;
  }

  /** Announces what a parked step waits for, or takes it back. */
  protected announce(step: StepState, op: WaitChange['op'], key = ''): void {
    const plan = planOf(this.run, step.id);
    if (plan.kind !== 'event' && plan.kind !== 'approval') return;
    const name = plan.kind === 'event' ? plan.event : plan.title;
    this.waits.push({ op, stepId: step.id, attempt: step.attempt, kind: plan.kind, name, key });
  }

  /** Keeps what became of a step's memo, and has people told of it. */
  protected noteMemo(step: StepState, memo: Memo, tells = true): void {
    step.memo = memo;
    this.memos.set(memo.id, memo);
    if (tells) this.commands.push({ type: 'tell', memo });
  }

  private unpark(step: StepState): void {
    this.announce(step, 'close');
    const memo = step.memo && decideMemo(step.memo, { type: 'withdraw' }, this.context.now);
    if (memo?.kind === 'changed') this.noteMemo(step, memo.memo);
    const places = placesOf(step.children ?? '', CHILD_STATES.running);
    if (places.length === 0) return;
    this.leave({ kind: 'stop-children', stepId: step.id, attempt: step.attempt, places });
  }

  /** Leaves something to be done to other runs, by this process if it can. */
  protected leave(todo: Todo): void {
    this.run.todo = [...(this.run.todo ?? []), todo];
    this.run.todoAt = this.claimedUntil();
    this.commands.push({ type: 'todo', todo });
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

  /** Ends every step that is under way. */
  protected stopSteps(status: 'failed' | 'cancelled', error: RunError): void {
    for (const step of this.run.steps) {
      const underWay = isActive(step.status) || step.status === 'parked';
      if (!underWay && step.status !== 'backing-off') continue;
      if (underWay) {
        this.cancelAgent(step);
        this.endAttempt(step, error.kind, error.message);
        step.error = error;
      }
      this.endStep(step, status);
    }
  }

  protected endStep(step: StepState, status: StepStatus): void {
    step.status = status;
    step.finishedAt = this.context.now;
    delete step.dueAt;
  }

  protected lease(step: StepState, op: LeaseChange['op'], generation?: number, requestedAt?: number): void {
    this.leases.push({
      op,
      capsuleId: step.capsuleId as string,
      stepId: step.id,
      attempt: step.attempt,
      ...(op !== 'release' && this.run.priority && { priority: this.run.priority }),
      ...(generation !== undefined && { generation }),
      ...(requestedAt !== undefined && { requestedAt }),
    });
  }
}
