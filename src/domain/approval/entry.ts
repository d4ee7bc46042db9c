/** What the ledger tells of memos and incidents. */
import type { LedgerEntry } from '../ledger';
import type { Act } from '../oversight/act';
import type { Memo } from './memo';

/** One entity for each memo: its entries tell who was asked what, and who said what. */
export function memoEntry(memo: Memo, { at, actor }: Pick<LedgerEntry, 'at' | 'actor'>): LedgerEntry {
  const { id, runId, state, title, agentId, decisions } = memo;
  const comment = decisions.at(-1)?.comment;
  return {
    at,
    actor,
    action: `approval.${verbOf(memo, at)}`,
    entity: 'approval',
    id,
    set: {
      status: state,
      title,
      ...(agentId !== undefined && { agentId }),
      ...(decisions.length > 0 && { votes: decisions.map((d) => `${d.by} ${d.verdict}`).join(', ') }),
    },
    ...(comment !== undefined && { reason: comment }),
    runId,
  };
}

function verbOf({ state, decisions, escalatedAt }: Memo, at: number): string {
  if (state !== 'requested') return state;
  if (escalatedAt === at) return 'escalated';
  return decisions.length > 0 ? 'voted' : 'requested';
}

export const incidentEntry = ({ agentId, at, incident = '', runId }: Act): LedgerEntry => ({
  at,
  actor: `agent:${agentId}`,
  action: 'oversight.incident',
  entity: 'oversight',
  id: agentId,
  set: { lastIncident: at },
  reason: incident,
  runId,
});
