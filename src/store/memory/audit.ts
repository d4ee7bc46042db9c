import { ledgerEntry } from '../../domain/ledger';
import { found, matches } from '../../domain/ledger/search';
import type { AuditStore } from '../audit';
import type { Tables } from './tables';

export function memoryAudit(tables: Tables): AuditStore {
  const { ledger } = tables;
  return {
    ledgerEnd: async () => ({ seq: ledger.length, hash: tables.head, last: ledger.length }),
    ledgerRows: async (after, limit) =>
      ledger.slice(after, after + limit).map((row) => {
        const { entity, id } = ledgerEntry(row.body);
        return { ...row, entity, id };
      }),
    searchLedger: async (filter, limit, before = Infinity) => {
      const matching = ledger
        .filter(({ seq }) => seq < before)
        .reverse()
        .map(found)
        .filter(({ entry }) => matches(entry, filter));
      const items = matching.slice(0, limit);
      return { items, next: matching.length > limit ? (items.at(-1)?.seq ?? null) : null };
    },
    ledgerSince: async (time) =>
      ledger.find(({ body }) => ledgerEntry(body).at >= time)?.seq ?? ledger.length + 1,
  };
}
