/** What people are told of a memo, with a link to the page that shows it and takes their word. */
import { lastWord, type Memo } from '../../domain/approval/memo';
import type { Notification } from '../../domain/notification';

export const pageOf = ({ id }: Pick<Memo, 'id'>): string => `/approvals/${id}/page`;

export function memoMessage(memo: Memo, publicUrl: string): Notification {
  const { id, runId, state, title, recommendation, reasons } = memo;
  const links = [{ text: 'Look and decide', url: `${publicUrl}${pageOf(memo)}` }];
  const about = { thread: `approval:${id}`, title, runId };
  if (state !== 'requested') {
    const { by, comment } = lastWord(memo);
    const text = `${WORDS[state]}${by === '' ? '' : ` by ${by}`}${comment === undefined ? '' : `: ${comment}`}`;
    return {
      ...about,
      key: `approval:${id}:${state}`,
      kind: 'approval',
      severity: 'info',
      text,
      state: 'over',
    };
  }
  const escalated = memo.escalatedAt !== undefined;
  const text = [...(escalated ? ['Nobody has decided yet.'] : []), ...reasons, recommendation].join(' ');
  return {
    ...about,
    key: `approval:${id}:${escalated ? 'escalated' : 'requested'}`,
    kind: escalated ? 'approval-escalated' : 'approval',
    severity: escalated ? 'critical' : 'warning',
    text,
    fields: fieldsOf(memo),
    links,
    state: 'open',
  };
}

const WORDS: Record<Exclude<Memo['state'], 'requested'>, string> = {
  approved: 'Approved',
  rejected: 'Rejected',
  'revision-requested': 'Sent back',
  expired: 'Nobody decided in time, which is a no',
  withdrawn: 'No longer asked: the run has ended',
};

function fieldsOf(memo: Memo): Record<string, string> {
  const { risk, costUsd, onNo, quorum, expiresAt, workflowId, stepId } = memo;
  return {
    Step: `${workflowId} / ${stepId}`,
    ...(memo.kind === 'action' && { Risk: `tier ${risk}`, Cost: `$${costUsd.toFixed(2)}` }),
    'On no': onNo,
    ...(quorum > 1 && { Needed: `${quorum} people` }),
    Until: new Date(expiresAt).toISOString(),
  };
}
