/**
 * What to wake ahead of its work, and when. Pure: from schedules, runs and what was learned to wishes, each
 * with its reason. Durations are milliseconds, times epoch milliseconds.
 */
import { learnedBootMs, quantileOf, type CapsuleState, type WorkFor } from './capsule';
import { needsOf } from './graph';
import { phaseOf, type AgentStep, type StepPlan } from './plan';
import { isTerminal, planOf, type RunState, type StepState } from './run';

export const PREWARM_MODES = ['off', 'schedule', 'pipeline'] as const;
export type PrewarmMode = (typeof PREWARM_MODES)[number];

/** A boot is learned from the acceptance of the scale call; this share of it stands for the call itself. */
const CALL_SHARE = 0.05;
/** Work that is late is waited for as long as a boot takes: no wait costs more than the start it saves. */
const SHORTEST_GRACE_MS = 5_000;
const LONGEST_GRACE_MS = 60_000;

/** A capsule that should be awake before somebody asks for it. */
export interface WarmWish {
  capsuleId: string;
  for: WorkFor;
  /** When to begin to wake it. */
  wakeAt: number;
  /** When the work is expected. */
  expectedAt: number;
  /** When it is no longer waited for. */
  until: number;
  reason: string;
}

/** The capsules of the steps that a run begins with. */
export const firstAgents = (plan: readonly StepPlan[]): string[] => [
  ...new Set(
    plan.flatMap((s) => (s.kind === 'agent' && isFirst(plan, s) && s.when === undefined ? [s.agentId] : [])),
  ),
];

const isFirst = (plan: readonly StepPlan[], step: StepPlan): boolean =>
  phaseOf(step) === 'main' && needsOf(plan, step).length === 0;

/** Every agent that works for a plan, in whatever phase or run of its own. */
export const agentsOf = (plan: readonly StepPlan[]): string[] => [
  ...new Set(
    plan.flatMap((s) => (s.kind === 'agent' ? [s.agentId] : s.kind === 'runs' ? agentsOf(s.steps) : [])),
  ),
];

/** When a capsule has to be woken for work that is expected at a time; undefined while no boot is learned. */
export function wishFor(
  capsule: Pick<CapsuleState, 'id' | 'bootMs' | 'releaseBoots'>,
  what: WorkFor,
  expectedAt: number,
): WarmWish | undefined {
  const p95 = learnedBootMs(capsule, 0.95);
  if (p95 === undefined) return undefined;
  const grace = Math.min(LONGEST_GRACE_MS, Math.max(SHORTEST_GRACE_MS, p95));
  const what95 = `p95 boot ${(p95 / 1_000).toFixed(1)} s`;
  const time = new Date(expectedAt).toISOString().replace(/\.000Z$/, 'Z');
  return {
    capsuleId: capsule.id,
    for: what,
    wakeAt: expectedAt - Math.ceil(p95 * (1 + CALL_SHARE)),
    expectedAt,
    until: expectedAt + grace,
    reason:
      'runId' in what
        ? `step ${what.stepId} of run ${what.runId} expected ${time}, ${what95}`
        : `${what.workflowId} due ${time}, ${what95}`,
  };
}

/** What was learned of a workflow's steps. */
export interface StepTimes {
  /** The median time one attempt takes from its lease to its end, by step. */
  medianMs: ReadonlyMap<string, number>;
}

/**
 * Learns from runs that succeeded. A step that fewer than half of them came to is not known: waking for it
 * would more often be in vain than not.
 */
export function learnSteps(runs: readonly Pick<RunState, 'steps'>[]): StepTimes {
  const samples = new Map<string, number[]>();
  for (const { id, history } of runs.flatMap((run) => run.steps)) {
    const done = history.find((h) => h.outcome === 'success' && h.grantedAt !== undefined);
    if (done) samples.set(id, [...(samples.get(id) ?? []), done.endedAt - (done.grantedAt ?? 0)]);
  }
  const medianMs = new Map<string, number>();
  for (const [id, times] of samples) {
    const median = quantileOf(times, 0.5);
    if (median !== undefined && times.length * 2 >= runs.length) medianMs.set(id, median);
  }
  return { medianMs };
}

/** What is asked about the world beside the run itself. */
export interface Outlook {
  times: StepTimes;
  /** The capsule that serves an agent, as last seen. */
  capsuleOf: (agentId: string) => CapsuleState | undefined;
}

/** The capsules that the steps to come will need, as far as their beginning can be foreseen. */
export function pipelineWishes(run: RunState, outlook: Outlook, now: number): WarmWish[] {
  if (run.status !== 'running' || run.ending) return [];
  const forecast = new Forecast(run, outlook);
  return run.steps.flatMap((step) => {
    const plan = planOf(run, step.id);
    if (step.status !== 'pending' || plan.kind !== 'agent' || phaseOf(plan) !== 'main') return [];
    const capsule = outlook.capsuleOf(plan.agentId);
    if (!capsule || !outlook.times.medianMs.has(step.id)) return [];
    const expectedAt = forecast.startOf(step.id);
    if (!Number.isFinite(expectedAt)) return [];
    const wish = wishFor(capsule, { runId: run.id, stepId: step.id }, expectedAt);
    return wish && now < wish.until ? [wish] : [];
  });
}

/** When steps are expected to begin and to end; infinity where nobody can tell. */
class Forecast {
  private readonly starts = new Map<string, number>();

  constructor(
    private readonly run: RunState,
    private readonly outlook: Outlook,
  ) {}

  startOf(stepId: string): number {
    const known = this.starts.get(stepId);
    if (known !== undefined) return known;
    this.starts.set(stepId, Infinity); // no way round in circles, whatever the plan
    const plan = planOf(this.run, stepId);
    const ends = needsOf(this.run.plan, plan)
      .map((id) => this.endOf(id))
      .sort((a, b) => a - b);
    const start = ends[(plan.atLeast ?? ends.length) - 1] ?? Infinity;
    this.starts.set(stepId, start);
    return start;
  }

  private endOf(stepId: string): number {
    const step = this.run.steps.find((s) => s.id === stepId);
    if (!step) return Infinity;
    const plan = planOf(this.run, stepId);
    if (step.finishedAt !== undefined) return step.finishedAt;
    // Passed over: settled since its own needs were.
    if (step.status === 'skipped') return this.run.startedAt ?? this.run.createdAt;
    if (plan.kind === 'agent') return this.workStart(step, plan) + this.workMs(stepId);
    if (plan.kind !== 'sleep') return Infinity;
    if (step.status === 'parked') return step.dueAt ?? Infinity;
    return 'afterMs' in plan.until ? this.startOf(stepId) + plan.until.afterMs : Infinity;
  }

  /** When an agent has, or will have, the work in hand. */
  private workStart(step: StepState, { agentId }: AgentStep): number {
    if (step.status === 'pending') return this.startOf(step.id);
    if (step.grantedAt !== undefined && step.status !== 'backing-off') return step.grantedAt;
    if (step.status === 'backing-off') return step.dueAt ?? Infinity;
    const capsule = this.outlook.capsuleOf(agentId);
    const asked = step.requestedAt ?? Infinity;
    if (!capsule || capsule.status === 'awake') return asked;
    const booting = capsule.status === 'waking' ? capsule.shift : undefined;
    return (booting?.acceptedAt ?? booting?.requestedAt ?? asked) + (learnedBootMs(capsule, 0.5) ?? Infinity);
  }

  private workMs(stepId: string): number {
    return this.outlook.times.medianMs.get(stepId) ?? Infinity;
  }
}

/** Whether a run still has work for a capsule that was woken for one of its steps. */
export function isAwaited(run: RunState | undefined, stepId: string): boolean {
  if (!run || isTerminal(run.status) || run.ending) return false;
  return run.steps.some((s) => s.id === stepId && s.status === 'pending');
}
