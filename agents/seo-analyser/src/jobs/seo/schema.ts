/** What the analyser reads (a crawl) and what it returns (a report). */
import { z } from 'zod';

const strings = z.array(z.string()).default([]);

/** One crawled page; what a crawl does not tell counts as absent. */
export const Page = z.object({
  url: z.string(),
  redirectedTo: z.string().optional(),
  status: z.number().int().default(200),
  title: z.string().optional(),
  description: z.string().optional(),
  canonical: z.string().optional(),
  lang: z.string().optional(),
  robotsMeta: z.string().optional(),
  viewport: z.boolean().default(true),
  headings: z.array(z.object({ level: z.number().int(), text: z.string() })).default([]),
  wordCount: z.number().int().default(0),
  textHash: z.string().optional(),
  images: z.object({ total: z.number().int(), missingAlt: strings }).default({ total: 0, missingAlt: [] }),
  structuredData: strings,
  structuredDataErrors: z.number().int().default(0),
});
export type Page = z.infer<typeof Page>;

const LinkProblem = z.object({
  url: z.string(),
  status: z.number().int().optional(),
  error: z.string().optional(),
  to: z.string().optional(),
  from: strings,
});

export const Site = z.object({
  siteUrl: z.string(),
  pages: z.array(Page).min(1).max(1000),
  links: z
    .object({ broken: z.array(LinkProblem).default([]), redirected: z.array(LinkProblem).default([]) })
    .default({ broken: [], redirected: [] }),
});
export type Site = z.infer<typeof Site>;

const Level = z.enum(['low', 'medium', 'high']);

export const Opportunity = z.object({
  title: z.string().min(1).max(200),
  why: z.string().min(1).max(1000),
  effort: Level,
  impact: Level,
  /** Addresses of the pages concerned. */
  pages: z.array(z.string()).max(100),
});
export type Opportunity = z.infer<typeof Opportunity>;

export const Problem = z.object({
  rule: z.string(),
  severity: z.enum(['error', 'warning', 'notice']),
  message: z.string(),
});
export type Problem = z.infer<typeof Problem>;

/** The part of a report that Claude may write instead of the rules. */
export const Recommendations = z.object({
  summary: z.string().min(1).max(3000),
  opportunities: z.array(Opportunity).max(20),
  topWin: Opportunity.optional(),
});
export type Recommendations = z.infer<typeof Recommendations>;

export const Report = Recommendations.extend({
  siteUrl: z.string(),
  /** 0 to 100; 100 when no rule found anything. */
  score: z.number().int().min(0).max(100),
  problemsByPage: z.array(z.object({ url: z.string(), problems: z.array(Problem) })),
  counts: z.object({
    pages: z.number().int(),
    errors: z.number().int(),
    warnings: z.number().int(),
    notices: z.number().int(),
  }),
  recommendationsBy: z.enum(['rules', 'claude']),
  /** Why the rules wrote the recommendations. */
  recommendationsNote: z.string().optional(),
  model: z.string().optional(),
});
export type Report = z.infer<typeof Report>;
