/** The report as a short Slack message, sent through an incoming webhook. */
import { slack as esc } from './escape';
import { authorOf, hostOf, type Report } from './schema';

/** Slack's own limits are 150 characters for a header and 3000 for a section. */
const LIMITS = { header: 150, section: 2900, opportunities: 5, timeoutMs: 10_000, answerChars: 100 };

type Block = { type: string } & Record<string, unknown>;

export function slackMessage(report: Report): { text: string; blocks: Block[] } {
  const grade = report.score === undefined ? '' : ` scores ${report.score}/100`;
  const title = `SEO report: ${hostOf(report)}${grade}`;
  const listed = report.opportunities
    .slice(0, LIMITS.opportunities)
    .map(
      (one, n) =>
        `${n + 1}. *${esc(one.title)}* (impact ${esc(one.impact)}, effort ${esc(one.effort)}, pages: ${one.pages.length})`,
    );
  return {
    text: esc(title),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title.slice(0, LIMITS.header) } },
      section(esc(report.summary)),
      ...(report.topWin
        ? [section(`*Top win: ${esc(report.topWin.title)}*\n${esc(report.topWin.why)}`)]
        : []),
      ...(listed.length > 0 ? [section(listed.join('\n'))] : []),
      { type: 'context', elements: [{ type: 'mrkdwn', text: esc(authorOf(report)) }] },
    ],
  };
}

function section(text: string): Block {
  return { type: 'section', text: { type: 'mrkdwn', text: text.slice(0, LIMITS.section) } };
}

/**
 * Posts once: a message that may have arrived is not sent twice.
 * @throws naming SLACK_WEBHOOK_URL; the address is a secret and never part of the message
 */
export async function postToSlack(url: string, report: Report, signal: AbortSignal): Promise<void> {
  const fail = (why: string): never => {
    throw new Error(`SLACK_WEBHOOK_URL: ${why}`);
  };
  if (!URL.canParse(url)) return fail('is not a URL');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(slackMessage(report)),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMITS.timeoutMs)]),
  }).catch((error: Error) => fail(`could not be reached (${error.name})`));
  // Slack answers in short words, such as "no_service" for a webhook that was removed.
  const words = (await answer.text()).replace(/[^\w ]/g, '').slice(0, LIMITS.answerChars);
  if (!answer.ok) fail(`Slack answered ${answer.status} ${words}`.trim());
}
