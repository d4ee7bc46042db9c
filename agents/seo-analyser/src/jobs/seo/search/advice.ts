/** Turns what the rows tell into problems of pages and recommendations. Pure. */
import type { Opportunity, Problem, Search } from '../schema';

const MAX_EXAMPLES = 3;
const MAX_PAGES = 50;
const MAX_QUERY_CHARS = 80;

export interface PageProblem extends Problem {
  url: string;
}

/** For the pages themselves; rows without the dimension page have none. */
export function searchProblems({ strikingDistance, lowCtr, cannibalisation }: Search): PageProblem[] {
  const on = (url: string | undefined, rule: string, severity: Problem['severity'], message: string) =>
    url ? [{ url, rule, severity, message }] : [];
  return [
    ...lowCtr.flatMap((one) => on(one.page, 'search-low-ctr', 'warning', describeLowCtr(one))),
    ...cannibalisation.flatMap(({ query, pages }) =>
      pages.flatMap(({ page }) => {
        const rivals = pages.length - 1;
        const message = `competes with ${rivals} other page${rivals === 1 ? '' : 's'} for ${quote(query)}`;
        return on(page, 'search-cannibalised', 'warning', message);
      }),
    ),
    ...strikingDistance.flatMap((one) => on(one.page, 'search-near-top', 'notice', describeNear(one))),
  ];
}

/** Each with a weight that compares with the rules': impact over effort. */
export function searchOpportunities(search: Search): { weight: number; opportunity: Opportunity }[] {
  const { pagesWithDemand, lowCtr, strikingDistance, cannibalisation } = search;
  return [
    advice(20, pagesWithDemand, {
      title: 'Mend first the pages that people already find',
      why: 'Their faults cost visits today',
      effort: 'low',
      impact: 'high',
      example: ({ page, impressions, rules }) =>
        `${page} (${number(impressions)} impressions): ${rules.join(', ')}`,
      pages: ({ page }) => [page],
    }),
    advice(9, lowCtr, {
      title: 'Write titles and descriptions that get clicked',
      why: "These results are clicked far less than the site's others at the same position",
      effort: 'low',
      impact: 'high',
      example: describeLowCtr,
      pages: ({ page }) => (page ? [page] : []),
    }),
    advice(8, strikingDistance, {
      title: 'Push results that are close to the top',
      why: 'They are shown often, from places where few people click; better text and links to them lift them',
      effort: 'medium',
      impact: 'high',
      example: describeNear,
      pages: ({ page }) => (page ? [page] : []),
    }),
    advice(3, cannibalisation, {
      title: 'Let one page answer each query',
      why: 'Several pages compete for the same query and split its clicks and links; merge them, or tell them apart',
      effort: 'medium',
      impact: 'medium',
      example: ({ query, pages }) => `${quote(query)} on ${pages.length} pages`,
      pages: ({ pages }) => pages.flatMap(({ page }) => (page ? [page] : [])),
    }),
  ].flat();
}

interface Advice<T> extends Omit<Opportunity, 'pages'> {
  example: (item: T) => string;
  pages: (item: T) => string[];
}

function advice<T>(
  weight: number,
  items: readonly T[],
  { title, why, effort, impact, example, pages }: Advice<T>,
): { weight: number; opportunity: Opportunity }[] {
  if (items.length === 0) return [];
  const examples = items.slice(0, MAX_EXAMPLES).map(example);
  const rest = items.length - examples.length;
  const text = `${why}: ${examples.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}.`;
  const concerned = [...new Set(items.flatMap(pages))].slice(0, MAX_PAGES);
  return [{ weight, opportunity: { title, why: text.slice(0, 1000), effort, impact, pages: concerned } }];
}

function describeNear({
  query,
  position,
  impressions,
  extraClicks,
}: Search['strikingDistance'][number]): string {
  const gain = extraClicks ? `, about ${number(extraClicks)} clicks more in place 3` : '';
  return `${quote(query)} is at position ${position.toFixed(1)} with ${number(impressions)} impressions${gain}`;
}

function describeLowCtr(one: Search['lowCtr'][number]): string {
  const { query, position, impressions, clicks, expectedCtr } = one;
  return (
    `${quote(query)} gets ${percent(clicks / impressions)} of clicks at position ${position.toFixed(1)}, ` +
    `where ${percent(expectedCtr)} are usual on this site`
  );
}

function quote(query: string): string {
  return `“${query.length > MAX_QUERY_CHARS ? `${query.slice(0, MAX_QUERY_CHARS)}…` : query}”`;
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(rate: number): string {
  return `${(rate * 100).toFixed(1)}%`;
}
