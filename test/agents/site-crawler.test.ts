import { gzipSync } from 'node:zlib';
import { input, output, run } from '../../agents/site-crawler/src/jobs/site-crawler';
import { LIMITS } from '../../agents/site-crawler/src/jobs/crawl/limits';
import { testContext } from './context';
import { html, redirect, startDocumentationSite, startSite, type Site } from './sites';

const open: Site[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((site) => site.close()));
});

async function site(...given: Parameters<typeof startSite>): Promise<Site> {
  const started = await startSite(...given);
  open.push(started);
  return started;
}

/** A site of named pages; anything else is 404. */
function pagesSite(pages: Record<string, string>): Promise<Site> {
  return site((path, response) => {
    const body = pages[path];
    if (path === '/robots.txt' && body !== undefined)
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end(body);
    html(response, body ?? '', body === undefined ? 404 : 200);
  });
}

async function crawl(siteUrl: string, limits: object = {}, ctx = testContext()) {
  return output.parse(await run(input.parse({ siteUrl, ...limits }), ctx));
}

const links = (...hrefs: string[]) => hrefs.map((href) => `<a href="${href}">x</a>`).join('');

describe('on pages nobody here wrote', () => {
  let docs: Site;
  beforeAll(async () => void (docs = await startDocumentationSite()));
  afterAll(() => docs.close());

  test('finds every page and reads it', async () => {
    const { pages, links: checked, totals, robots, truncated } = await crawl(docs.url);
    expect(pages.map(({ url }) => new URL(url).pathname).sort()).toEqual([
      '/',
      '/401.html',
      '/404.html',
      '/500.html',
      '/charts.html',
      '/index.html',
      '/layout-sidenav-light.html',
      '/layout-static.html',
      '/login.html',
      '/password.html',
      '/register.html',
      '/tables.html',
    ]);
    expect(pages[0]).toMatchObject({
      status: 200,
      title: 'Dashboard - SB Admin',
      lang: 'en',
      h1: ['Dashboard'],
    });
    expect(pages[0]?.wordCount).toBeGreaterThan(100);
    expect(checked.broken).toEqual([]);
    expect([robots, truncated, totals.pages]).toEqual([{ found: false }, [], 12]);
  });

  test('gives the same output twice, and stops at the page limit', async () => {
    const urls = async () => (await crawl(docs.url, { maxPages: 5 })).pages.map(({ url }) => url);
    const first = await urls();
    expect(first).toHaveLength(5);
    expect(await urls()).toEqual(first);
    expect((await crawl(docs.url, { maxPages: 5 })).truncated).toContain('pages');
  });
});

test('reads what an audit needs from a page', async () => {
  const { url } = await pagesSite({
    '/': `<!doctype html><html lang="de"><head><title> Grüße &amp; more </title>
      <meta name="Description" content="About us"><meta name="robots" content="noindex">
      <link rel="canonical" href="/start"><meta name="viewport" content="width=device-width">
      <script type="application/ld+json">{"@graph":[{"@type":["WebSite","Thing"]}]}</script>
      <script type="application/ld+json">{broken</script></head>
      <body><svg><title>icon</title></svg><h1>One</h1><h3>Three</h3><p>two words 你好</p><script>not text</script>
      <img src="a.png"><img src="b.png" alt=""><div itemscope itemtype="https://schema.org/Person"></div>
      <a href="https://other.example/">out</a><a href="mailto:a@b.c">mail</a><a href="javascript:alert(1)">js</a></body>`,
  });
  const [page] = (await crawl(url)).pages;
  expect(page).toMatchObject({
    title: 'Grüße & more',
    description: 'About us',
    robotsMeta: 'noindex',
    canonical: `${url}start`,
    lang: 'de',
    viewport: true,
    h1: ['One'],
    headings: [
      { level: 1, text: 'One' },
      { level: 3, text: 'Three' },
    ],
    images: { total: 2, missingAlt: ['a.png'] },
    links: [{ href: 'https://other.example/', internal: false }],
    structuredData: ['WebSite', 'Thing', 'Person'],
    structuredDataErrors: 1,
  });
});

test('keeps to robots.txt and lists what it left out', async () => {
  const { url, requests } = await pagesSite({
    '/robots.txt': 'User-agent: *\nDisallow: /private\nCrawl-delay: 0.2\n',
    '/': links('/private/a', '/open', '/private/file.pdf'),
    '/open': '',
    '/private/a': '',
  });
  const begun = performance.now();
  const { skipped, robots, pages } = await crawl(url, { userAgent: 'TestCrawler/1.0' });
  expect(robots).toEqual({ found: true, crawlDelay: 0.2 });
  expect(skipped.map(({ url: left, reason }) => [new URL(left).pathname, reason])).toEqual([
    ['/private/a', 'disallowed by robots.txt'],
    ['/private/file.pdf', 'disallowed by robots.txt'],
  ]);
  expect(pages).toHaveLength(2);
  expect(requests.filter(({ path }) => path.startsWith('/private'))).toEqual([]);
  expect(new Set(requests.map(({ userAgent }) => userAgent))).toEqual(new Set(['TestCrawler/1.0']));
  // From its beginning on: however late a request is seen, the second page is not asked for before its time.
  expect((requests[2]?.at ?? 0) - begun).toBeGreaterThan(195);
});

test('crawls nothing when robots.txt cannot be had, or forbids the start', async () => {
  const failing = await site((_path, response) => html(response, '', 503));
  await expect(crawl(failing.url)).rejects.toThrow(/input\.siteUrl: .*robots\.txt answered 503/);
  expect(failing.requests).toHaveLength(1);
  const closed = await pagesSite({ '/robots.txt': 'User-agent: *\nDisallow: /', '/': 'hello' });
  await expect(crawl(closed.url)).rejects.toThrow(/disallowed by robots\.txt/);
});

test('reports broken and redirected links with the pages that link there', async () => {
  const { url } = await site((path, response, { method }) => {
    if (path === '/')
      return html(response, links('/a', '/gone', '/moved', '/file.pdf', '/no-head.zip', '/lost.png'));
    if (path === '/a') return html(response, links('/gone'));
    if (path === '/moved') return redirect(response, '/a', 301);
    if (path === '/file.pdf')
      return void response.writeHead(200, { 'content-type': 'application/pdf' }).end();
    if (path === '/no-head.zip') return html(response, '', method === 'HEAD' ? 405 : 200);
    html(response, 'nothing', 404);
  });
  const { links: found, pages } = await crawl(url);
  expect(found.broken).toEqual([
    { url: `${url}gone`, status: 404, from: [url, `${url}a`] },
    { url: `${url}lost.png`, status: 404, from: [url] },
  ]);
  expect(found.redirected).toEqual([{ url: `${url}moved`, status: 200, to: `${url}a`, from: [url] }]);
  expect(found.checked).toBe(6);
  expect(pages.map((page) => page.url)).toEqual([url, `${url}a`, `${url}gone`]);
});

test('survives redirect loops and huge pages, and never leaves the host', async () => {
  const other = await site((_path, response) => html(response, 'another host'));
  const { url } = await site((path, response) => {
    if (path === '/robots.txt') return html(response, '', 404);
    if (path === '/loop') return redirect(response, '/loop2');
    if (path === '/loop2') return redirect(response, '/loop');
    if (path.startsWith('/chain')) return redirect(response, `/chain${Number(path.slice(6)) + 1}`);
    if (path === '/away') return redirect(response, other.url);
    if (path === '/scheme') return redirect(response, 'file:///etc/passwd');
    if (path === '/bomb') {
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
      return void response.end(gzipSync('x'.repeat(5_000_000)));
    }
    if (path === '/reset') return void response.destroy();
    html(response, links('/loop', '/chain0', '/away', '/scheme', '/bomb', '/reset', other.url));
  });
  const result = await crawl(url, { maxBytesPerPage: 20_000 });
  const reasons = Object.fromEntries(result.skipped.map((left) => [new URL(left.url).pathname, left.reason]));
  expect(reasons).toEqual({
    '/loop': expect.stringMatching(/redirect loop/) as string,
    '/chain0': `more than ${LIMITS.redirects} redirects`,
    '/away': expect.stringMatching(/redirects to another host/) as string,
    '/scheme': expect.stringMatching(/not http or https/) as string,
    '/reset': expect.stringMatching(/fetch failed: /) as string,
  });
  expect(result.pages.find((page) => page.url.endsWith('/bomb'))).toMatchObject({
    bytes: 20_000,
    truncated: true,
  });
  expect(result.links.redirected).toEqual([{ url: `${url}away`, to: other.url, from: [url] }]);
  expect(other.requests).toEqual([]);
});

test('leaves a page that never ends its answer', async () => {
  const { url } = await site((path, response) => {
    if (path === '/robots.txt') return html(response, '', 404);
    if (path !== '/drip') return html(response, links('/drip'));
    response.writeHead(200, { 'content-type': 'text/html' }).write('<p>slow');
  });
  const { skipped } = await crawl(url, { timeoutMs: 1_000 });
  expect(skipped).toEqual([{ url: `${url}drip`, reason: 'no complete answer within 1000 ms' }]);
});

test('stops at the byte limit and at the time limit, with what it has', async () => {
  const big = await site((path, response) => {
    if (path === '/robots.txt') return html(response, '', 404);
    const n = Number(path.slice(2)) || 0;
    html(response, links(...[1, 2, 3, 4, 5].map((k) => `/p${n * 5 + k}`)) + 'x'.repeat(10_000));
  });
  expect((await crawl(big.url, { maxTotalBytes: 50_000, maxPages: 500 })).truncated).toContain('bytes');

  const stuck = await site((path, response) => {
    if (path === '/robots.txt') return html(response, '', 404);
    if (path === '/') html(response, links('/stuck'));
  });
  const result = await crawl(stuck.url, { maxSeconds: 1, timeoutMs: 60_000 });
  expect([result.truncated, result.pages.length]).toEqual([['time'], 1]);
});

test('keeps its output bounded on a site without end', async () => {
  const endless = await site((path, response) => {
    if (path === '/robots.txt') return html(response, '', 404);
    const many = Array.from({ length: 300 }, (_, n) => `${path}x/${n}-${'long'.repeat(20)}`.slice(0, 900));
    html(response, many.map((href) => `<h2>${'heading '.repeat(30)}</h2>${links(href)}`).join(''));
  });
  const result = await crawl(endless.url, { maxPages: 60 });
  expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(LIMITS.outputBytes);
  expect(result.pages).toHaveLength(60);
  expect(result.truncated).toEqual(expect.arrayContaining(['pages', 'links', 'output']));
});

test('names siteUrl when the start page cannot be had', async () => {
  const gone = await site((_path, response) => html(response, '', 404));
  await expect(crawl(gone.url)).rejects.toThrow(/^input\.siteUrl: .* answered 404/);
  const closed = await site(() => undefined);
  await closed.close();
  await expect(crawl(closed.url)).rejects.toThrow(/^input\.siteUrl: .*ECONNREFUSED/);
  open.splice(open.indexOf(closed), 1);
});

test('stops at once when cancelled', async () => {
  const ctx = testContext();
  const silent = await site(() => ctx.stop.abort());
  await expect(crawl(silent.url, {}, ctx)).rejects.toThrow();
  expect(silent.requests).toHaveLength(1);
});
