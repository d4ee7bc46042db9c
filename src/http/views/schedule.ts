/** What is known of a schedule beforehand, as the API shows it. */
import { z } from 'zod';
import { localText, type OverlapForecast } from '../../domain/schedule';
import type { LearnedSchedule } from '../../engine/forecast';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

const fireTime = z.object({ at: isoTime, local: z.string().describe("On the zone's wall clock.") });

const overlap = z.object({
  ticks: z.number().int().describe('Looked at: those of the next year, 9,000 at most.'),
  overlapping: z.number().int().describe('Find an earlier run under way.'),
  firstAt: maybeTime,
  skipped: z.number().int(),
  replaced: z.number().int(),
  deepest: z.number().int().describe('The most runs at once or in line.'),
});

export const ScheduleForecast = shape('ScheduleForecast', () =>
  z.object({
    workflowId: z.string(),
    timezone: z.string(),
    words: z.string(),
    next: z.array(fireTime),
    clockChanges: z
      .array(
        z.object({
          kind: z.enum(['gap', 'double']),
          at: isoTime,
          localTimes: z.array(z.string()).describe('Times of the schedule in it, the first few.'),
          count: z.number().int(),
          action: z.enum(['first-valid-minute', 'skip', 'once', 'both']),
          fires: z.array(isoTime).describe('When it fires because of the change or within it.'),
          text: z.string(),
        }),
      )
      .describe('Of the next year, those that touch the schedule.'),
    learned: z
      .object({ runs: z.number().int(), p50Ms: z.number(), p95Ms: z.number() })
      .nullable()
      .describe('How long the last runs that succeeded took; null before the first.'),
    overlaps: z
      .object({ p50: overlap, p95: overlap })
      .nullable()
      .describe('Expected when runs take as long as usual, and as long as the slowest of twenty.'),
    cost: z
      .object({
        runsPerMonth: z.number(),
        costPerMonthUsd: z.number().nullable().describe('Null while no agent has a price.'),
        agents: z.array(
          z.object({
            agentId: z.string(),
            bootSeconds: z.number(),
            workSeconds: z.number(),
            lingerSeconds: z.number(),
            awakeSecondsPerMonth: z.number(),
            costPerMonthUsd: z.number().nullable(),
            alwaysOn: z.boolean(),
          }),
        ),
        formulas: z.array(z.string()),
      })
      .nullable(),
    remarks: z.array(z.string()),
  }),
);

export function scheduleForecastView(
  workflowId: string,
  timezone: string,
  compiled: LearnedSchedule,
): z.infer<typeof ScheduleForecast> {
  const { words, next, clockChanges, learned, overlaps, cost, remarks } = compiled;
  return {
    workflowId,
    timezone,
    words,
    next: next.map((at) => ({ at: iso(at), local: localText(timezone, at) })),
    clockChanges: clockChanges.map(({ kind, at, localTimes, count, action, fires, text }) => ({
      ...{ kind, localTimes: [...localTimes], count, action, text },
      at: iso(at),
      fires: fires.map(iso),
    })),
    learned: learned ?? null,
    overlaps: overlaps ? { p50: overlapView(overlaps.p50), p95: overlapView(overlaps.p95) } : null,
    cost: cost
      ? {
          runsPerMonth: cost.runsPerMonth,
          costPerMonthUsd: cost.costPerMonthUsd ?? null,
          agents: cost.agents.map(({ pricePerHourUsd: _, costPerMonthUsd, ...agent }) => ({
            ...agent,
            costPerMonthUsd: costPerMonthUsd ?? null,
          })),
          formulas: [...cost.formulas],
        }
      : null,
    remarks: [...remarks],
  };
}

const overlapView = ({ firstAt, ...forecast }: OverlapForecast) => ({
  ...forecast,
  firstAt: isoOrNull(firstAt),
});
