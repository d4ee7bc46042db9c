/** What the ledger fails to tell of what was before: read off the entries themselves, whoever wrote them. */
import { canonicalJson } from '../../src/domain/canonical-json';
import { ledgerEntry, type LedgerEntry } from '../../src/domain/ledger';
import type { LedgerAction, OccurrenceAction } from '../../src/domain/ledger/actions';

const OCCURRENCES: { [action in OccurrenceAction]: true } = {
  'run.not-followed': true,
  'tick.skipped': true,
  'event.received': true,
  'replay.started': true,
  'notification.failed': true,
  'inbox.cleared': true,
  'oversight.incident': true,
  'retention.removed': true,
};
export const isOccurrence = (action: LedgerAction): boolean => action in OCCURRENCES;

/** A line for each field that an entry sets anew without telling what the entries before it made of it. */
export function missingBefores(entries: Iterable<LedgerEntry>): string[] {
  const known = new Map<string, Record<string, unknown>>();
  const missing: string[] = [];
  for (const entry of entries) {
    const { entity, id, action, set, was = {} } = entry;
    if (entry.actor === '') missing.push(`${action} of ${id} does not say who did it`);
    if (isOccurrence(action)) continue;
    const state = known.get(`${entity}/${id}`) ?? {};
    known.set(`${entity}/${id}`, state);
    for (const [field, value] of Object.entries(set)) {
      const before = state[field] ?? null;
      const isTold = before === null || same(before, value) || same(before, was[field] ?? null);
      if (!isTold)
        missing.push(
          `${action} of ${id}: ${field} was ${canonicalJson(before)}, it says ${canonicalJson(was[field] ?? null)} (now ${canonicalJson(value)})`,
        );
      state[field] = value;
    }
  }
  return missing;
}

export const missingIn = (ledger: ReadonlyArray<{ body: string }>): string[] =>
  missingBefores(ledger.map(({ body }) => ledgerEntry(body)));

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);
