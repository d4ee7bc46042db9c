/** What the analyser reads (a crawl, rows of Search Console) and what it returns (a report). */
import * as z from 'zod';

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

/** One row of Search Console, as the fetcher returns it. Other dimensions (country, date …) are added up. */
const SearchRow = z.object({
  query: z.string().optional(),
  page: z.string().optional(),
  clicks: z.number().min(0),
  impressions: z.number().min(0),
  position: z.number().min(0),
});
export type SearchRow = z.infer<typeof SearchRow>;

const ROWS = { max: 50_000 };

/** A crawl, rows of Search Console, or both. */
export const Site = z
  .object({
    /** Default: what siteProperty, or the first page, says. */
    siteUrl: z.string().optional(),
    pages: z.array(Page).min(1).max(1000).optional(),
    links: z
      .object({ broken: z.array(LinkProblem).default([]), redirected: z.array(LinkProblem).default([]) })
      .default({ broken: [], redirected: [] }),
    /** Of Search Console: https://example.com/ or sc-domain:example.com. */
    siteProperty: z.string().optional(),
    startDate: z.string().optional(),
    endDate: z.string().optional(),
    rows: z.array(SearchRow).max(ROWS.max).optional(),
    /** What the owner calls the site and its products; queries with one of them count as brand. */
    brandTerms: z.array(z.string().trim().min(2).max(100)).max(50).default([]),
  })
  .transform(({ siteUrl, siteProperty, pages, rows, ...rest }, ctx) => {
    if (!pages && !rows)
      ctx.addIssue({
        code: 'custom',
        path: ['pages'],
        message:
          'is missing, and so is rows: give what the site crawler or the Search Console fetcher returned',
      });
    const address =
      siteUrl ?? addressOf(siteProperty) ?? pages?.[0]?.url ?? rows?.find(({ page }) => page)?.page;
    if (!address) ctx.addIssue({ code: 'custom', path: ['siteUrl'], message: 'is missing' });
    return { ...rest, siteUrl: address ?? '', pages: pages ?? [], ...(rows && { rows }) };
  });
export type Site = z.output<typeof Site>;

/** A domain property covers http, https and every subdomain; its own address stands for them. */
function addressOf(siteProperty: string | undefined): string | undefined {
  const domain = siteProperty?.match(/^sc-domain:(.+)$/)?.[1];
  return domain ? `https://${domain}/` : siteProperty;
}

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

const Figures = z.object({
  clicks: z.number(),
  impressions: z.number(),
  ctr: z.number(),
  position: z.number(),
});
const Pair = z.object({
  query: z.string(),
  page: z.string().optional(),
  clicks: z.number(),
  impressions: z.number(),
  position: z.number(),
});

/** What the rows of Search Console tell. */
export const Search = z.object({
  startDate: z.string().optional(),
  endDate: z.string().optional(),
  totals: Figures,
  /** Only when brandTerms were given; queries that Search Console hides are in neither. */
  brand: Figures.optional(),
  nonBrand: Figures.optional(),
  /** The site's own median click-through rate by rounded position; positions with too few rows are left out. */
  ctrCurve: z.array(z.object({ position: z.number().int(), ctr: z.number(), rows: z.number().int() })),
  /** On the edge of the first page; `extraClicks` is what the site's own third places would bring, if it is known. */
  strikingDistance: z.array(Pair.extend({ extraClicks: z.number().optional() })),
  /** Clicked far less than the site's other results at that position. */
  lowCtr: z.array(Pair.extend({ expectedCtr: z.number(), missedClicks: z.number() })),
  /** Queries for which several pages of the site compete. */
  cannibalisation: z.array(
    z.object({ query: z.string(), impressions: z.number(), pages: z.array(Pair.omit({ query: true })) }),
  ),
  /** Pages that are found, with errors and warnings of the crawl that stand in their way. */
  pagesWithDemand: z.array(
    z.object({ page: z.string(), clicks: z.number(), impressions: z.number(), rules: z.array(z.string()) }),
  ),
});
export type Search = z.infer<typeof Search>;

export const Report = Recommendations.extend({
  siteUrl: z.string(),
  /** Of the crawled pages, 0 to 100; 100 when no rule found anything. Left out without a crawl. */
  score: z.number().int().min(0).max(100).optional(),
  problemsByPage: z.array(z.object({ url: z.string(), problems: z.array(Problem) })),
  counts: z.object({
    /** Crawled, or named in the rows. */
    pages: z.number().int(),
    errors: z.number().int(),
    warnings: z.number().int(),
    notices: z.number().int(),
  }),
  /** Left out without rows. */
  search: Search.optional(),
  /** `model` is any other than Claude. */
  recommendationsBy: z.enum(['rules', 'claude', 'model']),
  /** Why the rules wrote the recommendations, or which model did. */
  recommendationsNote: z.string().optional(),
  model: z.string().optional(),
});
export type Report = z.infer<typeof Report>;
