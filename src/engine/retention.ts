/**
 * Removes what is past its retention: runs with their payloads, the inbox, and much later who did which work by which
 * release. The ledger, the shifts and the releases themselves stay.
 */
import { trimInbox } from '../inbox/recorder';
import type { Store } from '../store/store';
import type { Log } from './ports';

/** Away from the full hour, when schedules fire. */
const TURN_MS = 17 * 60_000;
const HOUR_MS = 3_600_000;
/** Runs at once: no run is committed meanwhile. */
const BATCH = 200;
/** Batches in one go at most: a backlog is worked off over the hours. */
const MAX_BATCHES = 500;
const DAY_MS = 86_400_000;
/** An incumbent is known by its last tasks, and lineage is asked for long after the payloads are gone. */
const HISTORY_DAYS = 90;
const HISTORY_BATCH = 1_000;

/** Removes what finished more than `days` ago. Answers how many runs went. */
export async function purge(store: Store, days: number, now: number): Promise<number> {
  let total = 0;
  for (let i = 0; i < MAX_BATCHES; i += 1) {
    const before = now - days * DAY_MS;
    const removed = await store.purge(before, BATCH, (count) => ({
      ...{ at: now, actor: 'engine', action: 'retention.removed', entity: 'retention', id: 'runs' },
      set: { removed: count, finishedBefore: before },
      reason: `finished more than ${days} days ago`,
    }));
    total += removed;
    if (removed < BATCH) break;
  }
  return total;
}

/** Removes rollouts that are over, and the work of releases, once both are history. Answers how many went. */
export async function purgeHistory(store: Store, retentionDays: number, now: number) {
  const days = Math.max(HISTORY_DAYS, retentionDays);
  const before = now - days * DAY_MS;
  const rollouts = await inBatches(() =>
    store.purgeRollouts(before, HISTORY_BATCH, (count) => ({
      ...{ at: now, actor: 'engine', action: 'retention.removed', entity: 'retention', id: 'rollouts' },
      set: { removed: count, finishedBefore: before },
      reason: `finished more than ${days} days ago`,
    })),
  );
  return { rollouts, work: await inBatches(() => store.purgeWork(before, HISTORY_BATCH)) };
}

async function inBatches(remove: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let i = 0; i < MAX_BATCHES; i += 1) {
    const removed = await remove();
    total += removed;
    if (removed < HISTORY_BATCH) break;
  }
  return total;
}

/**
 * Starts the hourly purge, whose turns never overlap; stop it with what it answers. By a timer: a scheduler would ask for
 * the time zone, which costs an idle process the memory that `zone-table.ts` saves.
 */
export function startRetention(store: Store, days: number, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const arm = () => {
    if (!stopped) timer = setTimeout(() => void removeAll(store, days, log).then(arm), untilTurn(Date.now()));
  };
  arm();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

const untilTurn = (now: number): number => HOUR_MS - ((now - TURN_MS) % HOUR_MS);

async function removeAll(store: Store, days: number, log: Log): Promise<void> {
  try {
    log.info({ removed: await purge(store, days, Date.now()), days }, 'runs past their retention removed');
    await purgeHistory(store, days, Date.now());
    await store.purgeReplays(Date.now() - days * DAY_MS);
    await trimInbox(store, Date.now());
  } catch (error) {
    log.error({ err: error }, 'retention failed; it runs again in an hour');
  }
}
