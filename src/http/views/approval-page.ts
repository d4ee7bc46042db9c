/** The HTML of the page that takes a decision. No script; its one style is named in its policy by its hash. */
import { createHash } from 'node:crypto';
import type { Memo } from '../../domain/approval/memo';
import { iso } from './time';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
h1 { font-size: 1.4rem } dt { font-weight: 600 } dd { margin: 0 0 .5rem }
textarea, input { width: 100%; box-sizing: border-box; font: inherit; padding: .4rem }
button { font: inherit; padding: .5rem 1rem; margin: .5rem .5rem 0 0; min-height: 44px }
.state { padding: .5rem 1rem; border-left: 4px solid #57606a; background: #f6f8fa }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } .state { background: #161b22 } }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export const PAGE_HEADERS = {
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  // Without it browsers send "Origin: null" with our own forms, which then look like another site's.
  'Referrer-Policy': 'same-origin',
};

/** A page of ours without a script. `body` and `head` are HTML. */
export const page = (title: string, body: string, head = ''): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${head}
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><main>${body}</main></body>
</html>
`;

/** Whoever comes from another site: once more from here, so that the browser sends our cookie. */
export const throughPage = (): string =>
  page(
    'Reveille',
    '<p><a href="?again=1">Go on</a></p>',
    '<meta http-equiv="refresh" content="0; url=?again=1">',
  );

/** @param sso where a provider's login begins that leads back here, if there is one */
export const loginPage = (sso?: string): string =>
  page(
    'Log in',
    `<h1>Log in to see this</h1>
<form method="post"><label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required maxlength="512">
<button>Log in</button></form>${
      sso === undefined ? '' : `<p><a href="${escaped(sso)}">Log in with single sign-on</a></p>`
    }`,
  );

export function memoPage(memo: Memo, who: { csrf: string; mayDecide: boolean }): string {
  const { title, recommendation, reasons, state } = memo;
  const why = reasons.map((reason) => `<li>${escaped(reason)}</li>`).join('');
  const status = `<p class="state" role="status">${escaped(STATE_TEXT[state])}</p>`;
  return page(
    title,
    `<h1>${escaped(title)}</h1>${status}
<p>${escaped(recommendation)}</p><ul>${why}</ul>
<dl>${facts(memo)
      .map(([term, text]) => `<dt>${escaped(term)}</dt><dd>${escaped(text)}</dd>`)
      .join('')}</dl>
${actionList(memo)}${votes(memo)}${state === 'requested' ? form(memo, who) : ''}`,
  );
}

const STATE_TEXT: Record<Memo['state'], string> = {
  requested: 'Waits for a decision.',
  approved: 'Approved.',
  rejected: 'Rejected.',
  'revision-requested': 'Sent back for another proposal.',
  expired: 'Nobody decided in time.',
  withdrawn: 'No longer asked: the run has ended.',
};

function facts(memo: Memo): Array<[string, string]> {
  const { workflowId, stepId, agentId, risk, costUsd, onNo, expiresAt, quorum, evidence, kind } = memo;
  const proposal: Array<[string, string]> = [
    ['Agent', agentId ?? ''],
    ['Risk', `tier ${risk} of 3`],
    ['Cost', `$${costUsd.toFixed(2)}`],
    ['Confidence', evidence.confidence === undefined ? 'not said' : String(evidence.confidence)],
  ];
  return [
    ['Workflow and step', `${workflowId} / ${stepId}`],
    ...(kind === 'action' ? proposal : []),
    ['On no', onNo],
    ['Approvals needed', String(quorum)],
    ['Open until', iso(expiresAt)],
  ];
}

function actionList({ evidence: { actions, actionCount } }: Memo): string {
  if (actions.length === 0) return '';
  const lines = actions.map(({ type, platform, costUsd, recurring, reach }) => {
    const parts = [
      platform ?? '',
      costUsd === undefined ? '' : `$${costUsd.toFixed(2)}`,
      recurring === true ? 'again and again' : '',
      reach === undefined ? '' : `reaches ${reach}`,
    ].filter((part) => part !== '');
    return `<li>${escaped([type, ...parts].join(', '))}</li>`;
  });
  const more = actionCount > actions.length ? `<li>and ${actionCount - actions.length} more</li>` : '';
  return `<h2>What it would do</h2><ol>${lines.join('')}${more}</ol>`;
}

function votes({ decisions }: Memo): string {
  if (decisions.length === 0) return '';
  const lines = decisions.map(
    ({ by, verdict, comment = '' }) => `<li>${escaped(`${by}: ${verdict} ${comment}`)}</li>`,
  );
  return `<h2>What was said</h2><ul>${lines.join('')}</ul>`;
}

function form({ mayRevise }: Memo, { csrf, mayDecide }: { csrf: string; mayDecide: boolean }): string {
  if (!mayDecide) return '<p>You may look, but not decide: that needs the scope approver.</p>';
  const revise = mayRevise ? '<button name="verdict" value="revise">Send back</button>' : '';
  return `<form method="post"><input type="hidden" name="csrf" value="${escaped(csrf)}">
<label for="comment">Comment</label><textarea id="comment" name="comment" rows="3" maxlength="2000"></textarea>
<button name="verdict" value="approve">Approve</button><button name="verdict" value="reject">Reject</button>${revise}</form>`;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text of others as text: in HTML and in quoted attributes. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
