/** What can be posted, and what a report must hold to be understood. */
import * as z from 'zod';

const Opportunity = z.object({
  title: z.string(),
  why: z.string().default(''),
  effort: z.string().default(''),
  impact: z.string().default(''),
  pages: z.array(z.string()).default([]),
});

/** The output of the SEO analyser, as far as a message shows it. */
export const Report = z.object({
  siteUrl: z.string(),
  summary: z.string().min(1),
  /** Left out when no pages were crawled. */
  score: z.number().min(0).max(100).optional(),
  opportunities: z.array(Opportunity).default([]),
  topWin: Opportunity.optional(),
  problemsByPage: z
    .array(
      z.object({
        url: z.string(),
        problems: z.array(z.object({ severity: z.string(), message: z.string() })),
      }),
    )
    .default([]),
  counts: z
    .object({ pages: z.number(), errors: z.number(), warnings: z.number(), notices: z.number() })
    .optional(),
  recommendationsBy: z.string().optional(),
  recommendationsNote: z.string().optional(),
  model: z.string().optional(),
});
export type Report = z.infer<typeof Report>;

/** A Block Kit block; only what has to be cut to size is looked into. */
export const Block = z.looseObject({ type: z.string().min(1) });
export type Block = z.infer<typeof Block>;

/** A topic of the keyword clusterer. */
const Cluster = z.object({
  label: z.string(),
  queries: z.array(z.string()),
  impressions: z.number(),
  averagePosition: z.number().optional(),
});
export type Cluster = z.infer<typeof Cluster>;

/**
 * At the end of a workflow the report is not under `report` but lies beside it, merged into the input, where
 * other steps may have left anything: it is one when siteUrl and summary are texts. Other keys are dropped.
 */
export const Input = z
  .looseObject({
    /** Slack's mrkdwn, but links and mentions are shown as text. */
    text: z.string().min(1).max(40_000).optional(),
    title: z.string().min(1).max(1000).optional(),
    blocks: z.array(Block).max(500).optional(),
    report: Report.optional(),
  })
  .transform(({ text, title, blocks, ...given }, ctx) => {
    const isReport = typeof given.siteUrl === 'string' && typeof given.summary === 'string';
    const merged = isReport && !given.report ? Report.safeParse(given) : undefined;
    for (const { path, message } of merged?.error?.issues ?? [])
      ctx.addIssue({ code: 'custom', path: [...path], message });
    const report = given.report ?? merged?.data;
    if (!merged && !report && !text && !title && !blocks?.length)
      ctx.addIssue({ code: 'custom', message: 'has nothing to post: give text, title, blocks or a report' });
    const clusters = z.array(Cluster).safeParse(given.clusters).data ?? [];
    return { text, title, blocks, report, clusters };
  });
export type Input = z.output<typeof Input>;

/** Slack's own words for a delivered message; an incoming webhook gives none of the optional ones. */
export const Receipt = z.object({
  /** Id of the channel. */
  channel: z.string().optional(),
  /** Names the message within the channel. */
  ts: z.string().optional(),
  permalink: z.string().optional(),
});
export type Receipt = z.infer<typeof Receipt>;

export const Output = Receipt.extend({
  delivered: z.boolean(),
  /** Left out on a dry run. */
  via: z.enum(['webhook', 'bot']).optional(),
  /** What was posted, or on a dry run would have been: the text of notifications, and the blocks. */
  text: z.string(),
  blocks: z.array(Block),
});
export type Output = z.infer<typeof Output>;
