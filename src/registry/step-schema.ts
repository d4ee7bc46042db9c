/** The shape of a workflow's step as it is written. */
import { z } from 'zod';
import { Condition, Path } from '../domain/condition';
import { ErrorKind } from '../domain/run';
import { jsonObject, kebabId, MAX_STEPS, seconds } from './shapes';

/** As the agent contract has it: one step takes a day at most. */
export const MAX_STEP_TIMEOUT_SECONDS = 86_400;
export const DEFAULT_STEP_TIMEOUT_SECONDS = 300;
/** Waits, and steps done by runs of their own, may last longer than any agent. */
export const MAX_WAIT_SECONDS = 30 * 86_400;
export const DEFAULT_WAIT_SECONDS = 86_400;
export const MAX_ATTEMPTS = 20;
/** Each item is a run with a row of its own; the step's state names them all. */
export const MAX_ITEMS = 1_000;

export const RetrySchema = z.strictObject({
  /** Attempts in all, the first included. */
  attempts: z.number().int().min(1).max(MAX_ATTEMPTS).default(1),
  /** Exponential: the pause is doubled before each further attempt. Half of it is random. */
  backoff: z.enum(['exponential', 'fixed']).default('exponential'),
  /** Wait before the second attempt. */
  backoffSeconds: z.number().min(0).max(3_600).default(5),
  maxBackoffSeconds: z.number().min(0).max(86_400).default(300),
  /** Only these failures are tried again; default: all but those that trying again cannot mend. */
  on: z.array(ErrorKind).min(1).optional(),
});

export const ForEachSchema = z.strictObject({
  /** Where the list is, e.g. `steps.crawl.pages`. */
  items: Path,
  maxItems: z.number().int().min(1).max(MAX_ITEMS).default(100),
  concurrency: z.number().int().min(1).max(MAX_ITEMS).default(10),
  /** How many items may fail before the step does; a failed one leaves null in its place. */
  tolerate: z.number().int().min(0).max(MAX_ITEMS).default(0),
  /** For all items together; the step's own limit is for each. */
  timeoutSeconds: seconds(MAX_WAIT_SECONDS).default(DEFAULT_WAIT_SECONDS),
});

const SleepSchema = z.union(
  [
    z.strictObject({ seconds: z.number().min(0).max(MAX_WAIT_SECONDS) }),
    /** A path to a time: ISO 8601 or epoch milliseconds. */
    z.strictObject({ until: Path }),
  ],
  'needs exactly one of seconds, until',
);

const WORK = ['agent', 'workflow', 'sleep', 'waitForEvent', 'approval'] as const;

export const StepSchema = z
  .strictObject({
    id: kebabId,
    /** Id of the agent that does it. One of this and the next four says what the step is. */
    agent: z.string().optional(),
    /** Id of a workflow that is run as this step. */
    workflow: z.string().optional(),
    sleep: SleepSchema.optional(),
    /** Until an event of this name, and with the key at this path, is delivered. */
    waitForEvent: z.strictObject({ name: z.string().min(1).max(200), key: Path.optional() }).optional(),
    /** Until a person says yes or no. */
    approval: z
      .strictObject({
        title: z.string().min(1).max(500),
        /** How many people have to say yes. */
        quorum: z.number().int().min(1).max(20).default(1),
        /** Nobody said anything by then: more people are told. */
        escalateSeconds: seconds(MAX_WAIT_SECONDS).optional(),
      })
      .optional(),
    /** Ids of steps above that come before it; default: the one directly above. */
    needs: z.array(z.string()).max(MAX_STEPS).optional(),
    /** How many of them must succeed. `all` passes over skipped ones. */
    join: z
      .union([z.enum(['all', 'any']), z.strictObject({ atLeast: z.number().int().min(1) })])
      .default('all'),
    /** Skipped unless this holds. */
    when: Condition.optional(),
    forEach: ForEachSchema.optional(),
    /** Its failure does not fail the run. */
    optional: z.boolean().default(false),
    /** Default: 300 s for an agent, a day for anything else. */
    timeoutSeconds: seconds(MAX_WAIT_SECONDS).optional(),
    retry: RetrySchema.prefault({}),
    /** What an attempt may cost in models and actions, US dollars; default: as its agent declares. */
    maxCostUsd: z.number().min(0).max(100_000).optional(),
    /** Fixed input; the run's input and earlier outputs are merged over it. */
    input: jsonObject.optional(),
  })
  .superRefine((step, context) => {
    const given = WORK.filter((key) => step[key] !== undefined);
    const refuse = (message: string, path: string[] = []) =>
      context.addIssue({ code: 'custom', message, path });
    if (given.length !== 1) refuse(`needs exactly one of ${WORK.join(', ')}`);
    if (step.forEach && !step.agent && !step.workflow)
      refuse('goes with agent or workflow only', ['forEach']);
    const { timeoutSeconds = 0 } = step;
    if (step.agent && timeoutSeconds > MAX_STEP_TIMEOUT_SECONDS) {
      refuse(`is more than ${MAX_STEP_TIMEOUT_SECONDS}, the most an agent is given`, ['timeoutSeconds']);
    }
  })
  .transform((step) => ({ ...step, timeoutSeconds: timeoutOf(step) }));

/** How long an attempt of a step may take, in seconds. */
export function timeoutOf(step: { agent?: string | undefined; timeoutSeconds?: number | undefined }): number {
  return (
    step.timeoutSeconds ?? (step.agent === undefined ? DEFAULT_WAIT_SECONDS : DEFAULT_STEP_TIMEOUT_SECONDS)
  );
}
