/** What a report must hold to be delivered. */
import * as z from 'zod';

const Opportunity = z.object({
  title: z.string(),
  why: z.string().default(''),
  effort: z.string().default(''),
  impact: z.string().default(''),
  pages: z.array(z.string()).default([]),
});

export const Report = z.object({
  siteUrl: z.string(),
  summary: z.string(),
  /** Left out when no pages were crawled. */
  score: z.number().min(0).max(100).optional(),
  opportunities: z.array(Opportunity).max(100).default([]),
  topWin: Opportunity.optional(),
  problemsByPage: z
    .array(
      z.object({
        url: z.string(),
        problems: z.array(z.object({ rule: z.string(), severity: z.string(), message: z.string() })),
      }),
    )
    .max(1000)
    .default([]),
  counts: z
    .object({ pages: z.number(), errors: z.number(), warnings: z.number(), notices: z.number() })
    .optional(),
  recommendationsBy: z.string().optional(),
  recommendationsNote: z.string().optional(),
  model: z.string().optional(),
  /** Why the crawl, or the rows of Search Console, are not complete. */
  truncated: z.array(z.string()).default([]),
});
export type Report = z.infer<typeof Report>;

/** Facts about the delivery that are not in the report itself. */
export interface Meta {
  runId: string;
  /** ISO 8601. */
  createdAt: string;
}

/** Host of the audited site, or the text itself when it is no address. */
export function hostOf({ siteUrl }: Report): string {
  return URL.canParse(siteUrl) ? new URL(siteUrl).host : siteUrl;
}

/** Who wrote the recommendations, in words. */
export function authorOf(report: Report): string {
  if (report.recommendationsBy === 'claude')
    return `Recommendations by Claude${report.model ? ` (${report.model})` : ''}`;
  return report.recommendationsNote ?? 'Recommendations written by rules';
}
