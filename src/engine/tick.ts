/**
 * Decides scheduled times. Whoever hears of a tick (the queue, the sweeper, a start after downtime)
 * asks the same question: which times of this schedule are due and not decided yet? The record
 * lets each be decided once.
 */
import { placedTicks } from '../domain/placement';
import {
  MAX_DUE_TICKS,
  MAX_QUEUED_RUNS,
  overlapDecision,
  TICK_REASONS,
  type TickDecision,
} from '../domain/schedule';
import type { Workflow } from '../registry';
import type { Tick } from '../store/store';
import type { EngineDeps } from './context';
import type { Guards } from './guards';
import type { Runs } from './runs';
import type { Timetable } from './timetable';
import type { Triggers } from './trigger';

/** Open runs looked at when a tick overlaps with them: as many as may queue, and those under way. */
const MAX_OPEN = MAX_QUEUED_RUNS + 100;

const OVERLAP_REASONS = {
  idle: '',
  'overlap-allowed': 'beside a run that is still under way',
  'active-run': 'a run of this workflow is still under way',
  'behind-active-run': 'queued behind a run that is still under way',
  'queue-full': `${MAX_QUEUED_RUNS} runs of this workflow are queued already`,
  'replaces-active-run': 'replaces a run that was still under way',
} as const;

export class Ticker {
  /** Since when each schedule is known: earlier times were never promised. */
  private readonly knownSince = new Map<string, number>();

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly triggers: Triggers,
    private readonly timetable: Timetable,
    private readonly guards: Pick<Guards, 'known'>,
  ) {}

  knows(workflowId: string, since: number): void {
    this.knownSince.set(workflowId, since);
  }

  /**
   * Decides every due time of a workflow's schedule. Answers when one begins that is due and uses its slack, if
   * any does.
   */
  async tick(workflowId: string): Promise<number | undefined> {
    const workflow = this.deps.registry.findWorkflow(workflowId);
    if (!workflow?.schedule) return undefined;
    const since = this.knownSince.get(workflowId) ?? this.deps.clock.now();
    const last = Math.max(since, (await this.deps.store.lastTick(workflowId)) ?? 0);
    const { due, heldUntil } = placedTicks(workflow.schedule, last, this.deps.clock.now(), (tick) =>
      this.timetable.placeOf(workflowId, tick),
    );
    for (const decision of due) await this.decide(workflow, decision);
    // A long downtime leaves more than one batch; each call decides some, so this ends.
    return due.length >= MAX_DUE_TICKS ? this.tick(workflowId) : heldUntil;
  }

  /** Lets the oldest queued run of a workflow begin once no run of it is under way. */
  async release(workflowId: string): Promise<void> {
    // Only a schedule queues runs: without one, the end of a run costs no look at the others.
    if (!this.deps.registry.findWorkflow(workflowId)?.schedule) return;
    const open = await this.deps.store.openRuns(workflowId, MAX_OPEN);
    const next = open.find((r) => r.status === 'queued');
    if (!next || open.some((r) => r.status === 'running')) return;
    // One that stands in a line of flow control is let go from there.
    if (!(await this.runs.get(next.id))?.state.flow) await this.runs.apply(next.id, { type: 'start' });
  }

  private async decide(workflow: Workflow, decision: TickDecision): Promise<void> {
    const why = TICK_REASONS[decision.reason];
    if (decision.action === 'skip') return this.skip(workflow.id, decision, why);
    const open = await this.deps.store.openRuns(workflow.id, MAX_OPEN);
    const queued = open.filter((r) => r.status === 'queued').length;
    const overlap = overlapDecision(workflow.schedule?.overlap ?? 'skip', open.length - queued, queued);
    const overlapping = OVERLAP_REASONS[overlap.reason];
    if (overlap.action === 'skip') return this.skip(workflow.id, decision, overlapping);
    const { scheduledFor } = decision;
    const run = this.triggers.newRun(workflow, { kind: 'schedule', scheduledFor });
    const held = this.guards.known({ workflowId: workflow.id });
    const reason = [why, overlapping, held.verdict === 'proceed' ? '' : `held: ${held.reason}`]
      .filter((part) => part !== '')
      .join('; ');
    const tick = this.row(workflow.id, decision, 'fired', reason, run.id);
    const committed = await this.runs.create(
      run,
      { ...workflow.input },
      {
        actor: 'schedule',
        tick,
        hold: overlap.action === 'queue',
      },
    );
    if (!committed.ok || overlap.action !== 'replace') return;
    for (const { id } of open) {
      await this.runs.apply(
        id,
        { type: 'cancel', reason: `replaced by run ${run.id}` },
        { actor: 'schedule' },
      );
    }
  }

  private async skip(workflowId: string, decision: TickDecision, reason: string): Promise<void> {
    const at = this.deps.clock.now();
    const { scheduledFor } = decision;
    await this.deps.store.commit({
      at,
      tick: this.row(workflowId, decision, 'skipped', reason),
      ledger: [
        {
          at,
          actor: 'schedule',
          action: 'tick.skipped',
          entity: 'tick',
          id: `${workflowId}@${scheduledFor}`,
          set: { action: 'skipped' },
          reason,
        },
      ],
    });
  }

  private row(
    workflowId: string,
    decision: TickDecision,
    action: Tick['action'],
    reason: string,
    runId?: string,
  ): Tick {
    const { scheduledFor, lateMs } = decision;
    const decidedAt = this.deps.clock.now();
    return {
      workflowId,
      scheduledFor,
      action,
      reason,
      lateMs,
      decidedAt,
      ...(runId !== undefined && { runId }),
    };
  }
}
