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
