/** What the fetcher asks of Search Console, and what it makes of the answer. */
import { verify } from 'node:crypto';
import nock from '../support/outside';
import { input } from '../../agents/gsc-fetcher/src/jobs/gsc-fetcher';
import { resolvePeriod } from '../../agents/gsc-fetcher/src/jobs/gsc/period';
import { testContext } from './context';
import { EMAIL, PROPERTY, publicKey, rowsAnswer, TOKEN_ANSWER } from './google';
import { grant, query, fetchRows, failure } from './search-console';

describe('what is asked', () => {
  test('signs for a token, asks with it, and returns rows under their names', async () => {
    const form: URLSearchParams[] = [];
    nock('https://oauth2.googleapis.com')
      .post('/token', (body: Record<string, string>) => Boolean(form.push(new URLSearchParams(body))))
      .reply(200, TOKEN_ANSWER);
    const asked: Record<string, unknown>[] = [];
    query().reply(200, (_uri, body) => (asked.push(body as Record<string, unknown>), rowsAnswer(3)));
    const given = { startDate: '2026-10-01', endDate: '2026-10-28', steps: {}, siteUrl: 'ignored' };
    expect(await fetchRows(given)).toEqual({
      siteProperty: PROPERTY,
      startDate: '2026-10-01',
      endDate: '2026-10-28',
      dimensions: ['query', 'page'],
      searchType: 'web',
      rows: [0, 1, 2].map((n) => ({
        keys: [`query ${n}`, `https://example.com/${n}`],
        query: `query ${n}`,
        page: `https://example.com/${n}`,
        clicks: 1,
        impressions: 10,
        ctr: 0.1,
        position: 4.5,
      })),
      rowCount: 3,
      truncated: [],
      totals: { clicks: 3, impressions: 30, ctr: 0.1, position: 4.5 },
    });
    expect(asked).toEqual([
      {
        startDate: '2026-10-01',
        endDate: '2026-10-28',
        dimensions: ['query', 'page'],
        type: 'web',
        dataState: 'final',
        rowLimit: 5001,
        startRow: 0,
      },
    ]);
    expect(form[0]?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = form[0]?.get('assertion')?.split('.') ?? [];
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    const { iat, exp, ...rest } = decode(claims) as { iat: number; exp: number };
    expect(rest).toEqual({
      iss: EMAIL,
      scope: 'https://www.googleapis.com/auth/webmasters.readonly',
      aud: 'https://oauth2.googleapis.com/token',
    });
    expect([exp - iat, Math.abs(iat - Date.now() / 1000) < 60]).toEqual([3600, true]);
    const signed = Buffer.from(`${header}.${claims}`);
    expect(verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  test('passes on filters, type and state in Google’s words, to a property of the list', async () => {
    grant();
    let asked: unknown;
    query(
      `/webmasters/v3/sites/${encodeURIComponent('https://shop.example.com/')}/searchAnalytics/query`,
    ).reply(200, (_uri, body) => ((asked = body), rowsAnswer(0)));
    const { rows, totals, siteProperty } = await fetchRows({
      siteProperty: 'https://shop.example.com/',
      dimensions: ['date'],
      searchType: 'image',
      dataState: 'all',
      filters: [
        { dimension: 'country', expression: 'deu' },
        { dimension: 'page', operator: 'contains', expression: '/shop/' },
      ],
    });
    expect(asked).toMatchObject({
      type: 'image',
      dataState: 'all',
      dimensions: ['date'],
      dimensionFilterGroups: [
        {
          groupType: 'and',
          filters: [
            { dimension: 'country', operator: 'equals', expression: 'deu' },
            { dimension: 'page', operator: 'contains', expression: '/shop/' },
          ],
        },
      ],
    });
    expect([rows, siteProperty]).toEqual([[], 'https://shop.example.com/']);
    expect(totals).toEqual({ clicks: 0, impressions: 0, ctr: 0, position: 0 });
  });

  test('only reads, so a dry run does the same', async () => {
    grant();
    query().reply(200, rowsAnswer(1));
    expect((await fetchRows({}, testContext({ dryRun: true }))).rowCount).toBe(1);
  });

  test.each([
    [
      'a property that is not listed',
      { siteProperty: 'https://other.example/' },
      /^input\.siteProperty: .* is not in GSC_SITE_URL/,
    ],
    [
      'days out of order',
      { startDate: '2026-02-02', endDate: '2026-02-01' },
      /^input\.startDate: 2026-02-02 is after/,
    ],
    ['a day to come', { endDate: '2999-01-01' }, /^input\.endDate: 2999-01-01 is in the future/],
  ])('refuses %s before it asks anybody', async (_what, given, why) => {
    expect(await failure(given)).toMatch(why);
  });

  test.each([
    [{ startDate: '2026-02-30' }, 'startDate'],
    [{ dimensions: ['query', 'query'] }, 'dimensions'],
    [{ rowLimit: 50_001 }, 'rowLimit'],
    [{ filters: [{ dimension: 'date', expression: 'x' }] }, 'filters'],
  ])('an input of %j does not fit', (given, field) => {
    expect(input.safeParse(given).error?.issues[0]?.path[0]).toBe(field);
  });
});

describe('the period', () => {
  // 07:30 UTC is still the day before in Los Angeles.
  const now = new Date('2026-03-10T06:30:00Z');
  const period = (given: object) => resolvePeriod({ days: 28, delayDays: 3, ...given }, now);

  test.each([
    [{}, '2026-02-07', '2026-03-06'],
    [{ days: 1, delayDays: 0 }, '2026-03-09', '2026-03-09'],
    [{ startDate: '2026-03-01' }, '2026-03-01', '2026-03-06'],
    [{ endDate: '2026-03-01', days: 7 }, '2026-02-23', '2026-03-01'],
    [{ startDate: '2026-03-08', endDate: '2026-03-09' }, '2026-03-08', '2026-03-09'],
  ])('%j is %s to %s', (given, startDate, endDate) => {
    expect(period(given)).toEqual({ startDate, endDate });
  });

  test('does not ask for tomorrow, which is today elsewhere', () => {
    expect(() => period({ endDate: '2026-03-10' })).toThrow(/today is 2026-03-09 in America\/Los_Angeles/);
  });
});

describe('pages and limits', () => {
  const starts: unknown[] = [];
  const serve = (count: number) =>
    query().reply(200, (_uri, body) => {
      const { startRow, rowLimit } = body as { startRow: number; rowLimit: number };
      starts.push([startRow, rowLimit]);
      return rowsAnswer(count, startRow);
    });
  beforeEach(() => void (starts.length = 0));

  test('reads on until a page is not full', async () => {
    grant();
    for (const count of [25_000, 300]) serve(count);
    const { truncated, rowCount } = await fetchRows({ rowLimit: 30_000, dimensions: [] });
    expect(starts).toEqual([
      [0, 25_000],
      [25_000, 5001],
    ]);
    expect([truncated, rowCount < 25_300]).toEqual([['output'], true]);
  });

  test('stops at the row limit and says whether there was more', async () => {
    grant();
    serve(11);
    expect(await fetchRows({ rowLimit: 10 })).toMatchObject({ rowCount: 10, truncated: ['rows'] });
    grant();
    serve(10);
    expect(await fetchRows({ rowLimit: 10 })).toMatchObject({ rowCount: 10, truncated: [] });
    expect(starts).toEqual([
      [0, 11],
      [0, 11],
    ]);
  });

  test('keeps its output within 2 MiB', async () => {
    grant();
    serve(20_000);
    const result = await fetchRows({ rowLimit: 20_000 });
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(2.1 * 1024 * 1024);
    expect(result).toMatchObject({ truncated: ['output'], rowCount: result.rows.length });
    expect(result.totals.clicks).toBe(result.rowCount);
  });
});
