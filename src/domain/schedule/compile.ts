/** The schedule compiler: everything that can be said of a schedule before it fires. */
import { clockChanges, clockChangeText, type ClockChange } from './clock-changes';
import { describe } from './describe';
import {
  forecastCost,
  forecastOverlaps,
  overlapText,
  type AgentForecast,
  type AgentSeconds,
  type CostForecast,
  type OverlapForecast,
} from './forecast';
import type { Schedule } from './schema';
import { nextTicks } from './ticks';

const YEAR_MS = 366 * 24 * 3_600_000;
const NEXT_TICKS = 5;
/** Remarks of one kind in words; the rest is counted. */
const MAX_REMARKS = 6;

/** What is known, or assumed, of the runs. */
export interface KnownRuns {
  /** How long a run takes: in the middle, and in the worst of twenty. Milliseconds. */
  readonly durations?: { readonly p50Ms: number; readonly p95Ms: number };
  readonly agents?: readonly AgentSeconds[];
}

export interface CompiledSchedule {
  readonly words: string;
  /** Epoch ms. */
  readonly next: readonly number[];
  /** Of the next year. */
  readonly clockChanges: ReadonlyArray<ClockChange & { readonly text: string }>;
  /** Absent while it is not known how long runs take. */
  readonly overlaps?: { readonly p50: OverlapForecast; readonly p95: OverlapForecast };
  readonly cost?: CostForecast & { readonly formulas: readonly string[] };
  /** What a person should know, a sentence each: clock changes, overlaps, capsules that never sleep. */
  readonly remarks: readonly string[];
}

/** @throws RangeError when the schedule is invalid: validate it first */
export function compileSchedule(schedule: Schedule, known: KnownRuns, now: number): CompiledSchedule {
  const changes = clockChanges(schedule, now, now + YEAR_MS).map((change) => ({
    ...change,
    text: clockChangeText(schedule.timezone, change),
  }));
  const { durations, agents } = known;
  const overlaps = durations && {
    p50: forecastOverlaps(schedule, durations.p50Ms, now),
    p95: forecastOverlaps(schedule, durations.p95Ms, now),
  };
  const cost = agents && forecastCost(schedule, agents, now);
  return {
    words: describe(schedule),
    next: nextTicks(schedule, now, NEXT_TICKS),
    clockChanges: changes,
    ...(overlaps && { overlaps }),
    ...(cost && { cost: { ...cost, formulas: cost.agents.map((a) => formula(cost.runsPerMonth, a)) } }),
    remarks: [
      ...firstOf(changes.map(({ text }) => text)),
      ...(overlaps ? overlapRemarks(schedule, overlaps) : []),
      ...(cost?.agents ?? []).filter((a) => a.alwaysOn).map(alwaysOnText),
    ],
  };
}

function firstOf(texts: readonly string[]): string[] {
  const more = texts.length - MAX_REMARKS;
  return more > 0
    ? [...texts.slice(0, MAX_REMARKS), `${more} more clock changes touch this schedule`]
    : [...texts];
}

function overlapRemarks(
  { overlap }: Pick<Schedule, 'overlap'>,
  { p50, p95 }: NonNullable<CompiledSchedule['overlaps']>,
): string[] {
  const usual = overlapText(overlap, p50);
  const slow = overlapText(overlap, p95);
  if (usual !== undefined) return [`with runs as long as usual, ${usual}`];
  return slow === undefined ? [] : [`with runs as long as the slowest of twenty, ${slow}`];
}

const alwaysOnText = ({ agentId }: AgentForecast): string =>
  `the capsule of ${agentId} never sleeps: each run finds it still awake after the one before`;

const seconds = (value: number): string => String(Math.round(value * 10) / 10);

/** US dollars, with as many digits as a small sum needs. */
export const usd = (value: number): string => `$${value.toFixed(value !== 0 && value < 1 ? 4 : 2)}`;

/** How an agent's cost of a month comes about. */
function formula(runs: number, agent: AgentForecast): string {
  const { agentId, bootSeconds, workSeconds, lingerSeconds, pricePerHourUsd, costPerMonthUsd } = agent;
  const sum = bootSeconds + workSeconds + lingerSeconds;
  const parts = `(${seconds(bootSeconds)} boot + ${seconds(workSeconds)} work + ${seconds(lingerSeconds)} linger) s`;
  const awake = agent.awakeSecondsPerMonth;
  const isShared = awake < runs * sum * 0.999;
  const left = isShared
    ? `${seconds(awake)} s awake (less than ${seconds(runs)} runs × ${parts}: runs find it still awake)`
    : `${seconds(runs)} runs × ${parts}`;
  if (pricePerHourUsd === undefined || costPerMonthUsd === undefined)
    return `${agentId}: ${isShared ? left : `${left} = ${seconds(awake)} s awake`}; no price is known`;
  return `${agentId}: ${left} ÷ 3600 × $${pricePerHourUsd} an hour = ${usd(costPerMonthUsd)}`;
}
