/** The record's part of the validation pipeline: what its stages came to. */
import type { LedgerEntry } from '../domain/ledger';
import type { StageVerdict } from '../domain/release/validation';

export interface VerdictStore {
  /**
   * Keeps a verdict with what it rests on, and its entry in the ledger, from what its stage said before.
   * The evidence is kept once, as parts are.
   */
  addVerdict(
    verdict: StageVerdict,
    evidence: Buffer,
    entryFor: (was?: StageVerdict['verdict']) => LedgerEntry,
  ): Promise<void>;
  /** Of a release, newest first. */
  verdictsOf(releaseId: string, limit: number): Promise<StageVerdict[]>;
}
