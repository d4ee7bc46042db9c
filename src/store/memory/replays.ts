import type { ReplayRecord, ReplayStore } from '../replays';
import { clone } from './commit';
import { compare } from './order';

/** The rules of `postgres/replays.ts`, on a map. */
export function memoryReplays(): ReplayStore {
  const rows = new Map<string, { record: ReplayRecord; claimedUntil: number }>();
  return {
    addReplay: async (replay) => {
      const known = [...rows.values()].find((row) => row.record.key === replay.key);
      const record = known?.record ?? { ...clone(replay), outcomes: [] };
      if (!known) rows.set(replay.id, { record, claimedUntil: 0 });
      return clone(record);
    },
    replay: async (id) => clone(rows.get(id)?.record),
    claimReplays: async (now, until, limit) => {
      const open = [...rows.values()]
        .filter(({ record, claimedUntil }) => record.finishedAt === undefined && claimedUntil <= now)
        .sort((a, b) => a.record.createdAt - b.record.createdAt || compare(a.record.id, b.record.id))
        .slice(0, limit);
      for (const row of open) row.claimedUntil = until;
      return open.map(({ record }) => clone(record));
    },
    progressReplay: async (id, done, outcomes, finishedAt) => {
      const row = rows.get(id);
      if (row?.record.outcomes.length !== done) return;
      row.record.outcomes.push(...clone([...outcomes]));
      row.claimedUntil = 0;
      if (finishedAt !== undefined) row.record.finishedAt = finishedAt;
    },
    purgeReplays: async (before) => {
      const old = [...rows.values()].filter(({ record }) => record.createdAt < before);
      for (const { record } of old) rows.delete(record.id);
      return old.length;
    },
  };
}
