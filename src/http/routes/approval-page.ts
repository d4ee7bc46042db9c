/**
 * The page behind the link that people are sent: shows a memo and takes their word, without a script. Getting it
 * changes nothing. Who is not logged in sees nothing of the memo and may log in with an API key.
 */
import { holds } from '../../domain/scope';
import type { Verdict } from '../../domain/approval/memo';
import { VERDICTS } from '../../domain/approval/memo';
import type { Identity, Principal } from '../auth-people';
import type { HandlerDeps } from '../deps';
import { Problem } from '../problems';
import { route, type HttpContext, type Reply } from '../route';
import { csrfTokenOf, CSRF_HEADER, isCrossSite, SESSION_SECONDS, setCookie } from '../session-cookie';
import { loginPage, memoPage, PAGE_HEADERS, throughPage } from '../views/approval-page';
import { memoParams, refused } from './approvals';
import { checkLogin, openSession } from './session';

const tag = 'approvals';
const MAX_COMMENT = 2_000;

const html = (body: string): Reply => ({ kind: 'text', type: 'html', body, headers: PAGE_HEADERS });

/** Somebody who may see this. */
const isViewer = (who: Identity): who is Principal =>
  who !== 'nobody' && who !== 'refused' && holds(who.scopes, 'viewer');

export const approvalPage = route({
  method: 'get',
  path: '/approvals/:id/page',
  operationId: 'getApprovalPage',
  tag,
  summary: 'A page that shows a memo and takes a decision',
  description: 'For browsers. Works without scripts. Getting it decides nothing.',
  access: 'open',
  params: memoParams,
  responses: { 200: { description: 'The page, or a login.', contentType: 'text/html' } },
  problems: ['approval-not-found'],
  handle: async ({ params, req }, { people, store, oidc }) => {
    const who = await people.identify(req, () => undefined);
    if (!isViewer(who)) {
      // A link from elsewhere comes without our cookie; one step on our own site, and it is there.
      const again = req.query['again'] === undefined && req.get('Sec-Fetch-Site') === 'cross-site';
      const sso = oidc && `/session/oidc?to=/approvals/${params.id}/page`;
      return html(again ? throughPage() : loginPage(sso));
    }
    const memo = await store.memo(params.id);
    if (!memo) throw new Problem('approval-not-found');
    return html(memoPage(memo, { csrf: csrfOf(who), mayDecide: holds(who.scopes, 'approver') }));
  },
});

export const decideOnPage = route({
  method: 'post',
  path: '/approvals/:id/page',
  operationId: 'decideOnPage',
  tag,
  summary: 'What the forms of that page send',
  description:
    'Form fields: `key` logs in; `verdict`, `comment` and `csrf` decide. Answers with the way back to the page.',
  access: 'login',
  params: memoParams,
  anyBody: true,
  responses: { 303: { description: 'Done; back to the page.', contentType: 'text/plain' } },
  problems: [
    'approval-not-found',
    'nothing-to-decide',
    'own-approval',
    'voted-already',
    'nothing-to-revise',
    'cross-site',
    'login-refused',
    'login-in-the-clear',
    'unauthorized',
    'scope-missing',
  ],
  handle: async ({ params, req, res, rawBody }, deps) => {
    if (isCrossSite(req)) throw new Problem('cross-site');
    const form = new URLSearchParams(rawBody.toString('utf8'));
    const key = form.get('key');
    if (key !== null) await logIn(key, { req, res }, deps);
    else await decide(params.id, form, req, deps);
    res.redirect(303, `/approvals/${params.id}/page?again=1`);
    return { kind: 'streaming' };
  },
});

async function logIn(key: string, { req, res }: Pick<HttpContext, 'req' | 'res'>, deps: HandlerDeps) {
  checkLogin({ req });
  const who = await deps.people.byKey(key, () => undefined);
  if (who === 'refused') throw new Problem('login-refused');
  const keyId = who.id.slice('key:'.length);
  const { token, expiresAt } = await openSession({ ...who, keyId }, deps);
  const seconds = Math.ceil((expiresAt - deps.clock.now()) / 1_000);
  res.setHeader('Set-Cookie', setCookie(req, 'session', token, Math.min(seconds, SESSION_SECONDS)));
}

/** A form cannot send a header: the token that proves our own page comes as a field. */
async function decide(memoId: string, form: URLSearchParams, req: HttpContext['req'], deps: HandlerDeps) {
  req.headers[CSRF_HEADER.toLowerCase()] = form.get('csrf') ?? '';
  const who = await deps.people.identify(req, () => undefined);
  if (who === 'nobody' || who === 'refused') throw new Problem('unauthorized');
  if (!holds(who.scopes, 'approver'))
    throw new Problem('scope-missing', { detail: 'This needs the scope approver.' });
  const verdict = verdictOf(form.get('verdict'));
  const comment = (form.get('comment') ?? '').trim().replaceAll('\0', '').slice(0, MAX_COMMENT);
  const vote = { by: who.id, owner: who.owner, verdict, ...(comment !== '' && { comment }) };
  const decided = await deps.engine.approvals.decide(memoId, vote);
  if (decided.kind === 'unknown') throw new Problem('approval-not-found');
  if (decided.kind === 'refused') throw refused(decided.why);
}

function verdictOf(text: string | null): Verdict {
  const verdict = VERDICTS.find((known) => known === text);
  if (verdict) return verdict;
  const error = { field: 'body.verdict', message: `is none of ${VERDICTS.join(', ')}` };
  throw new Problem('invalid-request', { detail: `${error.field}: ${error.message}`, errors: [error] });
}

const csrfOf = ({ session }: Principal): string => (session ? csrfTokenOf(session.token) : '');
