/** What a crawl returns. The analyser reads the same shape. */
import * as z from 'zod';

export const Page = z.object({
  url: z.string(),
  /** Where redirects led; everything else describes that page. */
  redirectedTo: z.string().optional(),
  status: z.number().int(),
  contentType: z.string(),
  bytes: z.number().int(),
  /** Milliseconds from the first request to the last byte. */
  ms: z.number().int(),
  /** The body was longer than `maxBytesPerPage` and only its beginning was read. */
  truncated: z.boolean().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  canonical: z.string().optional(),
  lang: z.string().optional(),
  robotsMeta: z.string().optional(),
  viewport: z.boolean(),
  h1: z.array(z.string()),
  headings: z.array(z.object({ level: z.number().int().min(1).max(6), text: z.string() })),
  wordCount: z.number().int(),
  /** Equal for pages with the same visible text. */
  textHash: z.string(),
  images: z.object({ total: z.number().int(), missingAlt: z.array(z.string()) }),
  links: z.array(z.object({ href: z.string(), internal: z.boolean() })),
  /** schema.org types found in JSON-LD and microdata, and how many JSON-LD blocks could not be read. */
  structuredData: z.array(z.string()),
  structuredDataErrors: z.number().int(),
});
export type Page = z.infer<typeof Page>;

const LinkProblem = z.object({
  url: z.string(),
  status: z.number().int().optional(),
  error: z.string().optional(),
  to: z.string().optional(),
  /** Pages that link there. */
  from: z.array(z.string()),
});
export type LinkProblem = z.infer<typeof LinkProblem>;

export const Crawl = z.object({
  siteUrl: z.string(),
  pages: z.array(Page),
  links: z.object({
    checked: z.number().int(),
    broken: z.array(LinkProblem),
    redirected: z.array(LinkProblem),
  }),
  skipped: z.array(z.object({ url: z.string(), reason: z.string() })),
  robots: z.object({ found: z.boolean(), crawlDelay: z.number().optional() }),
  /** Why the crawl ended before it had seen everything. */
  truncated: z.array(z.enum(['pages', 'bytes', 'time', 'links', 'output'])),
  totals: z.object({
    pages: z.number().int(),
    bytes: z.number().int(),
    requests: z.number().int(),
    ms: z.number().int(),
  }),
});
export type Crawl = z.infer<typeof Crawl>;
