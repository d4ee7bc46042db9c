import { defaultRepeatStrategy, type AdvancedOptions } from 'bullmq';
import { nextTicks } from '../../domain/schedule';
import { parseCron } from '../../domain/schedule/cron';

/** Hints handled side by side in one process; begun when it is connected. */
export const WORKER = { concurrency: 20, autorun: false } as const;

/**
 * A schedule fires when our own rules say so, clock changes included. What they do not read, as expressions with
 * seconds, is left to BullMQ's.
 */
export const settings: AdvancedOptions = {
  repeatStrategy: (after, options) => {
    const { pattern = '', tz = 'UTC' } = options;
    if (!parseCron(pattern).ok) return defaultRepeatStrategy(after, options);
    return nextTicks({ cron: pattern, timezone: tz }, after, 1)[0];
  },
};
