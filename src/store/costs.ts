/**
 * The record's part of costs. What shifts and models cost is booked once each, in one transaction with
 * the mark that it is: two processes that book the same, or one that dies in between, change nothing.
 * The totals outlive the runs; a step's lines go with its run.
 */
import type { WorkedShift } from '../domain/cost/attribute';
import type { Booking, StepLine, Stray, UsageReport } from '../domain/cost/booking';
import type { CostGroup, CostTotal } from '../domain/cost/report';
import type { Shift } from '../domain/capsule';

/** Leases read of one shift; what more there were is shared by these. */
export const MAX_LEASES_OF_SHIFT = 200_000;

export interface CostStore {
  /** Closed shifts that are not booked, and on which nobody holds a lease any more, oldest first. */
  unbookedShifts(limit: number): Promise<WorkedShift[]>;
  /** Books a shift, unless it is booked already. Answers whether it was booked now. */
  bookShift(shift: Pick<Shift, 'capsuleId' | 'generation'>, booking: Booking): Promise<boolean>;
  /** Results that report usage of models and are not booked, oldest first. */
  unbookedUsage(limit: number): Promise<UsageReport[]>;
  /** Books what a result reported, unless it is booked already. */
  bookUsage(
    result: Pick<UsageReport, 'runId' | 'stepId' | 'attempt' | 'counted'>,
    booking: Booking,
  ): Promise<boolean>;
  /**
   * Totals of quarters that begin in `[bounds[0], bounds.at(-1))`.
   * @param bounds ascending, two at least; by day the n-th pair of neighbours is day n
   */
  costTotals(by: CostGroup, bounds: readonly number[]): Promise<CostTotal[]>;
  /** When the first quarter began of which anything is on record. */
  firstCost(): Promise<number | undefined>;
  /** What the steps of some runs cost; what runs of a step's own cost is that step's. */
  stepCosts(runIds: readonly string[]): Promise<StepLine[]>;
  /** Notes replicas that nobody asked for, unless some of the capsule are noted and not over. */
  noteStray(stray: Stray): Promise<void>;
  /** Those whose end is not known. */
  openStrays(limit: number): Promise<Stray[]>;
  /** Ends a stray and books it, unless that is done already. */
  bookStray(stray: Pick<Stray, 'capsuleId' | 'foundAt'>, endedAt: number, booking: Booking): Promise<boolean>;
  /** Found in `[from, to)`, newest first. */
  strays(from: number, to: number, limit: number): Promise<Stray[]>;
}
