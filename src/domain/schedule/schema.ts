/** The shape of a schedule: when a workflow runs by itself, and what happens when time misbehaves. */
import { z } from 'zod';

/** A catch-up window never reaches back further than this (a year), so that no backlog is unbounded. */
export const MAX_CATCH_UP_WINDOW_SECONDS = 366 * 86_400;

/** A week: a weekly report that came due while the orchestrator was away is still made. */
export const DEFAULT_CATCH_UP_WINDOW_SECONDS = 7 * 86_400;

export const MAX_SLACK_SECONDS = 3_600;

/** What to do with a tick while an earlier run of the same workflow is still active. */
export const OverlapPolicy = z.enum(['skip', 'queue', 'allow', 'replace']);
export type OverlapPolicy = z.infer<typeof OverlapPolicy>;

/** What to do with ticks that came due while no orchestrator was there to fire them. */
export const CatchUp = z.strictObject({
  mode: z.enum(['none', 'latest', 'all']).default('latest'),
  /** A missed tick older than this is skipped. */
  windowSeconds: z
    .number()
    .int()
    .min(0)
    .max(MAX_CATCH_UP_WINDOW_SECONDS)
    .default(DEFAULT_CATCH_UP_WINDOW_SECONDS),
});
export type CatchUp = z.infer<typeof CatchUp>;

/**
 * What a change of the zone's clocks does. Left out, each follows from the expression: see
 * {@link clockChangePolicy} and docs/schedules.md.
 */
export const DaylightSaving = z.strictObject({
  /** A local time that does not exist that day. */
  gap: z.enum(['first-valid-minute', 'skip']).optional(),
  /** A local time that comes twice that day. */
  double: z.enum(['once', 'both']).optional(),
});
export type DaylightSaving = z.infer<typeof DaylightSaving>;

export const Schedule = z.strictObject({
  /** Five fields (minute, hour, day of month, month, day of week) or a nickname such as `@daily`. */
  cron: z.string(),
  /** IANA time zone. */
  timezone: z.string().default('UTC'),
  overlap: OverlapPolicy.default('skip'),
  catchUp: CatchUp.prefault({}),
  dst: DaylightSaving.prefault({}),
  /** How much later than its tick a run may start when that lets it share a wake. */
  slackSeconds: z.number().int().min(0).max(MAX_SLACK_SECONDS).default(0),
});
export type Schedule = Readonly<z.infer<typeof Schedule>>;

/** A schedule as people write it, before the defaults. */
export type ScheduleInput = z.input<typeof Schedule>;

/** What computing ticks needs of a schedule. */
export type Timing = Pick<Schedule, 'cron' | 'timezone'> & { readonly dst?: DaylightSaving };
