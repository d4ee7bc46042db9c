/** Against the published shapes of Google's token endpoint and of searchAnalytics.query (see google.ts). */
import { verify } from 'node:crypto';
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/gsc-fetcher/src/jobs/gsc-fetcher';
import { resolvePeriod } from '../../agents/gsc-fetcher/src/jobs/gsc/period';
import { setVariables, testContext, type TestContext } from './context';
import {
  ACCESS_TOKEN,
  base64,
  EMAIL,
  errorAnswer,
  keyFile,
  PROPERTY,
  publicKey,
  rowsAnswer,
  TOKEN_ANSWER,
} from './google';

const PATH = `/webmasters/v3/sites/${encodeURIComponent(PROPERTY)}/searchAnalytics/query`;
const AT_ONCE = { 'retry-after': '0' };

useOutside();
let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    GOOGLE_SERVICE_ACCOUNT_JSON: base64(keyFile()),
    GSC_SITE_URL: `${PROPERTY}, https://shop.example.com/`,
    GSC_API_URL: undefined,
  });
});
afterEach(() => restore());

const grant = () => nock('https://oauth2.googleapis.com').post('/token').reply(200, TOKEN_ANSWER);
const query = (path = PATH) =>
  nock('https://www.googleapis.com', { reqheaders: { authorization: `Bearer ${ACCESS_TOKEN}` } }).post(path);

async function fetchRows(given: object = {}, ctx: TestContext = testContext()) {
  return output.parse(await run(input.parse(given), ctx));
}

async function failure(given: object = {}, ctx: TestContext = testContext()): Promise<string> {
  const outcome = await run(input.parse(given), ctx).catch((error: Error) => error);
  if (!(outcome instanceof Error)) throw new Error('it did not fail');
  const told = JSON.stringify([outcome.message, ctx.logs]);
  expect(told).not.toContain(ACCESS_TOKEN);
  expect(told).not.toMatch(/PRIVATE KEY|MII/);
  return outcome.message;
}

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

describe('trouble that passes', () => {
  test.each<[what: string, trouble: () => void]>([
    [
      '403 quotaExceeded',
      () => query().reply(403, errorAnswer(403, 'quotaExceeded', 'Quota exceeded.'), AT_ONCE),
    ],
    [
      '403 userRateLimitExceeded',
      () => query().reply(403, errorAnswer(403, 'userRateLimitExceeded', 'Slow down.'), AT_ONCE),
    ],
    [
      '429 rateLimitExceeded',
      () => query().reply(429, errorAnswer(429, 'rateLimitExceeded', 'Slow down.'), AT_ONCE),
    ],
    ['a 503 that is no JSON', () => query().reply(503, '<html>', AT_ONCE)],
  ])('%s is asked again', async (_what, trouble) => {
    grant();
    trouble();
    trouble();
    query().reply(200, rowsAnswer(1));
    const ctx = testContext();
    expect((await fetchRows({}, ctx)).rowCount).toBe(1);
    expect(ctx.logs.filter(({ message }) => message === 'Google asks for patience')).toHaveLength(2);
  });

  test('a broken connection is tried again', async () => {
    grant();
    query().replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    query().reply(200, rowsAnswer(1));
    expect((await fetchRows()).rowCount).toBe(1);
  });

  test('a token endpoint that is down is tried again', async () => {
    nock('https://oauth2.googleapis.com').post('/token').reply(500, { error: 'internal_failure' }, AT_ONCE);
    grant();
    query().reply(200, rowsAnswer(1));
    expect((await fetchRows()).rowCount).toBe(1);
  });

  test('gives up in time, and says what is used up', async () => {
    grant();
    query().reply(403, errorAnswer(403, 'quotaExceeded', 'Quota exceeded.'), { 'retry-after': '900' });
    expect(await failure({ maxSeconds: 5 })).toMatch(
      /^Search Console's quota for sc-domain:example\.com is used up \(quotaExceeded: Quota exceeded\.\).*15 minutes/,
    );
  });

  test('stops waiting when the run is stopped', async () => {
    grant();
    const ctx = testContext();
    query().reply(() => {
      queueMicrotask(() => ctx.stop.abort(new Error('cancelled')));
      return [503, '', { 'retry-after': '60' }];
    });
    await expect(run(input.parse({}), ctx)).rejects.toThrow(/abort|cancelled/);
  });
});

describe('trouble that does not', () => {
  test.each<[what: string, answer: [number, object], why: RegExp]>([
    [
      'no permission for the property',
      [
        403,
        errorAnswer(403, 'forbidden', `User does not have sufficient permission for site '${PROPERTY}'.`),
      ],
      /^GSC_SITE_URL: reader@my-project\S+ may not read sc-domain:example\.com .*Users and permissions and add/,
    ],
    [
      'an API that is not enabled',
      [
        403,
        errorAnswer(403, 'accessNotConfigured', 'Search Console API has not been used in project 1 before.'),
      ],
      /^GOOGLE_SERVICE_ACCOUNT_JSON: the Search Console API is not enabled .* of reader@my-project/,
    ],
    [
      'a token that is not taken',
      [401, errorAnswer(401, 'authError', 'Invalid Credentials')],
      /^GOOGLE_SERVICE_ACCOUNT_JSON: Google did not take the token of reader@my-project/,
    ],
    [
      'a query that makes no sense',
      [400, errorAnswer(400, 'invalidParameter', 'Invalid dimension.')],
      /^input: Search Console refused the query \(invalidParameter: Invalid dimension\.\)/,
    ],
    [
      'rows of another shape',
      [200, { rows: [{ keys: ['a'], clicks: 'many' }] }],
      /^Search Console's answer\.rows\.0\.clicks: /,
    ],
  ])('%s fails at once and says what to do', async (_what, [status, body], why) => {
    grant();
    query().reply(status, body);
    expect(await failure()).toMatch(why);
  });

  test('a key that Google refuses', async () => {
    nock('https://oauth2.googleapis.com')
      .post('/token')
      .reply(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' });
    expect(await failure()).toMatch(
      /^GOOGLE_SERVICE_ACCOUNT_JSON: Google refused the key of reader@my-project\S+ \(invalid_grant: Invalid JWT Signature\.\); make a new key/,
    );
  });
});

describe('credentials', () => {
  const broken = (change: object) =>
    base64(JSON.stringify({ ...(JSON.parse(keyFile()) as object), ...change }));

  test.each<[what: string, value: string | undefined, why: RegExp]>([
    ['missing', undefined, /is not set; set it to/],
    ['blank', '  ', /is not set/],
    ['no base64', '%%%', /is neither JSON nor JSON in base64/],
    ['cut off', base64(keyFile()).slice(0, 400), /is neither JSON nor JSON in base64/],
    ['JSON that was cut off', keyFile().slice(0, 400), /begins like JSON but cannot be parsed/],
    ['a user’s credentials', broken({ type: 'authorized_user' }), /its field type must be "service_account"/],
    ['without an e-mail address', broken({ client_email: undefined }), /its field client_email is missing/],
    ['with a broken key', broken({ private_key: 'MIIEvQ' }), /its field private_key is not an RSA key/],
    [
      'that send the key elsewhere',
      broken({ token_uri: 'http://evil.example/' }),
      /token_uri is no https address/,
    ],
  ])('%s: an error that names the variable', async (_what, value, why) => {
    setVariables({ GOOGLE_SERVICE_ACCOUNT_JSON: value });
    const message = await failure();
    expect(message).toMatch(/^GOOGLE_SERVICE_ACCOUNT_JSON: /);
    expect(message).toMatch(why);
  });

  test.each([
    ['plain JSON', keyFile()],
    ['base64 with line breaks', base64(keyFile()).replace(/.{76}/g, '$&\n')],
    ['line breaks in the key written out twice', keyFile().replaceAll('\\n', '\\\\n')],
  ])('%s are taken', async (_what, value) => {
    setVariables({ GOOGLE_SERVICE_ACCOUNT_JSON: value });
    grant();
    query().reply(200, rowsAnswer(1));
    expect((await fetchRows()).rowCount).toBe(1);
  });

  test('the property must be named', async () => {
    setVariables({ GSC_SITE_URL: undefined });
    expect(await failure()).toMatch(/^GSC_SITE_URL: is not set; set it to the property/);
  });
});
