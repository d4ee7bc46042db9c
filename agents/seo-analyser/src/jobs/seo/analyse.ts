/** Applies the rules to a crawl and to rows of Search Console: problems by page, counts, score, recommendations. Pure. */
import { RULES, type PageInSite, type Rule } from './rules';
import type { Opportunity, Page, Problem, Recommendations, Report, Search, Site } from './schema';
import { number, percent, searchOpportunities, searchProblems } from './search/advice';
import { sameAddress, searchInsights } from './search/insights';

const LIMITS = { opportunities: 20, pagesPerOpportunity: 50, messageLength: 500 };
const WEIGHT: Record<Problem['severity'], number> = { error: 6, warning: 2.5, notice: 0.75 };
const RANK: Record<Opportunity['impact'], number> = { low: 1, medium: 2, high: 3 };

export type Findings = Pick<Report, 'siteUrl' | 'score' | 'problemsByPage' | 'counts' | 'search'>;

/** All problems, page by page; pages without any are left out. */
export function findProblems(site: Site): Findings {
  const crawled = inSite(site)
    .map((seen) => ({ url: addressOf(seen.page), problems: RULES.flatMap((rule) => problem(rule, seen)) }))
    .filter(({ problems }) => problems.length > 0);
  const search = searchInsights(site, crawled);
  const problemsByPage = search ? withSearch(crawled, search) : crawled;
  const all = problemsByPage.flatMap(({ problems }) => problems);
  const count = (severity: Problem['severity']): number =>
    all.filter((one) => one.severity === severity).length;
  const counts = {
    pages: search ? addressesOf(site).size : site.pages.length,
    errors: count('error'),
    warnings: count('warning'),
    notices: count('notice'),
  };
  return {
    siteUrl: site.siteUrl,
    ...(site.pages.length > 0 && { score: score(crawled, site.pages.length) }),
    problemsByPage,
    counts,
    ...(search && { search }),
  };
}

/** Every address that was crawled or is named in the rows, each once however it is written. */
export function addressesOf({ pages, rows = [] }: Site): Set<string> {
  return new Set([...pages.map(addressOf), ...rows.flatMap(({ page }) => page ?? [])].map(sameAddress));
}

/** Adds to each page what the rows say of it, and the pages that only the rows know. */
function withSearch(crawled: Report['problemsByPage'], search: Search): Report['problemsByPage'] {
  const byAddress = new Map(crawled.map((page) => [sameAddress(page.url), page]));
  for (const { url, ...found } of searchProblems(search)) {
    const address = sameAddress(url);
    const page = byAddress.get(address) ?? { url, problems: [] };
    byAddress.set(address, { ...page, problems: [...page.problems, found] });
  }
  return [...byAddress.values()];
}

/** Recommendations made of the rules' own texts, the most rewarding first. */
export function recommend(findings: Findings): Recommendations {
  const byRules = RULES.flatMap((rule) => {
    const pages = pagesWith(rule, findings);
    if (pages.length === 0) return [];
    const { title, why, effort, impact } = rule;
    const opportunity = { title, why, effort, impact, pages: pages.slice(0, LIMITS.pagesPerOpportunity) };
    return [{ weight: worth(rule, pages.length / findings.counts.pages), opportunity }];
  });
  const opportunities = [...byRules, ...(findings.search ? searchOpportunities(findings.search) : [])]
    .sort((a, b) => b.weight - a.weight)
    .slice(0, LIMITS.opportunities)
    .map(({ opportunity }) => opportunity);
  const [topWin] = opportunities;
  return { summary: summarise(findings, topWin), opportunities, ...(topWin && { topWin }) };
}

/** Impact over effort; how much of the site is concerned decides between equals. */
function worth(rule: Rule, share: number): number {
  return (RANK[rule.impact] * WEIGHT[rule.severity]) / RANK[rule.effort] + share;
}

/** 100 minus the average page's weight of problems, so that a site's size does not matter. */
function score(crawled: Report['problemsByPage'], pages: number): number {
  const weight = crawled
    .flatMap(({ problems }) => problems)
    .reduce((sum, one) => sum + WEIGHT[one.severity], 0);
  return Math.max(0, Math.round(100 - (weight / Math.max(1, pages)) * 3));
}

function summarise(
  { siteUrl, score: points, counts, problemsByPage, search }: Findings,
  topWin?: Opportunity,
): string {
  const host = URL.canParse(siteUrl) ? new URL(siteUrl).host : siteUrl;
  const demand = search ? ` ${inSearch(search)}` : '';
  if (!topWin)
    return points === undefined
      ? `${host}: no rule found anything to mend.${demand}`
      : `${host} scores ${points} of 100: no rule found a problem on ${plural(counts.pages, 'page')}.${demand}`;
  const clean = counts.pages - problemsByPage.length;
  const grade =
    points === undefined
      ? `${host} was judged by its search results on ${plural(counts.pages, 'page')}.`
      : `${host} scores ${points} of 100 over ${plural(counts.pages, 'page')}, ${clean} of them without a problem.`;
  return (
    `${grade}${demand} ` +
    `Found: ${plural(counts.errors, 'error')}, ${plural(counts.warnings, 'warning')}, ${plural(counts.notices, 'notice')}. ` +
    `Most rewarding first step: ${topWin.title} (${plural(topWin.pages.length, 'page')}).`
  );
}

function inSearch({ totals, brand, startDate, endDate }: Search): string {
  const period = startDate && endDate ? ` from ${startDate} to ${endDate}` : '';
  if (totals.impressions === 0) return `Search Console has no figures for it${period}.`;
  const share =
    brand && totals.clicks > 0 ? `, ${percent(brand.clicks / totals.clicks)} of them for the brand` : '';
  return (
    `Google showed it ${number(totals.impressions)} times${period}, which brought ` +
    `${plural(totals.clicks, 'click')}${share}.`
  );
}

function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function pagesWith(rule: Rule, { problemsByPage }: Findings): string[] {
  return problemsByPage
    .filter(({ problems }) => problems.some((one) => one.rule === rule.id))
    .map(({ url }) => url);
}

/** Only what a page that answers can be blamed for: an error page has one problem, being one. */
function problem(rule: Rule, seen: PageInSite): Problem[] {
  if (seen.page.status >= 400 && rule.id !== 'page-error') return [];
  const message = rule.check(seen);
  return message
    ? [{ rule: rule.id, severity: rule.severity, message: message.slice(0, LIMITS.messageLength) }]
    : [];
}

function addressOf(page: Page): string {
  return page.redirectedTo ?? page.url;
}

function inSite({ pages, links }: Site): PageInSite[] {
  const good = pages.filter(({ status }) => status < 400);
  const byTitle = groups(good, ({ title }) => title);
  const byDescription = groups(good, ({ description }) => description);
  const byText = groups(good, ({ textHash, wordCount }) => (wordCount > 0 ? textHash : undefined));
  return pages.map((page) => {
    const url = addressOf(page);
    const others = (group: string[] | undefined): string[] => (group ?? []).filter((other) => other !== url);
    return {
      page,
      sameTitle: others(byTitle.get(page.title ?? '')),
      sameDescription: others(byDescription.get(page.description ?? '')),
      sameText: others(byText.get(page.textHash ?? '')),
      brokenLinks: links.broken.filter(({ from }) => from.includes(url)),
      redirectedLinks: links.redirected.filter(({ from }) => from.includes(url)),
    };
  });
}

function groups(pages: Page[], key: (page: Page) => string | undefined): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const page of pages) {
    const name = key(page);
    if (name) found.set(name, [...(found.get(name) ?? []), addressOf(page)]);
  }
  return found;
}
