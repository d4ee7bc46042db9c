import { storableText } from '../alerts';
import { toPage, type Cursor } from '../cursor';
import type { Backlog, NotificationRecord, NotificationStore } from '../notifications';
import { clone, commit } from './commit';
import { newest } from './order';
import type { Tables } from './tables';

/** The rules of `postgres/notifications.ts`, on a list in the order of arrival. */
export function memoryNotifications(tables: Tables): NotificationStore {
  const rows = tables.notifications;
  const open = () => [...rows.values()].filter(({ doneAt }) => doneAt === undefined);
  return {
    addNotifications: async (added) => addToOutbox(tables, added),
    claimNotifications: async (now, until, limit, channels) => {
      const first = new Map<string, NotificationRecord>();
      for (const row of open()) {
        const line = JSON.stringify([row.channel, row.thread]);
        if (!first.has(line)) first.set(line, row);
      }
      const due = [...first.values()].filter((row) => row.dueAt <= now && channels.includes(row.channel));
      return due.slice(0, limit).map((row) => {
        Object.assign(row, { dueAt: until, tries: row.tries + 1 });
        const { dueAt: _due, error: _error, ...claimed } = row;
        return clone(claimed);
      });
    },
    settleNotification: async (id, tries, outcome) => {
      const row = rows.get(id);
      if (row?.doneAt !== undefined || !row) return false;
      if (outcome.kind !== 'sent' && row.tries !== tries) return false;
      if (outcome.kind === 'retry') {
        Object.assign(row, { dueAt: outcome.dueAt, error: storableText(outcome.error) });
        return true;
      }
      delete row.error;
      Object.assign(row, { doneAt: outcome.at, outcome: outcome.kind });
      if (outcome.kind === 'failed') {
        row.error = storableText(outcome.error);
        commit(tables, { at: outcome.at, ledger: [outcome.entry] });
      }
      return true;
    },
    notificationBacklog: async () => backlogOf(open()),
    notifications: async ({ waiting }, limit, cursor) => {
      const key = ({ at, id }: NotificationRecord): Cursor => ({ at, id });
      const matching = [...rows.values()].filter(
        ({ doneAt }) => waiting === undefined || waiting === (doneAt === undefined),
      );
      return toPage(clone(newest(matching, key, limit, cursor)), limit, key);
    },
    purgeNotifications: async (before, limit) => {
      const old = [...rows.values()]
        .filter(({ doneAt }) => doneAt !== undefined && doneAt < before)
        .slice(0, limit);
      for (const { id } of old) rows.delete(id);
      return old.length;
    },
  };
}

/** Adds messages whose key their channel does not know. */
export function addToOutbox(
  tables: Tables,
  added: Parameters<NotificationStore['addNotifications']>[0],
): number {
  const known = new Set([...tables.notifications.values()].map(({ key, channel }) => `${channel} ${key}`));
  let count = 0;
  for (const row of added) {
    if (known.has(`${row.channel} ${row.key}`)) continue;
    known.add(`${row.channel} ${row.key}`);
    tables.notifications.set(row.id, { ...clone(row), dueAt: row.at, tries: 0 });
    count += 1;
  }
  return count;
}

function backlogOf(open: readonly NotificationRecord[]): Backlog[] {
  const channels = [...new Set(open.map(({ channel }) => channel))].sort();
  return channels.map((channel) => {
    const of = open.filter((row) => row.channel === channel);
    return {
      channel,
      waiting: of.length,
      oldestAt: Math.min(...of.map(({ at }) => at)),
      tried: of.filter(({ error }) => error !== undefined).length,
    };
  });
}
