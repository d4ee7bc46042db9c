/** What rows of Search Console tell about a site. Pure. */
import type { Findings } from '../analyse';
import type { Search, Site } from '../schema';
import { curveOf, type Curve } from './curve';
import { brandTest, figuresOf, groupBy, median, pairsOf, type Pair } from './rows';

const LIMITS = {
  /** Positions from which a push reaches the top of the first page. */
  striking: [4, 15],
  /** Where that push leads. */
  goal: 3,
  /** The least impressions that count as many, in any period. */
  impressions: 20,
  lowCtrImpressions: 100,
  /** Below five expected clicks chance decides. */
  expectedClicks: 5,
  /** A page competes when it takes this share of a query's impressions. */
  competingShare: 0.2,
  competingPosition: 30,
  listed: 50,
};

type CrawledProblems = Pick<Findings, 'problemsByPage'>['problemsByPage'];

/** `crawled` are the problems that the crawl found; undefined when the site has no rows. */
export function searchInsights(site: Site, crawled: CrawledProblems): Search | undefined {
  const { rows, brandTerms, startDate, endDate } = site;
  if (!rows) return undefined;
  const pairs = pairsOf(rows);
  const isBrand = brandTest(brandTerms);
  const others = pairs.filter(({ query }) => !isBrand(query));
  const curve = curveOf(others);
  return {
    ...(startDate && { startDate }),
    ...(endDate && { endDate }),
    totals: figuresOf(rows),
    ...(brandTerms.length > 0 && {
      brand: figuresOf(pairs.filter(({ query }) => isBrand(query))),
      nonBrand: figuresOf(others),
    }),
    ctrCurve: curve.points,
    strikingDistance: strikingDistance(others, curve),
    lowCtr: lowCtr(others, curve),
    cannibalisation: cannibalisation(others),
    pagesWithDemand: pagesWithDemand(rows, crawled),
  };
}

/** By what a better place would bring: the best page of each query, where none of them is at the top yet. */
function strikingDistance(pairs: readonly Pair[], curve: Curve): Search['strikingDistance'] {
  const [from, to] = LIMITS.striking as [number, number];
  const many = Math.max(LIMITS.impressions, median(pairs.map(({ impressions }) => impressions)) ?? 0);
  const goal = curve.expected(LIMITS.goal);
  const best = [...groupBy(pairs, ({ query }) => query).values()].map((group) =>
    group.reduce((a, b) => (b.position < a.position ? b : a)),
  );
  return best
    .filter(({ position, impressions }) => position >= from && position <= to && impressions >= many)
    .map((pair) => {
      const extra = goal === undefined ? undefined : Math.round(pair.impressions * goal - pair.clicks);
      return { ...pair, ...(extra !== undefined && { extraClicks: Math.max(0, extra) }) };
    })
    .sort((a, b) => (b.extraClicks ?? 0) - (a.extraClicks ?? 0) || b.impressions - a.impressions)
    .slice(0, LIMITS.listed);
}

/** Less than half the clicks to expect, and two standard deviations (of a Poisson count) below them. */
function lowCtr(pairs: readonly Pair[], curve: Curve): Search['lowCtr'] {
  return pairs
    .filter(({ impressions }) => impressions >= LIMITS.lowCtrImpressions)
    .flatMap((pair) => {
      const expectedCtr = curve.expected(pair.position);
      if (expectedCtr === undefined) return [];
      const clicks = expectedCtr * pair.impressions;
      const missed = clicks - pair.clicks;
      const low = clicks >= LIMITS.expectedClicks && missed > clicks / 2 && missed >= 2 * Math.sqrt(clicks);
      return low ? [{ ...pair, expectedCtr, missedClicks: Math.round(missed) }] : [];
    })
    .sort((a, b) => b.missedClicks - a.missedClicks)
    .slice(0, LIMITS.listed);
}

/** Queries whose impressions are split between pages that could both be found. */
function cannibalisation(pairs: readonly Pair[]): Search['cannibalisation'] {
  const onPages = pairs.filter(({ page, position }) => page && position <= LIMITS.competingPosition);
  return [...groupBy(onPages, ({ query }) => query).entries()]
    .map(([query, group]) => {
      const { impressions } = figuresOf(group);
      const pages = group
        .filter((pair) => pair.impressions >= impressions * LIMITS.competingShare)
        .sort((a, b) => b.impressions - a.impressions)
        .map(({ query: _, ...rest }) => rest);
      return { query, impressions, pages };
    })
    .filter(({ impressions, pages }) => pages.length > 1 && impressions >= LIMITS.impressions)
    .sort((a, b) => b.impressions - a.impressions)
    .slice(0, LIMITS.listed);
}

function pagesWithDemand(
  rows: NonNullable<Site['rows']>,
  crawled: CrawledProblems,
): Search['pagesWithDemand'] {
  const rulesOf = new Map(
    crawled.map(({ url, problems }) => [
      sameAddress(url),
      problems.filter(({ severity }) => severity !== 'notice').map(({ rule }) => rule),
    ]),
  );
  const onPages = rows.filter(({ page }) => page);
  return [...groupBy(onPages, ({ page = '' }) => sameAddress(page)).entries()]
    .map(([address, group]) => {
      const { clicks, impressions } = figuresOf(group);
      return { page: group[0]?.page ?? address, clicks, impressions, rules: rulesOf.get(address) ?? [] };
    })
    .filter(({ rules, impressions }) => rules.length > 0 && impressions >= LIMITS.impressions)
    .sort((a, b) => b.impressions - a.impressions)
    .slice(0, LIMITS.listed);
}

/** Search Console and a crawl may write the same address differently: case of the host, a fragment. */
export function sameAddress(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  parsed.hash = '';
  return parsed.href;
}
