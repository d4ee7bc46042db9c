/**
 * Why a run does not move: one sentence with what it waits for, and what lets it go on. Pure: everything
 * that is told comes from the record.
 */
import { memoId } from '../approval/compose';
import type { CapsuleState } from '../capsule';
import { CHILD_STATES, countOf } from '../children';
import { isTerminal, planOf, type RunState, type StepState } from '../run';
import { admission, type FlowUse } from './admission';
import { gateText, rateText, runsText, timeText as at } from './words';

/** A capsule as it concerns one step that waits for it. */
export interface CapsuleSeen {
  state: CapsuleState;
  slots: number;
  holders: ReadonlyArray<{ runId: string; stepId: string; deadline?: number }>;
  /** Steps that come before this one, the next first. */
  ahead: ReadonlyArray<{ runId: string; stepId: string }>;
}

/** What is known beside the run; what concerns it not may be missing. */
export interface WhySeen {
  now: number;
  /** By step. */
  capsules: ReadonlyMap<string, CapsuleSeen>;
  /** Of a run that waits to start. */
  use: FlowUse;
  /** Runs under way, by gate. */
  underWay: ReadonlyMap<string, readonly string[]>;
  /** Runs of the same workflow that are under way. */
  active: readonly string[];
  /** Runs that work for a step, those that are not over, by step. */
  children: ReadonlyMap<string, readonly string[]>;
  /** The keys of the events that steps wait for, by step; empty for any. */
  keys: ReadonlyMap<string, string>;
  /** What a guard says that holds a step which waits for its agent, by step. */
  held?: ReadonlyMap<string, string>;
}

/** Null while it moves, and once it is over. */
export function why(run: RunState, seen: WhySeen): string | null {
  if (isTerminal(run.status)) return null;
  if (run.status === 'queued') return whyQueued(run, seen);
  const underWay = run.steps.filter((s) => WAITING.has(s.status));
  const words = underWay.map((step) => whyStep(run, step, seen));
  const [first] = words;
  if (words.includes(null)) return null;
  if (!first) return `no step of run ${run.id} is under way; ${LOOKED_AFTER}`;
  const more = words.length - 1;
  return more === 0 ? first : `${first}; ${more} more ${more === 1 ? 'step waits' : 'steps wait'} beside it`;
}

const WAITING: ReadonlySet<string> = new Set(['waiting', 'dispatching', 'running', 'parked', 'backing-off']);
const LOOKED_AFTER = 'the sweeper takes it up within seconds';

function whyQueued(run: RunState, seen: WhySeen): string {
  const { flow, workflowId } = run;
  if (!flow) {
    if (seen.active.length === 0) return `queued: nothing is before run ${run.id}; ${LOOKED_AFTER}`;
    const them = runsText(seen.active);
    return `queued: its schedule lets one run of workflow ${workflowId} work at a time, and ${them} is under way; it starts when that ends`;
  }
  const verdict = admission(flow, seen.use, seen.now);
  if ('gate' in verdict) {
    const { gate } = verdict;
    const runs = seen.underWay.get(gate.id) ?? [];
    const held = seen.use.held.get(gate.id) ?? runs.length;
    const full = `queued: ${held} of ${gateText(gate)} ${held === 1 ? 'is' : 'are'} under way (${runsText(runs)})`;
    if (verdict.admit === 'skip') return `${full}; it is skipped, as its workflow asks, within seconds`;
    if (verdict.admit === 'replace')
      return `${full}; the oldest is cancelled, and it starts when that has ended`;
    return `${full}; it starts when one of them ends and its turn comes`;
  }
  if ('rate' in verdict) {
    const { rate, until } = verdict;
    return `queued: ${rateText(rate, workflowId)} have started already; it may start at ${at(until)}, when its turn comes`;
  }
  if ('until' in verdict) {
    return `queued: run ${run.id} is put off (debounce) until ${at(verdict.until)}; it starts then, unless another takes its place`;
  }
  return `queued: nothing holds run ${run.id}; it starts when its turn in workflow ${workflowId} comes, and ${LOOKED_AFTER}`;
}

/** Null while an agent is at it. */
function whyStep(run: RunState, step: StepState, seen: WhySeen): string | null {
  switch (step.status) {
    case 'waiting':
      return whyWaiting(step, seen);
    case 'dispatching':
      return whySending(step);
    case 'running': {
      if (!step.silentChecks) return null;
      const times = step.silentChecks === 1 ? 'once' : `${step.silentChecks} times`;
      return `step ${step.id}: the agent on ${step.capsuleId} was asked how it stands and did not answer, ${times}; it is asked again at ${at(step.dueAt)}, and its result still counts`;
    }
    case 'backing-off': {
      const { message = 'its attempt failed' } = step.error ?? {};
      return `step ${step.id}: attempt ${step.attempt} failed (${message}); the next begins at ${at(step.dueAt)}`;
    }
    default:
      return whyParked(run, step, seen);
  }
}

function whySending(step: StepState): string | null {
  if ((step.sends ?? 0) < 2) return null;
  return `step ${step.id}: the agent on ${step.capsuleId} did not take its job, sent ${step.sends} times; it is sent again at ${at(step.dueAt)}`;
}

function whyWaiting({ id, capsuleId = '', dueAt, failover }: StepState, seen: WhySeen): string {
  const instead = failover ? ` (in place of ${failover.capsuleId}: ${failover.reason})` : '';
  const waits = `step ${id} waits for ${capsuleId}${instead}`;
  const held = seen.held?.get(id);
  if (held !== undefined) return `${waits}: ${held}`;
  const given = `it is given up at ${at(dueAt)}`;
  const capsule = seen.capsules.get(id);
  if (!capsule) return `${waits}, which this installation does not have; ${given}`;
  const { state, slots, holders, ahead } = capsule;
  switch (state.status) {
    case 'waking': {
      const since = state.shift ? ` since ${at(state.shift.requestedAt)}` : '';
      return `${waits}, which is waking${since}; it goes on when its agent answers, or the wake is given up at ${at(state.wakeDeadline)}`;
    }
    case 'asleep':
    case 'draining':
      return `${waits}, ${notAwake(state)}`;
    case 'awake': {
      if (holders.length >= slots) return `${waits}: ${whyFull(holders, slots)}`;
      const [next] = ahead;
      if (!next) return `${waits}, which has a free slot; ${LOOKED_AFTER}`;
      const line = ahead.length === 1 ? 'step' : `${ahead.length} steps`;
      return `${waits}: ${line} in line before it (first: step ${next.stepId} of run ${next.runId}); it goes on when those had a slot`;
    }
  }
}

function notAwake({ status, retryWakeAt, lastError }: CapsuleState): string {
  if (retryWakeAt !== undefined) {
    return `whose last wake failed (${lastError ?? 'no reason known'}); it is woken again at ${at(retryWakeAt)}`;
  }
  return status === 'draining'
    ? 'which is being put to sleep; it is woken once it is seen asleep'
    : `which is asleep; ${LOOKED_AFTER}`;
}

function whyFull(holders: CapsuleSeen['holders'], slots: number): string {
  const runs = runsText(holders.map((h) => h.runId));
  const deadlines = holders.flatMap((h) => (h.deadline === undefined ? [] : [h.deadline]));
  const until = deadlines.length === 0 ? '' : `, or at ${at(Math.min(...deadlines))} when its time is over`;
  const steps = holders.length === 1 ? `step ${holders[0]?.stepId} ends` : 'one of their steps ends';
  return `${holders.length} of ${slots} ${slots === 1 ? 'slot' : 'slots'} held by ${runs}; it is released when ${steps}${until}`;
}

function whyParked(run: RunState, step: StepState, seen: WhySeen): string {
  const plan = planOf(run, step.id);
  const { id } = step;
  const until = step.deadline === undefined ? '' : ` until ${at(step.deadline)}`;
  switch (plan.kind) {
    case 'sleep':
      return `step ${id} sleeps until ${at(step.dueAt)}, when it ends by itself`;
    case 'event': {
      const key = seen.keys.get(id) ?? '';
      const which = key === '' ? 'of any key' : `with key ${JSON.stringify(key)}`;
      return `step ${id} waits for event ${plan.event} ${which}${until}; POST /events releases it`;
    }
    case 'approval':
      return `step ${id} waits for a person's decision ("${plan.title}")${until}; reveille approve ${memoId(run.id, id, step.attempt)} releases it`;
    case 'runs':
      return whyChildren(step, seen, until);
    case 'agent':
      return step.memo
        ? `step ${id} waits for a person's decision ("${step.memo.title}")${until}; reveille approve ${step.memo.id} releases it`
        : `step ${id} is parked; ${LOOKED_AFTER}`;
  }
}

function whyChildren({ id, children = '' }: StepState, seen: WhySeen, until: string): string {
  const left = countOf(children, CHILD_STATES.open) + countOf(children, CHILD_STATES.running);
  if (left === 0) return `step ${id} gathers what its ${children.length} runs delivered; ${LOOKED_AFTER}`;
  const [first] = seen.children.get(id) ?? [];
  const which = first === undefined ? 'they are being made' : `first: run ${first}`;
  return `step ${id} waits for ${left} of ${children.length} runs (${which})${until}; it goes on when they are over`;
}
