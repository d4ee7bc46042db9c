/** Fetches pages of one site politely and returns what an audit needs to know of them. */
import * as z from 'zod';
import type { JobContext } from '../contract';
import { Crawler } from './crawl/crawler';
import { Crawl } from './crawl/schema';

const KIB = 1024;

/** Keys that are not named here are dropped: an input also carries the outputs of the steps before. */
export const input = z.object({
  siteUrl: z.url({ protocol: /^https?$/ }),
  maxPages: z.number().int().min(1).max(500).default(25),
  /** Bytes after decompression; what is beyond is not read. */
  maxBytesPerPage: z
    .number()
    .int()
    .min(KIB)
    .max(10 * KIB * KIB)
    .default(KIB * KIB),
  maxTotalBytes: z
    .number()
    .int()
    .min(KIB)
    .max(200 * KIB * KIB)
    .default(25 * KIB * KIB),
  /** After this time the crawl returns what it has. Keep it below the step's timeout. */
  maxSeconds: z.number().min(1).max(3600).default(120),
  /** Deadline of one page, redirects and body included, in milliseconds. */
  timeoutMs: z.number().int().min(50).max(60_000).default(10_000),
  /** Least time between two requests, in milliseconds; a longer Crawl-delay in robots.txt wins. */
  delayMs: z.number().int().min(0).max(60_000).default(0),
  userAgent: z.string().min(1).max(200).default('ReveilleSiteCrawler/0.1'),
});

export const output = Crawl;

/** @throws when the start page cannot be had or may not be crawled, naming `input.siteUrl` */
export async function run(options: z.infer<typeof input>, ctx: JobContext): Promise<Crawl> {
  // Loaded with the first job: while it waits for one, the agent stays small.
  const { load } = await import('cheerio/slim');
  const crawl = await new Crawler(options, ctx.signal, load).crawl();
  if (crawl.pages.length === 0) throw new Error(`input.siteUrl: no page of ${options.siteUrl} could be read`);
  ctx.log('crawled', { ...crawl.totals, truncated: crawl.truncated });
  return crawl;
}
