/** What can be done to a run, by the API's own paths. */
import { post } from '../api/client';
import type { RunView } from '../api/types';

export const runPath = (id: string): string => `/runs/${encodeURIComponent(id)}`;

export const cancelRun = (id: string): Promise<RunView> =>
  post<RunView>(`${runPath(id)}/cancel`, { reason: 'cancelled in the dashboard' });

export interface Rerun {
  fromStep?: string;
  input?: object;
}

export const rerunRun = (id: string, change: Rerun, key: string): Promise<RunView> =>
  post<RunView>(`${runPath(id)}/rerun`, change, key);

export const decide = (runId: string, stepId: string, approve: boolean): Promise<unknown> =>
  post(`${runPath(runId)}/steps/${encodeURIComponent(stepId)}/decision`, { approve });

/** At most this many requests of a bulk action at once. */
const AT_ONCE = 4;

/** One after the other, a few at a time. Answers how many failed, and the first reason. */
export async function each(
  ids: readonly string[],
  action: (id: string) => Promise<unknown>,
): Promise<{ done: number; failed: number; reason?: unknown }> {
  const left = [...ids];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      await action(id).catch((error: unknown) => void failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const failed = failures.length;
  return { done: ids.length - failed, failed, ...(failed > 0 && { reason: failures[0] }) };
}
