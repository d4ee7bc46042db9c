/** When an agent is given no more work for a while, as an installation declares it. */
import { z } from 'zod';

/** Tasks that a window may hold; each is kept with the breaker. */
export const MAX_WINDOW_TASKS = 200;
const MAX_MINUTES = 24 * 60;
const MAX_OPEN_SECONDS = 24 * 3_600;
const share = z.number().gt(0).max(1);

/** An agent without `breaker` has none. `{}` opens after five failures in a row. */
export const BreakerSchema = z.strictObject({
  /** Opens after so many failed tasks in a row. */
  consecutiveFailures: z.number().int().min(1).max(1_000).default(5),
  /** Opens when more than this share of the window's tasks failed. */
  errorRate: share.optional(),
  /** Opens when the window's tasks cost more than this on average; US dollars, as the agent reports them. */
  costPerTaskUsd: z.number().gt(0).max(1_000_000).optional(),
  /** Opens when more than this share of the window's tasks needed a person. */
  interventionRate: share.optional(),
  /** The last tasks that the rates and the average are taken of: so many, and none older. */
  windowTasks: z.number().int().min(1).max(MAX_WINDOW_TASKS).default(20),
  windowMinutes: z.number().int().min(1).max(MAX_MINUTES).default(60),
  /** Fewer tasks than this tell nothing about a rate or an average. */
  minTasks: z.number().int().min(1).max(MAX_WINDOW_TASKS).default(5),
  /** How long it stays open before one task is tried; twice as long after each trial that fails, */
  openSeconds: z.number().int().min(1).max(MAX_OPEN_SECONDS).default(60),
  /** up to this. */
  maxOpenSeconds: z.number().int().min(1).max(MAX_OPEN_SECONDS).default(3_600),
});

export type BreakerRules = Readonly<z.output<typeof BreakerSchema>>;
