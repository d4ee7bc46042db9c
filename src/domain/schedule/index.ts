/** Schedules: pure functions from an expression, a zone and a time to decisions. See docs/schedules.md. */
export { Schedule, CatchUp, DaylightSaving, OverlapPolicy } from './schema';
export type { ScheduleInput, Timing } from './schema';
export { describe, validateSchedule } from './describe';
export { MAX_TICKS, SEARCH_HORIZON_MS, nextTicks, ticksBetween } from './ticks';
export { MAX_DUE_TICKS, MAX_QUEUED_RUNS, ON_TIME_MS, TICK_REASONS } from './due';
export { dueTicks, overlapDecision, wakeWindow } from './due';
export type { OverlapDecision, OverlapReason, TickDecision, TickReason, WakeWindow } from './due';
export { clockChanges, clockChangeText } from './clock-changes';
export type { ClockChange } from './clock-changes';
export { forecastCost, forecastOverlaps, overlapText } from './forecast';
export type { AgentForecast, AgentSeconds, CostForecast, OverlapForecast } from './forecast';
export { expectedTicks, GIVE_UP_MS, judgeTicks } from './watch';
export type { DecidedTick, MissingTick, TickJudgement, WatchedTick } from './watch';
export { localText } from './zone';
export { formatPlace, formatProblems } from './problem';
export type { Problem } from './problem';
export { closest } from './suggest';
