import type { Memo } from '../../domain/approval/memo';
import type { Act } from '../../domain/oversight/act';
import { NOTHING_YET, type LevelRecord, type Standing } from '../../domain/oversight/level';
import { NO_TALLY, type Tally } from '../../domain/protocol/protocol';
import { MAX_KNOWN_TYPES, type ApprovalStore } from '../approvals';
import { toPage, type Cursor } from '../cursor';
import { clone, commit } from './commit';
import { compare, newest } from './order';
import type { Tables } from './tables';

type Counted = Pick<Standing, 'counts' | 'lastIncident' | 'tally'>;

export class ApprovalTables {
  readonly memos = new Map<string, Memo>();
  readonly counts = new Map<string, Counted>();
  readonly types = new Map<string, Set<string>>();
  readonly levels = new Map<string, LevelRecord>();
}

/** The rules of `postgres/approvals.ts`, on maps. */
export function memoryApprovals(tables: Tables): ApprovalStore {
  const { memos, counts, types, levels } = tables.oversight;
  return {
    memo: async (id) => clone(memos.get(id)),
    memos: async ({ state, agentId, runId }, limit, cursor) => {
      const key = (memo: Memo): Cursor => ({ at: memo.requestedAt, id: memo.id });
      const all = [...memos.values()].filter(
        (m) =>
          (state === undefined || m.state === state) &&
          (agentId === undefined || m.agentId === agentId) &&
          (runId === undefined || m.runId === runId),
      );
      return toPage(clone(newest(all, key, limit, cursor)), limit, key);
    },
    standing: async (agentId) => {
      const level = levels.get(agentId);
      return clone({
        agentId,
        ...(level && { level }),
        ...(counts.get(agentId) ?? { counts: NOTHING_YET }),
        known: [...(types.get(agentId) ?? [])].sort(compare),
      });
    },
    setLevel: async (agentId, level, entry) => {
      if ((levels.get(agentId)?.version ?? 0) !== level.version - 1) return false;
      levels.set(agentId, clone(level));
      commit(tables, { at: entry.at, ledger: [entry] });
      return true;
    },
  };
}

export function applyMemos({ oversight }: Tables, memos: readonly Memo[] = []): void {
  for (const memo of memos) oversight.memos.set(memo.id, clone(memo));
}

/** `apply_acts` of the migration. */
export function applyActs({ oversight }: Tables, acts: readonly Act[] = []): void {
  for (const act of acts) {
    const { agentId, incident, supervised, actions, types, at, runId } = act;
    const before = oversight.counts.get(agentId) ?? { counts: NOTHING_YET };
    const known = { ...before, tally: tallied(before.tally, act) };
    const { supervisedActions, incidents } = known.counts;
    if (incident !== undefined) {
      const next = { supervisedActions: 0, incidents: incidents + 1 };
      oversight.counts.set(agentId, { ...known, counts: next, lastIncident: { at, text: incident, runId } });
      continue;
    }
    const more = supervised ? actions : 0;
    const next = { supervisedActions: supervisedActions + more, incidents };
    oversight.counts.set(agentId, { ...known, counts: next });
    const seen = oversight.types.get(agentId) ?? new Set();
    const full = seen.size >= MAX_KNOWN_TYPES;
    if (!full) for (const type of types) seen.add(type);
    oversight.types.set(agentId, seen);
  }
}

function tallied(tally: Tally = NO_TALLY, { succeeded, confidence }: Act): Tally {
  const ok = Number(succeeded);
  const said = Number(confidence !== undefined);
  return {
    tasks: tally.tasks + 1,
    succeeded: tally.succeeded + ok,
    stated: tally.stated + said,
    statedSum: tally.statedSum + (confidence ?? 0),
    statedSucceeded: tally.statedSucceeded + ok * said,
  };
}

/** Memos go with their runs. */
export function purgeMemos({ oversight, runs }: Tables): void {
  for (const [id, { runId }] of oversight.memos) if (!runs.has(runId)) oversight.memos.delete(id);
}
