/** Search Console as nock plays it, and the fetcher that asks it. */
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/gsc-fetcher/src/jobs/gsc-fetcher';
import { setVariables, testContext, type TestContext } from './context';
import { ACCESS_TOKEN, base64, keyFile, PROPERTY, TOKEN_ANSWER } from './google';

export const PATH = `/webmasters/v3/sites/${encodeURIComponent(PROPERTY)}/searchAnalytics/query`;
export const AT_ONCE = { 'retry-after': '0' };

useOutside();
export let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    GOOGLE_SERVICE_ACCOUNT_JSON: base64(keyFile()),
    GSC_SITE_URL: `${PROPERTY}, https://shop.example.com/`,
    GSC_API_URL: undefined,
  });
});
afterEach(() => restore());

export const grant = () => nock('https://oauth2.googleapis.com').post('/token').reply(200, TOKEN_ANSWER);
export const query = (path = PATH) =>
  nock('https://www.googleapis.com', { reqheaders: { authorization: `Bearer ${ACCESS_TOKEN}` } }).post(path);

export async function fetchRows(given: object = {}, ctx: TestContext = testContext()) {
  return output.parse(await run(input.parse(given), ctx));
}

export async function failure(given: object = {}, ctx: TestContext = testContext()): Promise<string> {
  const outcome = await run(input.parse(given), ctx).catch((error: Error) => error);
  if (!(outcome instanceof Error)) throw new Error('it did not fail');
  const told = JSON.stringify([outcome.message, ctx.logs]);
  expect(told).not.toContain(ACCESS_TOKEN);
  expect(told).not.toMatch(/PRIVATE KEY|MII/);
  return outcome.message;
}
