/** What one may ask of the ledger. */
import { ledgerEntry, runOf, type ChainedEntry, type LedgerEntry } from '../ledger';

/** Each left out does not matter. Times are epoch milliseconds, `to` not included. */
export interface LedgerFilter {
  actor?: string;
  /** `run.cancel`, or `run.*` for all of an entity. */
  action?: string;
  entity?: string;
  id?: string;
  /** Entries of a run, and of others that say they are about it. */
  runId?: string;
  from?: number;
  to?: number;
}

export interface FoundEntry extends ChainedEntry {
  entry: LedgerEntry;
}

/** Reads an entry. */
export const found = (row: ChainedEntry): FoundEntry => ({
  seq: row.seq,
  body: row.body,
  hash: row.hash,
  entry: ledgerEntry(row.body),
});

export function matches(entry: LedgerEntry, filter: LedgerFilter): boolean {
  const { actor, action, entity, id, runId, from = -Infinity, to = Infinity } = filter;
  return (
    (actor === undefined || entry.actor === actor) &&
    (action === undefined || fits(entry.action, action)) &&
    (entity === undefined || entry.entity === entity) &&
    (id === undefined || entry.id === id) &&
    (runId === undefined || runOf(entry) === runId) &&
    entry.at >= from &&
    entry.at < to
  );
}

const fits = (action: string, asked: string): boolean =>
  asked.endsWith('.*') ? action.startsWith(asked.slice(0, -1)) : action === asked;
