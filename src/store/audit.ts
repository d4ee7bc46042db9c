/** The record's part of the audit: reading the ledger as it is stored, and looking things up in it. */
import type { FoundEntry, LedgerFilter } from '../domain/ledger/search';
import type { ChainPlace, LedgerRow } from '../domain/ledger/verify';

export interface LedgerEnd extends ChainPlace {
  /** The highest number of an entry; other than `seq` only after somebody tampered. */
  last: number;
}

export interface LedgerPage {
  /** Newest first; may be fewer than asked for, even none, while there is a next page. */
  items: FoundEntry[];
  /** Go on below this number; null at the end. */
  next: number | null;
}

export interface AuditStore {
  /** Where the chain ends, as commits have it. */
  ledgerEnd(): Promise<LedgerEnd>;
  /** Entries after `seq` with all that is stored of them, oldest first. */
  ledgerRows(afterSeq: number, limit: number): Promise<LedgerRow[]>;
  /** Entries below `before`, newest first. Looks for about a second, and answers what it has by then. */
  searchLedger(filter: LedgerFilter, limit: number, before?: number): Promise<LedgerPage>;
  /** A number before which no entry is of this time or later, close to the first that is. */
  ledgerSince(time: number): Promise<number>;
}

/** Clocks of orchestrators differ, and entries are written a little after their time: so much at most. */
export const CLOCK_SLACK_MS = 600_000;
