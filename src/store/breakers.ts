/** The record's part about breakers and about the rates at which agents are given work. */
import type { BreakerState } from '../domain/breaker';
import type { LedgerEntry } from '../domain/ledger';

export interface BreakerStore {
  breaker(agentId: string): Promise<{ state: BreakerState; version: number } | undefined>;
  /** Those that are not closed, and those that are and have something in mind, by agent. */
  breakers(limit: number): Promise<BreakerState[]>;
  /**
   * Writes a breaker, with its entry if its status changed, unless somebody else did since `version` was read
   * (0: there was none). Answers whether it was written. A grant that claims the trial is such a write, too.
   */
  saveBreaker(state: BreakerState, version: number, entry?: LedgerEntry): Promise<boolean>;
  /** Empties a bucket of tokens: full again at that time at the earliest; epoch microseconds. */
  holdBucket(bucket: string, fullAtUs: number): Promise<void>;
}
