/** What the store is asked to commit, all or nothing, once an event of a run was decided. */
import type { RunDecision, RunEvent } from '../domain/decide-run';
import { incidentEntry, memoEntry } from '../domain/approval/entry';
import type { Memo } from '../domain/approval/memo';
import { change as changed, projectRun, type LedgerEntry } from '../domain/ledger';
import { runDueAt, stepOf, type RunState } from '../domain/run';
import type { Change, StepResult, Versioned } from '../store/store';

export interface Decided {
  decision: RunDecision;
  event: RunEvent;
  results: StepResult[];
  /** Who caused it, for the ledger. */
  actor?: string | undefined;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The change, but for what leases and money make of it; `result` is what an agent delivered with it. */
export function runChange(
  known: Versioned<RunState>,
  { decision, event, results, actor = 'engine', at }: Decided,
): Change & { result: StepResult[] } {
  const { state, waits, memos, acts } = decision;
  return {
    at,
    run: { expect: known.version, state, ...due(state), ...(results.length > 0 && { results }) },
    ...(waits.length > 0 && { waits: { runId: state.id, changes: waits } }),
    ...(memos.length > 0 && { memos }),
    ...(acts.length > 0 && { acts }),
    ledger: [
      ...memos.map((memo) => memoEntry(memoBefore(known.state, memo), memo, { at, actor })),
      ...acts.filter((act) => act.incident !== undefined).map(incidentEntry),
      runEntry(known, decision, event, { at, actor }),
    ],
    // Not what people or other runs said instead of the agent.
    result: results.filter((r) => event.type === 'result' && r.result === event.result),
  };
}

/** As it was, where it is not a new one: a step that proposes anew is given another. */
function memoBefore(run: RunState, { id, stepId }: Memo): Memo | undefined {
  const memo = stepOf(run, stepId)?.memo;
  return memo?.id === id ? memo : undefined;
}

function runEntry(
  known: Versioned<RunState>,
  { state, outcome }: RunDecision,
  event: RunEvent,
  by: { at: number; actor: string },
): LedgerEntry {
  const created = known.version === 0;
  const before = created ? {} : projectRun(known.state);
  const reason = 'reason' in event ? event.reason : undefined;
  return {
    ...by,
    action: created ? 'run.created' : `run.${outcome === 'late' ? 'late-result' : event.type}`,
    entity: 'run',
    id: state.id,
    ...changed(before, projectRun(state)),
    ...(reason !== undefined && { reason }),
  };
}

/** When the sweeper looks at the run again, where it ever has to. */
export const due = (state: RunState): { dueAt?: number } => {
  const dueAt = runDueAt(state);
  return dueAt === undefined ? {} : { dueAt };
};
