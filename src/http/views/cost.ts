/** Costs as the API shows them: seconds from whole milliseconds, US dollars as decimal text. */
import { z } from 'zod';
import type { StepLine } from '../../domain/cost/booking';
import { strayBooking, type Stray } from '../../domain/cost/booking';
import { add, billed, NO_FIGURES, type Figures } from '../../domain/cost/figures';
import { toUsd } from '../../domain/cost/money';
import { wasteRatio, type CostRow } from '../../domain/cost/report';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

const usd = z
  .string()
  .regex(/^-?\d+\.\d{6}$/)
  .describe('US dollars, rounded half up to six decimals; sums are made before rounding.');

const costFields = {
  seconds: z
    .object({
      boot: z.number(),
      prewarm: z.number(),
      work: z.number(),
      linger: z.number(),
      drain: z.number(),
      billed: z.number().describe('Their sum.'),
      wasted: z.number().describe('Boot, linger, drain, and prewarming that no step came for.'),
      unpriced: z.number().describe('Billed seconds of agents without a price: they cost nothing here.'),
    })
    .describe('Replica-seconds.'),
  tokens: z.object({ input: z.number(), output: z.number(), cacheRead: z.number() }),
  capsuleUsd: usd,
  modelUsd: usd.describe('As agents reported it.'),
  totalUsd: usd,
  wasteRatio: z.number().min(0).max(1).nullable().describe('wasted ÷ billed; null where nothing was billed.'),
};

export const CostView = shape('Cost', () => z.object(costFields));

export function costView(figures: Figures): z.infer<typeof CostView> {
  const { bootMs, prewarmMs, workMs, lingerMs, drainMs, wastedMs, unpricedMs } = figures;
  return {
    seconds: {
      boot: bootMs / 1_000,
      prewarm: prewarmMs / 1_000,
      work: workMs / 1_000,
      linger: lingerMs / 1_000,
      drain: drainMs / 1_000,
      billed: billed(figures) / 1_000,
      wasted: wastedMs / 1_000,
      unpriced: unpricedMs / 1_000,
    },
    tokens: { input: figures.inputTokens, output: figures.outputTokens, cacheRead: figures.cacheReadTokens },
    capsuleUsd: toUsd(figures.capsuleCost),
    modelUsd: toUsd(figures.modelCost),
    totalUsd: toUsd(figures.capsuleCost + figures.modelCost),
    wasteRatio: wasteRatio(figures) ?? null,
  };
}

/** The sum of some lines; null while nothing is booked. */
export function costOf(lines: readonly StepLine[]): z.infer<typeof CostView> | null {
  if (lines.length === 0) return null;
  return costView(lines.reduce((sum, { figures }) => add(sum, figures), NO_FIGURES));
}

const CostRowView = shape('CostRow', () =>
  z.object({
    key: z
      .string()
      .describe(
        'The date, the id, or `provider/model`. Empty: no workflow, or the capsules instead of a model.',
      ),
    workflowId: z.string().nullable().describe('Of a run; null in other groupings.'),
    ...costFields,
    alwaysOnUsd: usd.nullable().describe('What the agents would have cost without sleep: see `formulas`.'),
    savedUsd: usd
      .nullable()
      .describe('alwaysOnUsd − capsuleUsd of the same agents; null where nobody can say.'),
  }),
);

export const costRowView = (row: CostRow, workflowId: string | null = null): z.infer<typeof CostRowView> => ({
  key: row.key,
  workflowId,
  ...costView(row.figures),
  alwaysOnUsd: row.alwaysOn === undefined ? null : toUsd(row.alwaysOn),
  savedUsd: row.saved === undefined ? null : toUsd(row.saved),
});

const StrayView = shape('Stray', () =>
  z.object({
    capsuleId: z.string(),
    agentId: z.string(),
    replicas: z.number().int(),
    since: isoTime.describe('When zero replicas were last seen, or else when they were found.'),
    foundAt: isoTime,
    endedAt: maybeTime.describe('When they were seen to be gone; null while they are put to sleep.'),
    seconds: z.number().describe('Replica-seconds, at most.'),
    capsuleUsd: usd.nullable().describe('At most; null while it lasts, and where the agent has no price.'),
  }),
);

export function strayView(stray: Stray, usdPerHour: number | undefined): z.infer<typeof StrayView> {
  const { capsuleId, agentId, replicas, since, foundAt, endedAt } = stray;
  const figures = strayBooking(stray, usdPerHour).totals.reduce((s, t) => add(s, t.figures), NO_FIGURES);
  const known = endedAt !== undefined && usdPerHour !== undefined;
  return {
    capsuleId,
    agentId,
    replicas,
    since: iso(since),
    foundAt: iso(foundAt),
    endedAt: isoOrNull(endedAt),
    seconds: billed(figures) / 1_000,
    capsuleUsd: known ? toUsd(figures.capsuleCost) : null,
  };
}

/** For people, e.g. shown beside a figure. */
export const FORMULAS = {
  capsuleUsd: 'replica-seconds × price per replica-hour ÷ 3600, at the price when the shift was booked',
  wasteRatio: '(boot + linger + drain + prewarming that no step came for) ÷ billed',
  savedUsd:
    'Σ over the agents used that have a price: present price × calendar seconds − what their capsules cost. ' +
    'The calendar runs from `from`, or from the first costs on record, to `to`, or to now.',
} as const;

export const CostReportView = shape('CostReport', () =>
  z.object({
    from: isoTime,
    to: isoTime,
    zone: z.string(),
    by: z.enum(['day', 'workflow', 'agent', 'model', 'run']),
    items: z.array(CostRowView),
    total: CostRowView.describe('Of the whole time, also of what is in no item.'),
    formulas: z.object({ capsuleUsd: z.string(), wasteRatio: z.string(), savedUsd: z.string() }),
    strays: z.array(StrayView).describe('Replicas that ran without a reason in this time, newest first.'),
    nextCursor: z.string().nullable().describe('By run: cursor of the next page. Else null.'),
  }),
);
