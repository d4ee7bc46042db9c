import { decodeCursor, toPage, type Cursor } from '../cursor';
import type { Delivery, DeliveryStore, DeliverySummary } from '../deliveries';
import { storableJson } from '../json';
import { commit } from './commit';
import type { Tables } from './tables';

const key = ({ receivedAt, id }: DeliverySummary): Cursor => ({ at: receivedAt, id });

/** Newest first, as both stores list. */
function byTime(a: DeliverySummary, b: DeliverySummary): number {
  return b.receivedAt - a.receivedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

/** The inbox in memory, by the rules of the Postgres one. */
export function memoryDeliveries(tables: Tables): DeliveryStore {
  const kept = new Map<string, Delivery>();
  const newest = (): Delivery[] => [...kept.values()].sort(byTime);
  const remove = (gone: Delivery[]): number => {
    for (const { id } of gone) kept.delete(id);
    return gone.length;
  };
  return {
    addDeliveries: async (deliveries) => {
      for (const delivery of deliveries) if (!kept.has(delivery.id)) kept.set(delivery.id, copy(delivery));
    },
    deliveries: async ({ bin, verdict }, limit, cursor) => {
      const after = cursor === undefined ? undefined : decodeCursor(cursor);
      const matching = newest()
        .filter((d) => bin === undefined || d.bin === bin)
        .filter((d) => verdict === undefined || d.verdict === verdict)
        .filter((d) => !after || d.receivedAt < after.at || (d.receivedAt === after.at && d.id < after.id))
        .slice(0, limit + 1);
      return toPage(
        matching.map(({ headers: _, body: __, ...summary }) => structuredClone(summary)),
        limit,
        key,
      );
    },
    delivery: async (id) => {
      const found = kept.get(id);
      return found && copy(found);
    },
    clearDeliveries: async (bin, entryFor) => {
      const removed = remove(newest().filter((d) => bin === undefined || d.bin === bin));
      const entry = removed > 0 ? entryFor?.(removed) : undefined;
      if (entry) commit(tables, { at: entry.at, ledger: [entry] });
      return removed;
    },
    trimDeliveries: async ({ receivedAfter, count, bytes }) => {
      const beyond = (group: Delivery[]) => {
        let sum = 0;
        return group.filter((d, i) => {
          sum += d.body.length;
          return d.receivedAt <= receivedAfter || i >= count || sum > bytes;
        });
      };
      const all = newest();
      return remove([...beyond(all.filter((d) => d.proved)), ...beyond(all.filter((d) => !d.proved))]);
    },
  };
}

/** As Postgres would give it back. */
function copy({ body, ...rest }: Delivery): Delivery {
  return { ...(JSON.parse(storableJson(rest)) as Omit<Delivery, 'body'>), body: Buffer.from(body) };
}
