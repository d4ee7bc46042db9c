/** What the ledger tells of memos and incidents. */
import { change, type LedgerEntry } from '../ledger';
import type { ChangeAction } from '../ledger/actions';
import type { Act } from '../oversight/act';
import type { Memo } from './memo';

/** One entity for each memo: its entries tell who was asked what, and who said what. */
export function memoEntry(
  before: Memo | undefined,
  memo: Memo,
  { at, actor }: Pick<LedgerEntry, 'at' | 'actor'>,
): LedgerEntry {
  const { id, runId, decisions } = memo;
  const comment = decisions.at(-1)?.comment;
  return {
    at,
    actor,
    action: verbOf(memo, at),
    entity: 'approval',
    id,
    ...change(before ? projectMemo(before) : {}, projectMemo(memo)),
    ...(comment !== undefined && { reason: comment }),
    runId,
  };
}

const projectMemo = ({ state, title, agentId, decisions, escalatedAt }: Memo): Record<string, unknown> => ({
  status: state,
  title,
  ...(agentId !== undefined && { agentId }),
  ...(decisions.length > 0 && { votes: decisions.map((d) => `${d.by} ${d.verdict}`).join(', ') }),
  ...(escalatedAt !== undefined && { escalatedAt }),
});

function verbOf({ state, decisions, escalatedAt }: Memo, at: number): ChangeAction {
  if (state !== 'requested') return `approval.${state}`;
  if (escalatedAt === at) return 'approval.escalated';
  return decisions.length > 0 ? 'approval.voted' : 'approval.requested';
}

export const incidentEntry = ({ agentId, at, incident = '', runId }: Act): LedgerEntry => ({
  at,
  actor: `agent:${agentId}`,
  action: 'oversight.incident',
  entity: 'oversight',
  id: agentId,
  set: {},
  reason: incident,
  runId,
});
