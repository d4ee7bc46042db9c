/** searchAnalytics.query, page by page: https://developers.google.com/webmaster-tools/v1/searchanalytics/query */
import { check } from '../../contract';
import { ask, isQuota, type Answer, type Patience } from './http';
import { Page, type GoogleRow, type Input } from './schema';

/** The most rows one request returns. */
const PAGE_ROWS = 25_000;

export interface Query extends Pick<Input, 'dimensions' | 'searchType' | 'filters' | 'dataState'> {
  startDate: string;
  endDate: string;
}

export interface Access {
  apiUrl: string;
  siteProperty: string;
  token: string;
  /** Of the service account, for messages. */
  email: string;
  /** Told after each page. */
  progress(done: { rows: number }): void;
}

/** Up to `limit` rows, fewer when there are no more. */
export async function queryRows(
  query: Query,
  limit: number,
  access: Access,
  patience: Patience,
): Promise<GoogleRow[]> {
  const rows: GoogleRow[] = [];
  while (rows.length < limit) {
    const rowLimit = Math.min(PAGE_ROWS, limit - rows.length);
    const page = await queryPage({ ...bodyOf(query), rowLimit, startRow: rows.length }, access, patience);
    rows.push(...page.slice(0, rowLimit));
    access.progress({ rows: rows.length });
    // A page that is not full is the last one.
    if (page.length < rowLimit) break;
  }
  return rows;
}

function bodyOf({ searchType, filters, ...rest }: Query): object {
  const groups = filters.length > 0 && { dimensionFilterGroups: [{ groupType: 'and', filters }] };
  return { ...rest, type: searchType, ...groups };
}

async function queryPage(body: object, access: Access, patience: Patience): Promise<GoogleRow[]> {
  const { apiUrl, siteProperty, token } = access;
  const answer = await ask(
    `${apiUrl}/sites/${encodeURIComponent(siteProperty)}/searchAnalytics/query`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
    patience,
  );
  if (answer.status === 200) return check(Page, answer.body, "Search Console's answer").rows;
  throw new Error(sentence(answer, access));
}

/** What went wrong and what to do about it. */
function sentence(answer: Answer, { siteProperty, email }: Access): string {
  const { status, reasons, message } = answer;
  const said = [reasons[0], message].filter(Boolean).join(': ') || `status ${status}`;
  if (isQuota(answer))
    return (
      `Search Console's quota for ${siteProperty} is used up (${said}); it is counted per minute, per 10 minutes ` +
      'and per day: try again in 15 minutes, or ask for fewer days or without the dimension page or query'
    );
  if (reasons.some((reason) => ['accessNotConfigured', 'SERVICE_DISABLED'].includes(reason)))
    return (
      'GOOGLE_SERVICE_ACCOUNT_JSON: the Search Console API is not enabled in the Google Cloud project of ' +
      `${email}; enable it there under APIs & Services`
    );
  if (status === 401)
    return `GOOGLE_SERVICE_ACCOUNT_JSON: Google did not take the token of ${email} (${said}); make a new key for it`;
  if (status === 403 || status === 404)
    return (
      `GSC_SITE_URL: ${email} may not read ${siteProperty} (${said}); in Search Console, open that property's ` +
      'Settings → Users and permissions and add this e-mail address (Restricted is enough). ' +
      'A domain property is written sc-domain:example.com'
    );
  if (status === 400) return `input: Search Console refused the query (${said})`;
  return `Search Console could not be asked about ${siteProperty}: ${said}`;
}
