/** Applies the rules to a crawl: problems by page, counts, score and rule-based recommendations. Pure. */
import { RULES, type PageInSite, type Rule } from './rules';
import type { Opportunity, Page, Problem, Recommendations, Report, Site } from './schema';

const LIMITS = { opportunities: 20, pagesPerOpportunity: 50, messageLength: 500 };
const WEIGHT: Record<Problem['severity'], number> = { error: 6, warning: 2.5, notice: 0.75 };
const RANK: Record<Opportunity['impact'], number> = { low: 1, medium: 2, high: 3 };

export type Findings = Pick<Report, 'siteUrl' | 'score' | 'problemsByPage' | 'counts'>;

/** All problems, page by page; pages without any are left out. */
export function findProblems(site: Site): Findings {
  const problemsByPage = inSite(site)
    .map((seen) => ({ url: addressOf(seen.page), problems: RULES.flatMap((rule) => problem(rule, seen)) }))
    .filter(({ problems }) => problems.length > 0);
  const all = problemsByPage.flatMap(({ problems }) => problems);
  const count = (severity: Problem['severity']): number =>
    all.filter((one) => one.severity === severity).length;
  const counts = {
    pages: site.pages.length,
    errors: count('error'),
    warnings: count('warning'),
    notices: count('notice'),
  };
  return { siteUrl: site.siteUrl, score: score(all, site.pages.length), problemsByPage, counts };
}

/** Recommendations made of the rules' own texts, the most rewarding first. */
export function recommend(findings: Findings): Recommendations {
  const found = RULES.map((rule) => ({ rule, pages: pagesWith(rule, findings) }))
    .filter(({ pages }) => pages.length > 0)
    .map((item) => ({ ...item, worth: worth(item.rule, item.pages.length / findings.counts.pages) }))
    .sort((a, b) => b.worth - a.worth);
  const opportunities = found.slice(0, LIMITS.opportunities).map(({ rule, pages }): Opportunity => {
    const { title, why, effort, impact } = rule;
    return { title, why, effort, impact, pages: pages.slice(0, LIMITS.pagesPerOpportunity) };
  });
  const [topWin] = opportunities;
  return { summary: summarise(findings, topWin), opportunities, ...(topWin && { topWin }) };
}

/** Impact over effort; how much of the site is concerned decides between equals. */
function worth(rule: Rule, share: number): number {
  return (RANK[rule.impact] * WEIGHT[rule.severity]) / RANK[rule.effort] + share;
}

/** 100 minus the average page's weight of problems, so that a site's size does not matter. */
function score(problems: Problem[], pages: number): number {
  const weight = problems.reduce((sum, { severity }) => sum + WEIGHT[severity], 0);
  return Math.max(0, Math.round(100 - (weight / Math.max(1, pages)) * 3));
}

function summarise(
  { siteUrl, score: points, counts, problemsByPage }: Findings,
  topWin?: Opportunity,
): string {
  const host = URL.canParse(siteUrl) ? new URL(siteUrl).host : siteUrl;
  const clean = counts.pages - problemsByPage.length;
  if (!topWin)
    return `${host} scores ${points} of 100: no rule found a problem on ${plural(counts.pages, 'page')}.`;
  return (
    `${host} scores ${points} of 100 over ${plural(counts.pages, 'page')}, ${clean} of them without a problem. ` +
    `Found: ${plural(counts.errors, 'error')}, ${plural(counts.warnings, 'warning')}, ${plural(counts.notices, 'notice')}. ` +
    `Most rewarding first step: ${topWin.title} (${plural(topWin.pages.length, 'page')}).`
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
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
