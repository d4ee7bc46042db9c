/** What is asked of Search Console and what comes back. */
import * as z from 'zod';

const MIB = 1024 * 1024;
/** The most rows one run returns, and how large its output may be: the next steps get it twice. */
export const LIMITS = { rows: 50_000, outputBytes: 2 * MIB };

export const Dimension = z.enum(['query', 'page', 'country', 'device', 'date', 'searchAppearance']);
export type Dimension = z.infer<typeof Dimension>;

const Filter = z.object({
  dimension: z.enum(['query', 'page', 'country', 'device', 'searchAppearance']),
  operator: z
    .enum(['equals', 'notEquals', 'contains', 'notContains', 'includingRegex', 'excludingRegex'])
    .default('equals'),
  expression: z.string().min(1).max(4096),
});

const property = z.string().trim().min(1).max(2000);

/** Keys that are not named here are dropped: an input also carries the outputs of the steps before. */
export const Input = z.object({
  /** One of the properties in GSC_SITE_URL; default the first. */
  siteProperty: property.optional(),
  /** YYYY-MM-DD, in Pacific Time, both included. Left out: the last `days` days that are final. */
  startDate: z.iso.date().optional(),
  endDate: z.iso.date().optional(),
  /** Search Console keeps 16 months. */
  days: z.number().int().min(1).max(486).default(28),
  /** How many days back figures become final. */
  delayDays: z.number().int().min(0).max(14).default(3),
  dimensions: z
    .array(Dimension)
    .max(Dimension.options.length)
    .refine((list) => new Set(list).size === list.length, 'names a dimension twice')
    .default(['query', 'page']),
  rowLimit: z.number().int().min(1).max(LIMITS.rows).default(5000),
  searchType: z.enum(['web', 'image', 'video', 'news', 'discover', 'googleNews']).default('web'),
  /** A row must pass all of them. */
  filters: z.array(Filter).max(20).default([]),
  /** `all` includes days that may still change. */
  dataState: z.enum(['final', 'all']).default('final'),
  /** After this time nothing is tried again. Keep it below the step's timeout. */
  maxSeconds: z.number().min(1).max(3600).default(240),
});
export type Input = z.infer<typeof Input>;

const Figures = z.object({
  clicks: z.number(),
  impressions: z.number(),
  /** 0 to 1. */
  ctr: z.number(),
  /** 1 is the top. */
  position: z.number(),
});

/** One page of Google's answer; `rows` is left out when there are none. */
export const Page = z.object({
  rows: z.array(Figures.extend({ keys: z.array(z.string()).default([]) })).default([]),
});
export type GoogleRow = z.infer<typeof Page>['rows'][number];

/** The keys in the order of `dimensions`, and each again under its dimension's name. */
export const Row = Figures.extend({
  keys: z.array(z.string()),
  query: z.string().optional(),
  page: z.string().optional(),
  country: z.string().optional(),
  device: z.string().optional(),
  date: z.string().optional(),
  searchAppearance: z.string().optional(),
});
export type Row = z.infer<typeof Row>;

export const Output = z.object({
  siteProperty: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  dimensions: z.array(Dimension),
  searchType: z.string(),
  /** The most clicked first. */
  rows: z.array(Row),
  rowCount: z.number().int(),
  /** Why rows are missing: `rows` for the row limit, `output` for the size of the output. */
  truncated: z.array(z.enum(['rows', 'output'])),
  /** Sums of the rows returned; position weighted by impressions. */
  totals: Figures,
});
export type Output = z.infer<typeof Output>;
