/** The record's part about protocols. */
import type { LedgerEntry } from '../domain/ledger';
import type { Protocol } from '../domain/protocol/protocol';

export interface KeptProtocol {
  protocol: Protocol;
  version: number;
}

export interface ProtocolStore {
  /** The one that runs, if one does. */
  runningProtocol(): Promise<KeptProtocol | undefined>;
  protocol(id: string): Promise<KeptProtocol | undefined>;
  /** Newest first. */
  protocols(limit: number): Promise<Protocol[]>;
  /** Begins one, unless one runs. Answers whether it was begun. */
  addProtocol(protocol: Protocol, entry: LedgerEntry): Promise<boolean>;
  /**
   * Writes a running one, unless somebody else did since `version` was read. Answers whether it was written.
   * @param entry left out where only the time it was last seen changes
   */
  saveProtocol(protocol: Protocol, version: number, entry?: LedgerEntry): Promise<boolean>;
}
