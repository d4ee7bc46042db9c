/** Shifts and leases made up for the tests of costs. */
import fc from 'fast-check';
import { splitShift, type Shift } from '../../src/domain/capsule';
import type { WorkedShift } from '../../src/domain/cost/attribute';
import type { LeaseTime } from '../../src/domain/cost/timeline';

/** The beginning of a quarter of an hour. */
export const T0 = Date.UTC(2026, 2, 2, 12);

export const shift = (more: Partial<Shift> = {}): Shift => ({
  capsuleId: 'cap',
  agentId: 'crawler',
  generation: 1,
  requestedAt: T0,
  acceptedAt: T0,
  ...more,
});

let leases = 0;
export const lease = (run: string, grantedAt: number, releasedAt: number, more: Partial<LeaseTime> = {}) => ({
  runId: run,
  stepId: 'step',
  attempt: (leases += 1),
  workflowId: `of-${run}`,
  requestedAt: grantedAt,
  grantedAt,
  releasedAt,
  ...more,
});

/** Closed, its split as the rules of a capsule would make it. */
export function closed(open: Shift, workMs: number, prewarmMs = 0): Shift {
  const split = splitShift(open, workMs);
  return {
    ...open,
    split: { ...split, prewarmMs, lingerMs: split.lingerMs + split.prewarmMs - prewarmMs },
  };
}

const span = fc.nat({ max: 5_400_000 });

/** Any shift of some hours, with leases of a few runs that may overlap, and reach past its ends. */
export const workedShift: fc.Arbitrary<WorkedShift> = fc
  .record({
    start: span,
    boot: span,
    awake: span,
    drain: span,
    died: fc.boolean(),
    prewarm: fc.double({ min: 0, max: 1, noNaN: true }),
    leases: fc.array(
      fc.record({ run: fc.nat({ max: 4 }), step: fc.nat({ max: 1 }), at: span, for: span, waited: span }),
      { maxLength: 8 },
    ),
  })
  .map(({ start, boot, awake, drain, died, prewarm, leases: times }) => {
    const acceptedAt = T0 + start;
    const healthyAt = acceptedAt + boot;
    const scaleDownAt = healthyAt + awake;
    const zeroAt = died ? scaleDownAt : scaleDownAt + drain;
    const worked = times.map((l) =>
      lease(`run-${l.run}`, healthyAt + l.at - 60_000, healthyAt + l.at + l.for, {
        stepId: `step-${l.step}`,
        workflowId: `workflow-${l.run % 2}`,
        requestedAt: healthyAt + l.at - l.waited,
      }),
    );
    const firstWorkAt = Math.min(...worked.map((l) => l.grantedAt));
    const open = shift({
      requestedAt: acceptedAt - 5,
      acceptedAt,
      healthyAt,
      zeroAt,
      ...(!died && { scaleDownAt }),
      ...(worked.length > 0 && { firstWorkAt }),
    });
    const plain = closed(open, busy(worked, healthyAt, scaleDownAt));
    const prewarmMs = Math.floor(prewarm * (plain.split?.lingerMs ?? 0));
    return { shift: closed(open, busy(worked, healthyAt, scaleDownAt), prewarmMs), leases: worked };
  });

/** How long at least one lease was held, found the slow way: by merging intervals. */
export function busy(worked: readonly LeaseTime[], from: number, to: number): number {
  let [total, end] = [0, from];
  for (const { grantedAt, releasedAt } of [...worked].sort((a, b) => a.grantedAt - b.grantedAt)) {
    const [start, stop] = [Math.max(grantedAt, end), Math.min(releasedAt, to)];
    if (stop <= start) continue;
    total += stop - start;
    end = stop;
  }
  return total;
}
