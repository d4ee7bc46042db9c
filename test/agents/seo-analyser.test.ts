import { input, output, run } from '../../agents/seo-analyser/src/jobs/seo-analyser';
import { RULES } from '../../agents/seo-analyser/src/jobs/seo/rules';
import * as crawler from '../../agents/site-crawler/src/jobs/site-crawler';
import { setVariables, testContext } from './context';
import { startDocumentationSite } from './sites';

let restore: () => void;
beforeAll(() => (restore = setVariables({ ANTHROPIC_API_KEY: undefined })));
afterAll(() => restore());

const URL_A = 'https://example.com/a';
const text = (length: number) => 'word '.repeat(length).slice(0, length).trim().padEnd(length, 'x');

/** A page no rule has anything to say about. */
const GOOD = {
  url: URL_A,
  status: 200,
  title: text(30),
  description: text(100),
  canonical: URL_A,
  lang: 'en',
  viewport: true,
  headings: [
    { level: 1, text: 'Main' },
    { level: 2, text: 'Part' },
  ],
  wordCount: 500,
  textHash: 'aaaa',
  images: { total: 1, missingAlt: [] },
  structuredData: ['WebSite'],
  structuredDataErrors: 0,
};
type Given = Partial<typeof GOOD> & { robotsMeta?: string; redirectedTo?: string };

async function analyse(pages: Given[], links: object = {}) {
  const site = input.parse({
    siteUrl: 'https://example.com/',
    pages: pages.map((page) => ({ ...GOOD, ...page })),
    links,
  });
  return output.parse(await run(site, testContext()));
}

const rulesOf = (report: Awaited<ReturnType<typeof analyse>>, url = URL_A) =>
  report.problemsByPage.find((page) => page.url === url)?.problems.map(({ rule }) => rule) ?? [];

test('finds nothing on a good page', async () => {
  const report = await analyse([{}]);
  expect(report).toMatchObject({
    score: 100,
    opportunities: [],
    problemsByPage: [],
    recommendationsBy: 'rules',
  });
  expect(report.topWin).toBeUndefined();
});

const heading = (...levels: number[]) => levels.map((level) => ({ level, text: `h${level}` }));
const TABLE: [rule: string, page: Given][] = [
  ['page-error', { status: 500 }],
  ['noindex', { robotsMeta: 'noindex, follow' }],
  ['title-missing', { title: '' }],
  ['title-length', { title: text(14) }],
  ['title-length', { title: text(66) }],
  ['description-missing', { description: '' }],
  ['description-length', { description: text(49) }],
  ['description-length', { description: text(166) }],
  ['h1-missing', { headings: heading(2) }],
  ['h1-multiple', { headings: heading(1, 1) }],
  ['heading-skipped', { headings: heading(1, 3) }],
  ['canonical', { canonical: 'https://example.com/b' }],
  ['canonical-missing', { canonical: '' }],
  ['images-alt', { images: { total: 2, missingAlt: ['x.png'] } as never }],
  ['thin', { wordCount: 99 }],
  ['lang-missing', { lang: '' }],
  ['viewport', { viewport: false }],
  ['structured-data-missing', { structuredData: [] }],
  ['structured-data-invalid', { structuredDataErrors: 1 }],
];

test.each(TABLE)('%s is found alone', async (rule, page) => {
  const report = await analyse([page]);
  expect(rulesOf(report)).toEqual([rule]);
  expect(report.score).toBeLessThan(100);
  expect(report.topWin).toEqual(report.opportunities[0]);
  expect(report.opportunities).toMatchObject([{ pages: [URL_A] }]);
});

test.each<[string, Given]>([
  ['title bounds', { title: text(15) }],
  ['title bounds', { title: text(65) }],
  ['description bounds', { description: text(50) }],
  ['description bounds', { description: text(165) }],
  ['enough words', { wordCount: 100 }],
  ['a heading level that goes back up', { headings: heading(1, 2, 3, 2) }],
])('%s are fine', async (_what, page) => {
  expect(rulesOf(await analyse([page]))).toEqual([]);
});

test('compares pages with each other, but not with pages that failed', async () => {
  const url = 'https://example.com/b';
  const copy = { url, canonical: url };
  expect(rulesOf(await analyse([{}, copy]))).toEqual([
    'title-duplicate',
    'text-duplicate',
    'description-duplicate',
  ]);
  expect(rulesOf(await analyse([{}, { ...copy, status: 404 }]))).toEqual([]);
  const canonical = await analyse([{}, { ...copy, canonical: URL_A }]);
  expect(rulesOf(canonical, url)).not.toContain('text-duplicate');
});

test('blames the pages that hold a bad link', async () => {
  const broken = [{ url: 'https://example.com/gone', status: 404, from: [URL_A] }];
  const redirected = [{ url: 'https://example.com/old', status: 200, to: URL_A, from: [URL_A] }];
  const report = await analyse([{}], { broken, redirected });
  expect(rulesOf(report)).toEqual(['links-broken', 'links-redirected']);
  expect(report.problemsByPage[0]?.problems[0]?.message).toBe('https://example.com/gone (404)');
  expect(report.counts).toEqual({ pages: 1, errors: 1, warnings: 0, notices: 1 });
  expect(report.topWin?.title).toBe('Mend broken internal links');
});

test('every rule is covered by a case here', () => {
  const covered = new Set([
    ...TABLE.map(([rule]) => rule),
    ...['title-duplicate', 'text-duplicate', 'description-duplicate', 'links-broken', 'links-redirected'],
  ]);
  expect(RULES.map(({ id }) => id).filter((id) => !covered.has(id))).toEqual([]);
});

test('reports on a real crawl, with the input merged as the orchestrator merges it', async () => {
  const docs = await startDocumentationSite();
  const crawl = await crawler.run(crawler.input.parse({ siteUrl: docs.url }), testContext());
  await docs.close();
  const report = output.parse(
    await run(input.parse({ ...crawl, maxPages: 25, steps: { crawl } }), testContext()),
  );
  expect(report.problemsByPage).toHaveLength(12);
  expect(report.score).toBeGreaterThan(0);
  expect(report.score).toBeLessThan(100);
  expect(report.opportunities.map(({ title }) => title)).toContain('Make titles unique');
  expect(report.summary).toContain(`scores ${report.score} of 100`);
  expect(report.recommendationsNote).toMatch(/ANTHROPIC_API_KEY is not set/);
});

describe('with rows of Search Console', () => {
  const PROPERTY = { siteProperty: 'sc-domain:example.com', startDate: '2026-10-01', endDate: '2026-10-28' };
  type Row = { query?: string; page?: string; clicks: number; impressions: number; position: number };

  const row = (query: string, position: number, impressions: number, clicks: number, page = URL_A): Row => ({
    query,
    page,
    clicks,
    impressions,
    position,
  });
  /** Results that are clicked as others at their position: 20% in place 3, 4% in place 8. */
  const USUAL = [1, 2, 3, 4, 5, 6].flatMap((n) => [
    row(`third ${n}`, 3, 200, 40, `https://example.com/third-${n}`),
    row(`eighth ${n}`, 8, 200, 8, `https://example.com/eighth-${n}`),
  ]);

  async function look(rows: Row[], more: object = {}) {
    return output.parse(await run(input.parse({ ...PROPERTY, rows, ...more }), testContext()));
  }
  const searchOf = async (rows: Row[], more: object = {}) => {
    const { search } = await look(rows, more);
    if (!search) throw new Error('no search insights');
    return search;
  };

  test('makes a whole report of them, without a score', async () => {
    const report = await look([...USUAL, row('wanted', 8.2, 5000, 200)]);
    expect(report).toMatchObject({ siteUrl: 'https://example.com/', counts: { pages: 13, errors: 0 } });
    expect(report.score).toBeUndefined();
    expect(report.summary).toMatch(
      /Google showed it 7,400 times from 2026-10-01 to 2026-10-28, which brought 488 clicks\./,
    );
    expect(report.topWin).toMatchObject({ title: 'Push results that are close to the top', impact: 'high' });
    expect(report.topWin?.pages[0]).toBe(URL_A);
    expect(report.topWin?.why).toContain(
      '“wanted” is at position 8.2 with 5,000 impressions, about 800 clicks more in place 3',
    );
    expect(rulesOf(report)).toEqual(['search-near-top']);
  });

  test('derives what to expect from the site itself, and nothing from too few results', async () => {
    expect((await searchOf(USUAL)).ctrCurve).toEqual([
      { position: 3, ctr: 0.2, rows: 6 },
      { position: 8, ctr: 0.04, rows: 6 },
    ]);
    const few = await searchOf([...USUAL.slice(0, 4), row('wanted', 8, 1000, 0)]);
    expect([few.ctrCurve, few.lowCtr]).toEqual([[], []]);
    expect(few.strikingDistance[0]).toEqual({ ...row('wanted', 8, 1000, 0) });
  });

  test.each<[what: string, row: Row, found: boolean]>([
    ['position 4', row('x', 4, 1000, 30), true],
    ['position 15', row('x', 15, 1000, 30), true],
    ['a place at the top', row('x', 3.9, 1000, 30), false],
    ['the second page’s end', row('x', 15.1, 1000, 30), false],
    ['few impressions', row('x', 8, 199, 8), false],
  ])('striking distance: %s', async (_what, given, found) => {
    const { strikingDistance } = await searchOf([...USUAL, given]);
    expect(strikingDistance.some(({ query }) => query === 'x')).toBe(found);
  });

  test('sees no distance where another page of the site is at the top already', async () => {
    const { strikingDistance } = await searchOf([
      row('x', 8, 1000, 10),
      row('x', 1.5, 1000, 300, 'https://example.com/b'),
    ]);
    expect(strikingDistance).toEqual([]);
  });

  test.each<[what: string, row: Row, found: boolean]>([
    ['a result nobody clicks', row('x', 3, 200, 2), true],
    ['a result clicked half as often as usual', row('x', 3, 200, 20), false],
    ['so few impressions that it may be chance', row('x', 8, 100, 0), false],
  ])('low click-through: %s', async (_what, given, found) => {
    const report = await look([...USUAL, given]);
    expect(report.search?.lowCtr.map(({ query }) => query)).toEqual(found ? ['x'] : []);
    if (!found) return;
    expect(report.search?.lowCtr[0]).toMatchObject({ expectedCtr: 0.2, missedClicks: 38 });
    expect(report.problemsByPage.find(({ url }) => url === URL_A)?.problems[0]).toEqual({
      rule: 'search-low-ctr',
      severity: 'warning',
      message: '“x” gets 1.0% of clicks at position 3.0, where 20.0% are usual on this site',
    });
  });

  test('finds pages that compete for a query, and not where one has nearly all of it', async () => {
    const rows = [
      row('split', 9, 600, 6),
      row('split', 11, 400, 4, 'https://example.com/b'),
      row('split', 12, 10, 0, 'https://example.com/c'),
      row('clear', 2, 950, 90),
      row('clear', 25, 50, 0, 'https://example.com/b'),
    ];
    const report = await look(rows);
    expect(report.search?.cannibalisation).toEqual([
      {
        query: 'split',
        impressions: 1010,
        pages: [
          { page: URL_A, clicks: 6, impressions: 600, position: 9 },
          { page: 'https://example.com/b', clicks: 4, impressions: 400, position: 11 },
        ],
      },
    ]);
    expect(rulesOf(report, 'https://example.com/b')).toEqual(['search-cannibalised']);
  });

  test('keeps the brand apart, however it is written', async () => {
    const search = await searchOf([row('Blue-Widgéts login', 8, 1000, 100), row('cheap tools', 8, 500, 5)], {
      brandTerms: ['blue widgets'],
    });
    expect(search.brand).toEqual({ clicks: 100, impressions: 1000, ctr: 0.1, position: 8 });
    expect(search.nonBrand).toMatchObject({ clicks: 5, impressions: 500 });
    expect(search.strikingDistance.map(({ query }) => query)).toEqual(['cheap tools']);
    expect((await searchOf(USUAL)).brand).toBeUndefined();
  });

  test('adds up rows that are split by other dimensions', async () => {
    const { strikingDistance, totals } = await searchOf([row('x', 5, 300, 10), row('x', 9, 100, 2)]);
    expect(strikingDistance).toMatchObject([{ clicks: 12, impressions: 400, position: 6 }]);
    expect(totals).toEqual({ clicks: 12, impressions: 400, ctr: 0.03, position: 6 });
  });

  test('joins them with a crawl: faults on pages that people find come first', async () => {
    const pages = [
      { ...GOOD, title: '' },
      { ...GOOD, url: 'https://example.com/quiet', canonical: 'https://example.com/quiet', title: '' },
    ];
    const report = await look([row('x', 2, 3000, 300, 'https://EXAMPLE.com/a#top')], { pages });
    expect(report.search?.pagesWithDemand).toEqual([
      {
        page: 'https://EXAMPLE.com/a#top',
        clicks: 300,
        impressions: 3000,
        rules: ['title-missing', 'text-duplicate'],
      },
    ]);
    expect(report.topWin).toMatchObject({ title: 'Mend first the pages that people already find' });
    expect(report.counts.pages).toBe(2);
    expect(report.score).toBeLessThan(100);
  });

  test('says so when there are no figures yet', async () => {
    const report = await look([]);
    expect(report).toMatchObject({ opportunities: [], problemsByPage: [] });
    expect(report.summary).toBe(
      'example.com: no rule found anything to mend. Search Console has no figures for it from 2026-10-01 to 2026-10-28.',
    );
  });

  test('takes rows without pages, or without queries', async () => {
    const bare = { clicks: 10, impressions: 1000, position: 8 };
    const byQuery = await look([{ query: 'x', ...bare }]);
    expect(byQuery).toMatchObject({ problemsByPage: [], topWin: { pages: [] } });
    expect((await look([{ page: URL_A, ...bare }])).search).toMatchObject({ strikingDistance: [] });
  });

  test('needs a crawl or rows, and says which fields those are', () => {
    const failure = input.safeParse({ siteUrl: URL_A }).error?.issues[0];
    expect(failure).toMatchObject({
      path: ['pages'],
      message: expect.stringContaining('so is rows') as string,
    });
    expect(input.safeParse({ rows: [] }).error?.issues[0]).toMatchObject({ path: ['siteUrl'] });
  });

  test('bears 50,000 rows', async () => {
    const rows = Array.from({ length: 50_000 }, (_, n) =>
      row(`query ${n % 20_000}`, 1 + (n % 40), 10 + (n % 500), n % 7, `https://example.com/${n % 3000}`),
    );
    const report = await look(rows);
    expect(report.search?.strikingDistance).toHaveLength(50);
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(1024 * 1024);
  });
});
