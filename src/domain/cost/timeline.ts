/** Who worked when in a shift, and how time with several at work is divided among them. */

/** One lease, from its grant to its release. Times are epoch milliseconds. */
export interface LeaseTime {
  runId: string;
  stepId: string;
  attempt: number;
  /** Empty when the run is not on record any more. */
  workflowId: string;
  requestedAt: number;
  grantedAt: number;
  releasedAt: number;
}

export interface Interval {
  from: number;
  to: number;
}

export interface Timeline {
  /** A lease's share of the time between two moments of the timeline: 1/n of it while n are at work. */
  readonly share: (interval: Interval) => number;
  /** How long anybody was at work between two moments of the timeline. */
  readonly busy: (interval: Interval) => number;
}

/**
 * @param within the leases' part that counts
 * @param moments further moments that will be asked for
 */
export function timeline(
  leases: readonly LeaseTime[],
  within: Interval,
  moments: readonly number[],
): Timeline {
  const change = new Map<number, number>();
  const at = (time: number, by: number) => change.set(time, (change.get(time) ?? 0) + by);
  for (const time of [within.from, within.to, ...moments]) at(time, 0);
  for (const lease of leases) {
    const { from, to } = clip({ from: lease.grantedAt, to: lease.releasedAt }, within);
    at(from, 1);
    at(to, -1);
  }
  // Both integrals at every moment, so that any number of leases costs no more than sorting them.
  const integrals = new Map<number, { share: number; busy: number }>();
  let [share, busy, working, before] = [0, 0, 0, 0];
  for (const [time, by] of [...change].sort(([a], [b]) => a - b)) {
    if (working > 0) {
      share += (time - before) / working;
      busy += time - before;
    }
    integrals.set(time, { share, busy });
    working += by;
    before = time;
  }
  const between = ({ from, to }: Interval, what: 'share' | 'busy'): number => {
    const [start, end] = [integrals.get(from), integrals.get(to)];
    if (!start || !end) throw new RangeError(`not a moment of the timeline: ${start ? to : from}`);
    return Math.max(0, end[what] - start[what]);
  };
  return { share: (i) => between(i, 'share'), busy: (i) => between(i, 'busy') };
}

/** The part of an interval that lies within another; empty, at one of its ends, where none does. */
export function clip({ from, to }: Interval, within: Interval): Interval {
  const start = clamp(from, within.from, within.to);
  return { from: start, to: Math.max(start, clamp(to, within.from, within.to)) };
}

export const length = ({ from, to }: Interval): number => to - from;

export const overlap = (a: Interval, b: Interval): number =>
  Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from));

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);
