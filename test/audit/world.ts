/** Ledgers for tests: honest ones, and what a tamperer makes of them. */
import { chainHash, GENESIS, ledgerBody, type LedgerEntry } from '../../src/domain/ledger';
import type { LedgerRow } from '../../src/domain/ledger/verify';
import { runId, T0 } from '../contracts/store-fixtures';

export const entryOf = (n: number): LedgerEntry => ({
  at: T0 + n,
  actor: n % 10 === 0 ? 'key:abc' : 'engine',
  action: n % 2 === 0 ? 'run.start' : 'run.result',
  entity: 'run',
  id: runId(n % 7),
  set: { n },
});

/** Entries 1 to `count`, chained. */
export function ledgerOf(count: number): LedgerRow[] {
  let hash = GENESIS;
  return Array.from({ length: count }, (_, i) => {
    const entry = entryOf(i + 1);
    const body = ledgerBody(entry);
    hash = chainHash(hash, body);
    return { seq: i + 1, entity: entry.entity, id: entry.id, body, hash };
  });
}
