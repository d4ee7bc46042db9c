/** Breakers as the API shows them. */
import { z } from 'zod';
import { BREAKER_STATUSES, breakerText, type BreakerState } from '../../domain/breaker';
import { maybeTime, shape } from '../schema';
import { isoOrNull } from './time';

export const BreakerView = shape('Breaker', () =>
  z.object({
    agentId: z.string(),
    status: z.enum(BREAKER_STATUSES).describe('`half-open`: one task is tried, and decides.'),
    releaseId: z.string().nullable().describe('What the agent last said that it runs.'),
    failures: z.number().int().nonnegative().describe('Tasks that failed in a row until now.'),
    windowTasks: z
      .number()
      .int()
      .nonnegative()
      .describe('Tasks of that release that its rates and its average are taken of now.'),
    trips: z.number().int().nonnegative().describe('How often in a row it opened.'),
    reason: z.string().nullable().describe('Why it opened.'),
    openedAt: maybeTime,
    until: maybeTime.describe('When one task is tried.'),
    trial: z
      .object({ runId: z.string(), stepId: z.string(), attempt: z.number().int() })
      .nullable()
      .describe('The task that is tried.'),
    text: z.string().nullable().describe('One sentence for people; null while nothing is held.'),
  }),
);

export const breakerView = (b: BreakerState): z.infer<typeof BreakerView> => ({
  agentId: b.agentId,
  status: b.status,
  releaseId: b.releaseId ?? null,
  failures: b.failures,
  windowTasks: b.tasks.filter(({ releaseId }) => releaseId === b.releaseId).length,
  trips: b.trips,
  reason: b.reason ?? null,
  openedAt: isoOrNull(b.openedAt),
  until: isoOrNull(b.until),
  trial: b.trial ?? null,
  text: breakerText(b) ?? null,
});
