/**
 * When a shift's seconds were: spread over quarters of an hour, of which the days of every time zone
 * in use are made.
 */
import type { Shift } from '../capsule';
import { apportion } from './apportion';
import { stretchesOf, type StepShare, type Stretches, type WorkedShift } from './attribute';
import { KINDS, NOTHING, type Kind, type Milliseconds } from './figures';
import { clip, overlap, timeline, type Interval, type LeaseTime, type Timeline } from './timeline';

export const QUARTER_MS = 15 * 60_000;

export const quarterOf = (at: number): number => Math.floor(at / QUARTER_MS) * QUARTER_MS;

export interface QuarterShare {
  /** When the quarter begins, epoch milliseconds. */
  quarter: number;
  workflowId: string;
  ms: Milliseconds;
}

/** Each workflow's part of a shift by quarters; what is nobody's has no workflow. */
export function spread(
  worked: WorkedShift,
  steps: readonly StepShare[],
  unattributed: Milliseconds,
): QuarterShare[] {
  const stretches = stretchesOf(worked.shift);
  const quarters = quartersOf(stretches);
  const line = timeline(
    worked.leases,
    stretches.awake,
    quarters.flatMap((q) => boundsIn(q, stretches.awake)),
  );
  const scene = { worked, stretches, quarters, line };
  return [...byWorkflow(steps, unattributed)].flatMap(([workflowId, ms]) => {
    const leases = worked.leases.filter((l) => l.workflowId === workflowId);
    const parts = KINDS.map((kind) => apportion(ms[kind], weights(scene, kind, leases)));
    return quarters.flatMap(({ from }, i) => {
      const part = { ...NOTHING };
      for (const [k, kind] of KINDS.entries()) part[kind] = parts[k]?.[i] ?? 0;
      return KINDS.some((kind) => part[kind] > 0) ? [{ quarter: from, workflowId, ms: part }] : [];
    });
  });
}

interface Scene {
  worked: WorkedShift;
  stretches: Stretches;
  quarters: readonly Interval[];
  line: Timeline;
}

/** How much of a kind fell into each quarter. */
function weights(scene: Scene, kind: Kind, leases: readonly LeaseTime[]): number[] {
  const { stretches, quarters, line, worked } = scene;
  const { boot, awake, drain } = stretches;
  switch (kind) {
    case 'bootMs':
      return quarters.map((q) => overlap(q, boot));
    case 'drainMs':
      return quarters.map((q) => overlap(q, drain));
    case 'prewarmMs':
      return quarters.map((q) => overlap(q, { from: awake.from, to: warmUntil(worked.shift, awake) }));
    case 'lingerMs':
      return quarters.map((q) => {
        const part = clip(q, awake);
        return overlap(q, awake) - line.busy(part);
      });
    case 'workMs':
      return workWeights(scene, leases);
  }
}

/** By lease, each looked at in its own quarters only. */
function workWeights({ stretches, quarters, line }: Scene, leases: readonly LeaseTime[]): number[] {
  const sums = quarters.map(() => 0);
  const first = quarters[0]?.from ?? 0;
  for (const { grantedAt, releasedAt } of leases) {
    const time = clip({ from: grantedAt, to: releasedAt }, stretches.awake);
    const last = Math.floor((time.to - first) / QUARTER_MS);
    for (let i = Math.floor((time.from - first) / QUARTER_MS); i <= last && i < sums.length; i += 1) {
      sums[i] = (sums[i] ?? 0) + line.share(clip(time, quarters[i] as Interval));
    }
  }
  return sums;
}

const warmUntil = ({ firstWorkAt }: Shift, { to }: Interval): number => Math.min(to, firstWorkAt ?? to);

function quartersOf({ boot, drain }: Stretches): Interval[] {
  const quarters: Interval[] = [];
  for (let from = quarterOf(boot.from); from <= Math.max(boot.from, drain.to - 1); from += QUARTER_MS) {
    quarters.push({ from, to: from + QUARTER_MS });
  }
  return quarters;
}

const boundsIn = (quarter: Interval, awake: Interval): number[] =>
  Object.values(clip(quarter, awake)) as number[];

function byWorkflow(steps: readonly StepShare[], unattributed: Milliseconds): Map<string, Milliseconds> {
  const sums = new Map<string, Milliseconds>();
  for (const { workflowId, ms } of [...steps, { workflowId: '', ms: unattributed }]) {
    const sum = { ...(sums.get(workflowId) ?? NOTHING) };
    for (const kind of KINDS) sum[kind] += ms[kind];
    sums.set(workflowId, sum);
  }
  return sums;
}
