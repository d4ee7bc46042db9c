import { alertStatus, type Alert, type AlertKey } from '../../domain/alert';
import type { LedgerEntry } from '../../domain/ledger';
import type { OutboxRow } from '../../domain/notification';
import { storableText, type AlertEntryFor, type AlertStore } from '../alerts';
import { toPage, type Cursor } from '../cursor';
import { clone, commit } from './commit';
import { addToOutbox } from './notifications';
import { newest } from './order';
import type { Tables } from './tables';

/** The rules of `postgres/alerts.ts`, on a map. */
export function memoryAlerts(tables: Tables): AlertStore {
  const note = (entry: LedgerEntry) => commit(tables, { at: entry.at, ledger: [entry] });
  const of = ({ kind, subject }: AlertKey) =>
    [...tables.alerts.values()].filter((a) => a.kind === kind && a.subject === storableText(subject));
  const openOf = (key: AlertKey) => of(key).find((a) => a.resolvedAt === undefined);
  const changed = (
    alert: Alert | undefined,
    change: Partial<Alert>,
    entryFor: AlertEntryFor,
    outbox: readonly OutboxRow[] = [],
  ) => {
    if (!alert) return undefined;
    const entry = entryFor(alertStatus(alert));
    Object.assign(alert, change);
    note(entry);
    addToOutbox(tables, outbox);
    return clone(alert);
  };
  return {
    raiseAlert: async ({ id, at, once = false, kind, subject, message }, entryFor, outbox = []) => {
      const text = { subject: storableText(subject), message: storableText(message) };
      const open = openOf({ kind, subject });
      if (open) {
        Object.assign(open, { message: text.message, lastSeenAt: at, count: open.count + 1 });
        return { kind: 'counted', alert: clone(open) };
      }
      const isKnown = of({ kind, subject }).length > 0;
      if (once && isKnown) return { kind: 'over' };
      const alert: Alert = { id, kind, ...text, raisedAt: at, lastSeenAt: at, count: 1 };
      tables.alerts.set(id, alert);
      note(entryFor(isKnown ? 'resolved' : undefined));
      addToOutbox(tables, outbox);
      return { kind: 'raised', alert: clone(alert) };
    },
    resolveAlert: async (key, { at, resolution }, entryFor, outbox) =>
      changed(openOf(key), { resolvedAt: at, resolution: storableText(resolution) }, entryFor, outbox),
    acknowledgeAlert: async (id, { at, actor }, entryFor) => {
      const alert = tables.alerts.get(id);
      const fresh = alert?.acknowledgedAt === undefined ? alert : undefined;
      return changed(fresh, { acknowledgedAt: at, acknowledgedBy: actor }, entryFor);
    },
    alert: async (id) => clone(tables.alerts.get(id)),
    alerts: async ({ open }, limit, cursor) => {
      const key = (alert: Alert): Cursor => ({ at: alert.raisedAt, id: alert.id });
      const matching = [...tables.alerts.values()].filter(
        (a) => open === undefined || open === (a.resolvedAt === undefined),
      );
      return toPage(clone(newest(matching, key, limit, cursor)), limit, key);
    },
  };
}
