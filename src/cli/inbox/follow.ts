/** `reveille inbox --follow`: what is there, then what comes, until it is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeliverySummaryView } from '../../http/views/delivery';
import { ApiProblem, type ApiClient } from '../client';
import { print, printJson, table, terminalWidth } from '../output';
import { paintFor } from '../terminal';
import type { ListOptions } from './index';
import { columns } from './text';

const EVERY_MS = 1_000;
const MAX_WAIT_MS = 15_000;
/** Looked at in one go; more than that within a second are found by the pages of the API only. */
const PAGE = 200;
/** Ids remembered as printed. */
const MAX_SEEN = 5_000;

/** Resolves when it is interrupted. @throws when the orchestrator says no, or never answered */
export async function follow(api: ApiClient, options: ListOptions, signal: AbortSignal): Promise<void> {
  const { bin, verdict, number, json } = options;
  const paint = paintFor(process.stdout, process.env);
  const seen = new Set<string>();
  let failures = 0;
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const items = await newest(api, { bin, verdict }, isFirst ? number : PAGE);
      const fresh = items.filter(({ id }) => !seen.has(id)).reverse();
      for (const { id } of fresh) remember(seen, id);
      if (json) fresh.forEach(printJson);
      else for (const line of lines(fresh, isFirst)) print(line);
      if (failures > 0) process.stderr.write(`${paint.dim('It answers again.')}\n`);
      [failures, isFirst] = [0, false];
    } catch (error) {
      // One that was there a moment ago is restarted, most likely.
      if (isFirst || (error instanceof ApiProblem && error.problem.status < 500)) throw error;
      failures += 1;
      if (failures === 1) process.stderr.write(`${(error as Error).message} Trying again…\n`);
    }
    await sleep(Math.min(MAX_WAIT_MS, EVERY_MS * 2 ** Math.min(failures, 5)), undefined, { signal }).catch(
      () => {
        // Interrupted: the loop's condition sees it.
      },
    );
  }

  function lines(fresh: DeliverySummaryView[], withTitles: boolean): string[] {
    const all = table(fresh, columns(paint), terminalWidth(), paint.dim);
    return withTitles ? all : all.slice(1);
  }
}

async function newest(
  api: ApiClient,
  query: { bin: string | undefined; verdict: string | undefined },
  count: number,
): Promise<DeliverySummaryView[]> {
  const items: DeliverySummaryView[] = [];
  for await (const item of api.items('/inbox', DeliverySummaryView, query, count)) items.push(item);
  return items;
}

function remember(seen: Set<string>, id: string): void {
  seen.add(id);
  const oldest = seen.size > MAX_SEEN ? seen.values().next() : undefined;
  if (oldest && !oldest.done) seen.delete(oldest.value);
}
