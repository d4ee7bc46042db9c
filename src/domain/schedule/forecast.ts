/** What a schedule will do, from how long its runs take: overlaps, and what a month costs. */
import { overlapDecision, MAX_QUEUED_RUNS } from './due';
import type { OverlapPolicy, Timing } from './schema';
import { ticksBetween } from './ticks';

/** Ticks that a forecast looks at; a year of an hourly schedule. */
const SAMPLED_TICKS = 9_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365.25 * 24 * HOUR_MS;
const MONTHS_A_YEAR = 12;

export interface OverlapForecast {
  /** Ticks looked at. */
  readonly ticks: number;
  /** Of these, those that find an earlier run still under way, assuming each takes `durationMs`. */
  readonly overlapping: number;
  /** The first of them, epoch ms. */
  readonly firstAt?: number;
  /** Runs skipped, and runs cancelled by the next one. */
  readonly skipped: number;
  readonly replaced: number;
  /** The most runs at once or in line. */
  readonly deepest: number;
}

/**
 * Lives through the next ticks of a schedule with runs that all take as long, by its overlap policy.
 * @param durationMs how long a run takes
 */
export function forecastOverlaps(
  schedule: Timing & { readonly overlap: OverlapPolicy },
  durationMs: number,
  now: number,
): OverlapForecast {
  const ticks = sampledTicks(schedule, now);
  // When each run that is not over ends; in line ones end after those before them.
  let ends: number[] = [];
  const seen = { overlapping: 0, skipped: 0, replaced: 0, deepest: 0 };
  let firstAt: number | undefined;
  for (const tick of ticks) {
    ends = ends.filter((end) => end > tick);
    if (ends.length > 0) {
      seen.overlapping += 1;
      firstAt ??= tick;
    }
    const queued = schedule.overlap === 'queue' ? Math.max(0, ends.length - 1) : 0;
    const { action } = overlapDecision(schedule.overlap, ends.length - queued, queued);
    if (action === 'skip') seen.skipped += 1;
    else if (action === 'replace') {
      seen.replaced += 1;
      ends = [tick + durationMs];
    } else ends.push((action === 'queue' ? (ends.at(-1) as number) : tick) + durationMs);
    seen.deepest = Math.max(seen.deepest, ends.length);
  }
  return { ticks: ticks.length, ...seen, ...(firstAt !== undefined && { firstAt }) };
}

/** What the forecast means, in a sentence; undefined when nothing overlaps. */
export function overlapText(policy: OverlapPolicy, forecast: OverlapForecast): string | undefined {
  const { ticks, overlapping, skipped, replaced, deepest } = forecast;
  if (overlapping === 0) return undefined;
  const what = `${overlapping} of the next ${ticks} ticks find an earlier run under way`;
  switch (policy) {
    case 'skip':
      return `${what}: ${skipped} are skipped`;
    case 'replace':
      return `${what}: ${replaced} runs are cancelled before they end`;
    case 'allow':
      return `${what}: up to ${deepest} runs at once`;
    case 'queue':
      return skipped > 0
        ? `${what}: the line grows beyond ${MAX_QUEUED_RUNS}, and ${skipped} ticks are skipped`
        : `${what}: up to ${deepest - 1} wait in line`;
  }
}

/** Where one agent's seconds of a run go. */
export interface AgentSeconds {
  readonly agentId: string;
  readonly bootSeconds: number;
  readonly workSeconds: number;
  readonly lingerSeconds: number;
  /** US dollars; undefined: the registry says none. */
  readonly pricePerHourUsd?: number;
}

export interface AgentForecast extends AgentSeconds {
  /** Billed in a month. Less than runs × seconds where a run finds the capsule still awake. */
  readonly awakeSecondsPerMonth: number;
  readonly costPerMonthUsd?: number;
  /** Awake all the time: the next run comes before the capsule may sleep. */
  readonly alwaysOn: boolean;
}

export interface CostForecast {
  readonly runsPerMonth: number;
  readonly agents: readonly AgentForecast[];
  /** Over the agents that have a price; undefined when none has. */
  readonly costPerMonthUsd?: number;
}

/** Runs and cost of an average month (a twelfth of a year), from the next ticks. */
export function forecastCost(schedule: Timing, agents: readonly AgentSeconds[], now: number): CostForecast {
  const ticks = sampledTicks(schedule, now);
  const [first, last] = [ticks[0], ticks.at(-1)];
  if (first === undefined || last === undefined) return { runsPerMonth: 0, agents: [] };
  // A sample that ends early is full, and stands for the year; one that does not is the year.
  const isFull = ticks.length === SAMPLED_TICKS;
  const spanMs = isFull ? last - first : YEAR_MS;
  const perMonth = YEAR_MS / MONTHS_A_YEAR / spanMs;
  const runsPerMonth = (isFull ? ticks.length - 1 : ticks.length) * perMonth;
  const forecasts = agents.map((agent) => forecastAgent(agent, ticks, perMonth, isFull));
  const priced = forecasts.flatMap(({ costPerMonthUsd }) => costPerMonthUsd ?? []);
  return {
    runsPerMonth,
    agents: forecasts,
    ...(priced.length > 0 && { costPerMonthUsd: priced.reduce((sum, cost) => sum + cost, 0) }),
  };
}

function forecastAgent(
  agent: AgentSeconds,
  ticks: readonly number[],
  perMonth: number,
  isFull: boolean,
): AgentForecast {
  const seconds = agent.bootSeconds + agent.workSeconds + agent.lingerSeconds;
  // A capsule that is still awake when the next run comes is billed until then only.
  const billed = ticks.map((tick, i) => {
    const next = ticks[i + 1];
    return next === undefined ? (isFull ? 0 : seconds) : Math.min(seconds, (next - tick) / 1_000);
  });
  const awake = billed.reduce((sum, each) => sum + each, 0) * perMonth;
  const gaps = ticks.slice(1).map((tick, i) => (tick - (ticks[i] as number)) / 1_000);
  return {
    ...agent,
    awakeSecondsPerMonth: awake,
    alwaysOn: gaps.length > 0 && gaps.every((gap) => gap <= seconds),
    ...(agent.pricePerHourUsd !== undefined && { costPerMonthUsd: (awake / 3_600) * agent.pricePerHourUsd }),
  };
}

/** The ticks of the next year, or as many as a sample holds. */
function sampledTicks(schedule: Timing, now: number): number[] {
  return ticksBetween(schedule, now, now + YEAR_MS, SAMPLED_TICKS);
}
