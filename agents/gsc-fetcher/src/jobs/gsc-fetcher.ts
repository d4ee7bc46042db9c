/** Fetches search queries and pages of a site, with their clicks and positions, from Google Search Console. */
import type { JobContext } from '../contract';
import { readServiceAccount } from './gsc/credentials';
import type { Patience } from './gsc/http';
import { resolvePeriod } from './gsc/period';
import { collect } from './gsc/rows';
import { Input, Output } from './gsc/schema';
import { queryRows } from './gsc/search-analytics';
import { fetchToken } from './gsc/token';

export const input = Input;
export const output = Output;

const API_URL = 'https://www.googleapis.com/webmasters/v3';

/**
 * Only reads, so a dry run does the same.
 * @throws naming the variable when credentials or permissions are missing, or the input when Google refuses it
 */
export async function run(given: Input, ctx: JobContext): Promise<Output> {
  const { dimensions, rowLimit, searchType, filters, dataState } = given;
  const account = readServiceAccount(process.env.GOOGLE_SERVICE_ACCOUNT_JSON);
  const siteProperty = chooseProperty(process.env.GSC_SITE_URL, given.siteProperty);
  const apiUrl = (process.env.GSC_API_URL || API_URL).replace(/\/+$/, '');
  const period = resolvePeriod(given, new Date());
  const patience: Patience = {
    signal: ctx.signal,
    deadline: performance.now() + given.maxSeconds * 1000,
    log: ctx.log,
  };
  const token = await fetchToken(account, patience);
  const query = { ...period, dimensions, searchType, filters, dataState };
  // One more than wanted tells whether there are more.
  const { progress } = ctx;
  const access = { apiUrl, siteProperty, token, email: account.email, progress };
  const rows = await queryRows(query, rowLimit + 1, access, patience);
  const fetched = { siteProperty, ...period, dimensions, searchType, ...collect(rows, dimensions, rowLimit) };
  ctx.log('fetched', { ...period, rows: fetched.rowCount, truncated: fetched.truncated });
  return fetched;
}

/** Which property: an input may only choose among those the environment names. */
function chooseProperty(variable: string | undefined, wanted: string | undefined): string {
  const allowed = (variable ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const [first] = allowed;
  if (!first)
    throw new Error(
      'GSC_SITE_URL: is not set; set it to the property as Search Console shows it, ' +
        'https://www.example.com/ or sc-domain:example.com',
    );
  if (!wanted) return first;
  if (!allowed.includes(wanted))
    throw new Error(
      `input.siteProperty: ${wanted} is not in GSC_SITE_URL (${allowed.join(', ')}); add it there, after a comma`,
    );
  return wanted;
}
