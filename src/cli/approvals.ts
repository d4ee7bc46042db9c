/** `reveille approvals`: what waits for a person; and what the commands that decide share. */
import { Command } from 'commander';
import type { z } from 'zod';
import type { Verdict } from '../domain/approval/memo';
import { ApprovalView } from '../http/views/approval';
import { apiOf, overApi, type ApiClient, type ApiOptions } from './client';
import { UsageError } from './exit';
import { counted, print, printable, printJson, table, terminalWidth } from './output';
import { paintFor } from './terminal';

export type ApprovalSeen = z.infer<typeof ApprovalView>;
const MAX_LISTED = 1_000;
const SHORT_ID = 8;

async function waiting(api: ApiClient): Promise<ApprovalSeen[]> {
  const all: ApprovalSeen[] = [];
  for await (const memo of api.items('/approvals', ApprovalView, {}, MAX_LISTED)) all.push(memo);
  return all;
}

/** The id that a beginning of it means. @throws UsageError when nothing that waits begins so, or several things do */
async function idOf(api: ApiClient, text: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/i.test(text)) return text;
  const found = (await waiting(api)).filter(({ id }) => id.startsWith(text.toLowerCase()));
  const [one, ...more] = found;
  if (one && more.length === 0) return one.id;
  const what = one ? `${found.length} approvals begin` : 'Nothing that waits begins';
  throw new UsageError(`${what} with "${text}"; "reveille approvals" lists them.`);
}

export async function decide(
  given: string,
  verdict: Verdict,
  options: ApiOptions & { comment?: string },
): Promise<void> {
  const api = apiOf(options);
  const { comment } = options;
  const body = { verdict, ...(comment !== undefined && { comment }) };
  const memo = await api.post(`/approvals/${await idOf(api, given)}/decision`, ApprovalView, { body });
  if (options.json) return printJson(memo);
  const votes = memo.decisions.filter((d) => d.verdict === 'approve').length;
  const missing = memo.state === 'requested' ? ` (${votes} of ${memo.quorum} approvals)` : '';
  print(`${printable(memo.title)} ${memo.state}${missing}.`);
}

export function approvalsCommand(): Command {
  return overApi(
    new Command('approvals')
      .description('list what waits for a person, or show one of it')
      .argument('[id]', 'an approval, or the beginning of its id'),
  ).action(async (given: string | undefined, options: ApiOptions) => {
    const api = apiOf(options);
    if (given !== undefined)
      return show(await api.get(`/approvals/${await idOf(api, given)}`, ApprovalView), options);
    const memos = await waiting(api);
    if (options.json) return memos.forEach((memo) => printJson(memo));
    if (memos.length === 0) return print('Nothing waits for a person.');
    const lines = table(
      memos,
      [
        { title: 'id', value: (m) => m.id.slice(0, SHORT_ID) },
        { title: 'what', value: (m) => m.title, flexible: true },
        { title: 'risk', value: (m) => (m.kind === 'step' ? '-' : String(m.risk)) },
        { title: 'cost', value: (m) => (m.kind === 'step' ? '-' : `$${m.costUsd.toFixed(2)}`) },
        { title: 'votes', value: (m) => `${m.decisions.length}/${m.quorum}` },
        { title: 'until', value: (m) => m.expiresAt },
      ],
      terminalWidth(),
      paintFor(process.stdout, process.env).dim,
    );
    for (const line of lines) print(line);
    print('\n"reveille approve <id>" or "reveille reject <id>" decides.');
  });
}

function show(memo: ApprovalSeen, { json }: ApiOptions): void {
  if (json) return printJson(memo);
  const { title, state, recommendation, reasons, onNo, quorum, expiresAt, workflowId, stepId, runId } = memo;
  const actions = memo.actions.map(({ type, costUsd, reach, recurring }) =>
    [
      type,
      costUsd === null ? '' : `$${costUsd.toFixed(2)}`,
      reach === null ? '' : `reaches ${reach}`,
      recurring ? 'recurring' : '',
    ]
      .filter((part) => part !== '')
      .join(', '),
  );
  const lines = [
    `${title} (${state})`,
    recommendation,
    ...reasons.map((reason) => `  - ${reason}`),
    ...(memo.kind === 'action' ? [`risk: tier ${memo.risk}   cost: $${memo.costUsd.toFixed(2)}`] : []),
    ...actions.map((action) => `  does: ${action}`),
    `on no: ${onNo}`,
    `asked by: ${workflowId} / ${stepId}, run ${runId}`,
    `needs: ${counted(quorum, 'approval')} until ${expiresAt}`,
    ...memo.decisions.map((d) => `  ${d.by}: ${d.verdict}${d.comment === null ? '' : ` (${d.comment})`}`),
  ];
  for (const line of lines) print(printable(line));
}
