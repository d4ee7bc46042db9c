/** Makes a workflow's schedule known to the record, with its entry in the ledger where it is a new one. */
import { canonicalJson } from '../domain/canonical-json';
import type { Store } from '../store/store';

/** @returns since when it is as it is, epoch milliseconds */
export function declareSchedule(
  store: Pick<Store, 'declareSchedule'>,
  workflowId: string,
  schedule: object,
  now: number,
): Promise<number> {
  const fingerprint = canonicalJson(schedule);
  return store.declareSchedule(workflowId, fingerprint, now, (was) => ({
    ...{ at: now, actor: 'engine', action: 'schedule.declared', entity: 'schedule', id: workflowId },
    set: { schedule: fingerprint },
    ...(was !== undefined && { was: { schedule: was } }),
  }));
}
