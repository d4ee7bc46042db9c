/**
 * The circuit breaker of one agent. Closed: work goes on, and is counted. Open: nothing is begun until a time.
 * Half-open: one task is tried, and decides. Pure; the record claims the trial (`015_breakers.sql`).
 */
import type { BreakerRules } from './rules';

/** The one that works, and a candidate. */
const RELEASES_AT_ONCE = 2;

export const BREAKER_STATUSES = ['closed', 'open', 'half-open'] as const;
export type BreakerStatus = (typeof BREAKER_STATUSES)[number];

/** Which attempt: the one that is tried, the one that ended. */
export interface TaskRef {
  runId: string;
  stepId: string;
  attempt: number;
}

/** An attempt that ended, as far as it tells about its agent. */
export interface Task {
  at: number;
  ok: boolean;
  costUsd: number;
  /** A person had to help. */
  intervened: boolean;
  /** What did it, where the agent has releases: rates and averages are those of one. */
  releaseId?: string;
}

export interface BreakerState {
  agentId: string;
  /** The release that did the last of its work, or that the agent names, where there is one. */
  releaseId?: string;
  status: BreakerStatus;
  /** The window, oldest first. */
  tasks: Task[];
  /** Failed in a row until now. */
  failures: number;
  /** Opened in a row, without a trial that went well in between. */
  trips: number;
  /** Why it opened. */
  reason?: string;
  openedAt?: number;
  /** While it is open: when it lets one task through. */
  until?: number;
  /** While it is half-open: the one task. */
  trial?: TaskRef;
}

export type BreakerEvent =
  | { type: 'task'; task: Task; ref: TaskRef; releaseId?: string }
  /** The clock: it has been open long enough. */
  | { type: 'due' }
  /** The task that was tried came to no verdict: it was cancelled, or nobody knows of it any more. */
  | { type: 'trial-void'; ref: TaskRef }
  /** A person says that it is well again, or what opened it was taken back. */
  | { type: 'reset' };

export const closedBreaker = (agentId: string): BreakerState => ({
  agentId,
  status: 'closed',
  tasks: [],
  failures: 0,
  trips: 0,
});

/** What it becomes; the same object where nothing changes. */
export function decideBreaker(
  state: BreakerState,
  event: BreakerEvent,
  rules: BreakerRules,
  now: number,
): BreakerState {
  switch (event.type) {
    case 'reset':
      return isPristine(state) ? state : closedBreaker(state.agentId);
    case 'due':
      return state.status === 'open' && now >= (state.until ?? 0) ? halfOpen(state) : state;
    case 'trial-void':
      return isTrial(state, event.ref) ? withoutTrial(state) : state;
    case 'task':
      return afterTask(state, event, rules, now);
  }
}

/** Nothing is known of it that would have to be kept. */
export const isPristine = ({ status, tasks, failures }: BreakerState): boolean =>
  status === 'closed' && tasks.length === 0 && failures === 0;

export const isSameTask = (a: TaskRef, b: TaskRef): boolean =>
  a.runId === b.runId && a.stepId === b.stepId && a.attempt === b.attempt;

const isTrial = ({ status, trial }: BreakerState, ref: TaskRef): boolean =>
  status === 'half-open' && trial !== undefined && isSameTask(trial, ref);

function afterTask(
  before: BreakerState,
  { task, ref, releaseId }: Extract<BreakerEvent, { type: 'task' }>,
  rules: BreakerRules,
  now: number,
): BreakerState {
  // What was begun before it opened tells nothing new.
  if (before.status === 'open') return before;
  if (before.status === 'half-open') {
    const bad = badTask(task, rules);
    if (isTrial(before, ref))
      return bad === undefined
        ? closedBreaker(before.agentId)
        : opened(before, `the trial failed: ${bad}`, rules, now);
    // A wake that fails has nobody to try: it is a verdict, too.
    return before.trial === undefined && !task.ok
      ? opened(before, 'the trial failed: no task could be begun', rules, now)
      : before;
  }
  const { minTasks } = rules;
  const keeps = hasWindow(rules);
  const mine = { ...task, ...(releaseId !== undefined && { releaseId }) };
  const state: BreakerState = {
    ...before,
    ...(releaseId !== undefined && { releaseId }),
    tasks: keeps ? windowOf([...before.tasks, mine], rules, now) : [],
    failures: task.ok ? 0 : before.failures + 1,
  };
  if (isPristine(before) && isPristine(state)) return before;
  const window = state.tasks.filter((each) => each.releaseId === releaseId);
  const reason =
    (state.failures >= rules.consecutiveFailures ? `${state.failures} tasks in a row failed` : undefined) ??
    (window.length >= minTasks ? badWindow(window, rules) : undefined);
  return reason === undefined ? state : opened(state, reason, rules, now);
}

/** Without a rate or an average to judge, the failures in a row are all that has to be kept. */
export const hasWindow = ({ errorRate, costPerTaskUsd, interventionRate }: BreakerRules): boolean =>
  errorRate !== undefined || costPerTaskUsd !== undefined || interventionRate !== undefined;

/** Of each release its last tasks, as two may work beside each other; of more than that the newest. */
function windowOf(tasks: Task[], { windowTasks, windowMinutes }: BreakerRules, now: number): Task[] {
  const counts = new Map<string | undefined, number>();
  const isLast = ({ releaseId }: Task) => {
    const count = (counts.get(releaseId) ?? 0) + 1;
    counts.set(releaseId, count);
    return count <= windowTasks;
  };
  const recent = tasks.filter(({ at }) => at > now - windowMinutes * 60_000);
  return recent
    .reverse()
    .filter(isLast)
    .slice(0, windowTasks * RELEASES_AT_ONCE)
    .reverse();
}

function badWindow(tasks: readonly Task[], rules: BreakerRules): string | undefined {
  const { errorRate, costPerTaskUsd, interventionRate } = rules;
  const count = tasks.length;
  const failed = tasks.filter((t) => !t.ok).length;
  if (errorRate !== undefined && failed / count > errorRate)
    return `${failed} of the last ${count} tasks failed, more than ${percent(errorRate)}`;
  const helped = tasks.filter((t) => t.intervened).length;
  if (interventionRate !== undefined && helped / count > interventionRate)
    return `${helped} of the last ${count} tasks needed a person, more than ${percent(interventionRate)}`;
  const average = tasks.reduce((sum, t) => sum + t.costUsd, 0) / count;
  if (costPerTaskUsd !== undefined && average > costPerTaskUsd)
    return `the last ${count} tasks cost ${usd(average)} each on average, more than ${usd(costPerTaskUsd)}`;
  return undefined;
}

/** What speaks against an agent in its one task on trial. */
function badTask({ ok, costUsd, intervened }: Task, rules: BreakerRules): string | undefined {
  if (!ok) return 'its task failed';
  if (rules.interventionRate !== undefined && intervened) return 'its task needed a person';
  if (rules.costPerTaskUsd !== undefined && costUsd > rules.costPerTaskUsd)
    return `its task cost ${usd(costUsd)}`;
  return undefined;
}

function opened(state: BreakerState, reason: string, rules: BreakerRules, now: number): BreakerState {
  const seconds = Math.min(
    rules.openSeconds * 2 ** Math.min(state.trips, 30),
    Math.max(rules.openSeconds, rules.maxOpenSeconds),
  );
  return {
    ...withoutTrial(state),
    status: 'open',
    tasks: [],
    failures: 0,
    trips: state.trips + 1,
    reason,
    openedAt: now,
    until: now + seconds * 1_000,
  };
}

function halfOpen({ until: _, ...state }: BreakerState): BreakerState {
  return { ...state, status: 'half-open' };
}

function withoutTrial({ trial: _, ...state }: BreakerState): BreakerState {
  return state;
}

const percent = (of: number): string => `${Math.round(of * 1_000) / 10} %`;
const usd = (amount: number): string => `${Number(amount.toPrecision(6))} US dollars`;
