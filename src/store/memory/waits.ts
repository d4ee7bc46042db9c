/** Events, and the steps that wait. */
import { toPage, type Cursor } from '../cursor';
import type { Store, StoredEvent, Wait } from '../store';
import { clone } from './commit';
import { compare, newest } from './order';
import { leaseKey, type Tables } from './tables';

type WaitReads = Pick<Store, 'waitsFor' | 'waitOf' | 'approvals' | 'firstEvent' | 'undelivered'>;

export function waitReads(tables: Tables): WaitReads {
  const first = (a: StoredEvent, b: StoredEvent) => a.at - b.at || compare(a.id, b.id);
  const events = () => [...tables.events.values()].sort(first);
  const plain = ({ id, name, key, payload, at }: StoredEvent): StoredEvent =>
    clone({ id, name, key, payload, at });
  return {
    waitsFor: async (name, key, limit) =>
      [...tables.waits.values()]
        .filter((w) => w.kind === 'event' && w.name === name && (w.key === '' || w.key === key))
        .sort((a, b) => a.since - b.since || compare(a.runId, b.runId) || compare(a.stepId, b.stepId))
        .slice(0, limit)
        .map(clone),
    waitOf: async (runId, stepId, attempt) => {
      const wait = tables.waits.get(leaseKey(runId, stepId, attempt));
      return wait && clone(wait);
    },
    approvals: async (limit, cursor) => {
      const key = (wait: Wait): Cursor => ({
        at: wait.since,
        id: `${wait.runId}/${wait.stepId}`,
      });
      const open = [...tables.waits.values()].filter((w) => w.kind === 'approval');
      return toPage(clone(newest(open, key, limit, cursor)), limit, key);
    },
    firstEvent: async (name, key, since) => {
      const event = events().find((e) => e.name === name && e.at >= since && (key === '' || e.key === key));
      return event && plain(event);
    },
    undelivered: async (before, limit) =>
      events()
        .filter((e) => !e.delivered && e.at < before)
        .slice(0, limit)
        .map(plain),
  };
}
