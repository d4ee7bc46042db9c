/** The plan of a replay, fixed before the first task of it is done again: which tasks, and what that is going to take. */
import { logWithin, PAIRED_RULES } from './paired';

/** One attempt that the incumbent ended. */
export interface PastTask {
  runId: string;
  stepId: string;
  attempt: number;
}

export interface ReplayPlan {
  tasks: readonly PastTask[];
  /** Tasks that would have been taken, had retention not removed what they were given or what they delivered. */
  removed: number;
  /** What it is going to take, by what the incumbent took for the same tasks. */
  forecast: Forecast;
}

export interface Forecast {
  seconds: number;
  costUsd: number;
}

/** What the incumbent took for one task, as far as that is known. */
export interface Took {
  durationMs?: number;
  costUsd?: number;
}

export interface ReplayOn {
  /** Tasks that the candidate's capsule does at once. */
  concurrency: number;
  /** The learned boot of that capsule; 0 while nothing is known of it. */
  bootMs: number;
  /** What an hour of that capsule costs; 0 where the registry does not say. */
  pricePerHourUsd: number;
}

/** Tasks whose time is not known are taken to be like the middle one. */
export function forecastOf(tasks: readonly Took[], on: ReplayOn): Forecast {
  if (tasks.length === 0) return { seconds: 0, costUsd: 0 };
  const known = tasks.flatMap((t) => t.durationMs ?? []).sort((a, b) => a - b);
  const middle = known[(known.length - 1) >> 1] ?? 0;
  const times = tasks.map((t) => t.durationMs ?? middle);
  const worked = times.reduce((sum, ms) => sum + ms, 0) / on.concurrency;
  const ms = on.bootMs + Math.max(worked, ...times);
  const models = tasks.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0);
  const seconds = Math.round(ms / 100) / 10;
  return { seconds, costUsd: models + (on.pricePerHourUsd * ms) / 3_600_000 };
}

/** Margins are told in whole percents. */
const STEP = 0.01;

/**
 * The smallest margin, in whole percents, that so many tasks can show to be kept, when none of them is done worse:
 * with few tasks little can be shown, and a verdict says how little.
 */
export function marginFor(tasks: number): number {
  for (let percent = PAIRED_RULES.margin / STEP; percent < 100; percent += 1)
    if (canShow(tasks, percent * STEP)) return percent * STEP;
  return 1 - STEP;
}

/** Whether a pass within the margin is possible at all with so many tasks. */
export const canShow = (tasks: number, margin: number): boolean =>
  logWithin({ worse: 0, better: 0, same: tasks }, margin) >= Math.log(1 / PAIRED_RULES.alpha);
