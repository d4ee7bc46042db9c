/** What the fetcher does when Search Console refuses, fails or is slow. */
import nock from '../support/outside';
import { input, run } from '../../agents/gsc-fetcher/src/jobs/gsc-fetcher';
import { setVariables, testContext } from './context';
import { base64, errorAnswer, keyFile, PROPERTY, rowsAnswer } from './google';
import { AT_ONCE, grant, query, fetchRows, failure } from './search-console';

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
