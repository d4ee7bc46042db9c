/**
 * Whose seconds a shift's are. Work goes by lease times, divided evenly while several are at work; boot
 * and prewarming to the step that asked first; linger and drain to the shift's steps in proportion to
 * their work. A shift without work is nobody's: its agent's alone. All parts add up to the shift's.
 */
import type { Shift, ShiftSplit } from '../capsule';
import { apportion } from './apportion';
import { NOTHING, type Milliseconds } from './figures';
import { clamp, clip, timeline, type Interval, type LeaseTime } from './timeline';

export interface WorkedShift {
  shift: Shift;
  /** Every lease that was held in it. */
  leases: readonly LeaseTime[];
}

export interface StepShare {
  runId: string;
  stepId: string;
  workflowId: string;
  ms: Milliseconds;
}

/** The stretches of a shift, one after the other. */
export interface Stretches {
  boot: Interval;
  awake: Interval;
  drain: Interval;
}

export function stretchesOf(shift: Shift): Stretches {
  const accepted = shift.acceptedAt ?? shift.requestedAt;
  const end = Math.max(accepted, shift.zeroAt ?? accepted);
  const down = clamp(shift.scaleDownAt ?? end, accepted, end);
  const healthy = clamp(shift.healthyAt ?? down, accepted, down);
  return {
    boot: { from: accepted, to: healthy },
    awake: { from: healthy, to: down },
    drain: { from: down, to: end },
  };
}

/** Where a closed shift's milliseconds went. */
export const millisecondsOf = ({ split }: Shift): Milliseconds => ({
  ...NOTHING,
  ...(split as (ShiftSplit & Partial<Milliseconds>) | undefined),
});

/** One share for each step that worked in the shift; none where nobody did. */
export function attribute({ shift, leases }: WorkedShift): StepShare[] {
  const { awake } = stretchesOf(shift);
  const { share } = timeline(leases, awake, []);
  const steps = new Map<string, StepShare & { weight: number; asked: LeaseTime }>();
  for (const lease of leases) {
    const { runId, stepId, workflowId } = lease;
    const weight = share(clip({ from: lease.grantedAt, to: lease.releasedAt }, awake));
    const known = steps.get(`${runId}/${stepId}`);
    const asked = known && !isBefore(lease, known.asked) ? known.asked : lease;
    const step = {
      runId,
      stepId,
      workflowId,
      ms: { ...NOTHING },
      weight: (known?.weight ?? 0) + weight,
      asked,
    };
    steps.set(`${runId}/${stepId}`, step);
  }
  const all = [...steps.values()];
  return all.length === 0 ? [] : divide(all, millisecondsOf(shift));
}

function divide(
  steps: ReadonlyArray<StepShare & { weight: number; asked: LeaseTime }>,
  total: Milliseconds,
): StepShare[] {
  const first = steps.reduce((a, b) => (isBefore(b.asked, a.asked) ? b : a));
  const work = apportion(
    total.workMs,
    steps.map((s) => s.weight),
  );
  const [linger, drain] = [apportion(total.lingerMs, work), apportion(total.drainMs, work)];
  return steps.map((step, i) => ({
    runId: step.runId,
    stepId: step.stepId,
    workflowId: step.workflowId,
    ms: {
      bootMs: step === first ? total.bootMs : 0,
      prewarmMs: step === first ? total.prewarmMs : 0,
      workMs: work[i] as number,
      lingerMs: linger[i] as number,
      drainMs: drain[i] as number,
    },
  }));
}

/** In the order in which they asked, as the line is served. */
const isBefore = (a: LeaseTime, b: LeaseTime): boolean =>
  a.requestedAt !== b.requestedAt
    ? a.requestedAt < b.requestedAt
    : a.grantedAt !== b.grantedAt
      ? a.grantedAt < b.grantedAt
      : a.runId < b.runId;
