/** A line of the log for each run that ends, and for each attempt that does: the failed ones louder. */
import type { EventEmitter } from 'node:events';
import { isTerminal, type RunState } from '../domain/run';
import { Seen } from '../domain/seen';
import type { EngineEvents } from '../engine/context';
import type { Clock, Log } from '../engine/ports';

const MAX_TOLD = 10_000;
/** What ended longer ago was told by another process, or by this one before. */
const FRESH_MS = 5_000;

export interface TellDeps {
  events: EventEmitter<EngineEvents>;
  clock: Pick<Clock, 'now'>;
  log: Pick<Log, 'debug' | 'info'>;
}

/** Begins to tell. Answers what ends it. */
export function tellOfWork({ events, clock, log }: TellDeps): () => void {
  const told = new Seen(MAX_TOLD);
  const onRun = (run: RunState) => {
    const now = clock.now();
    const { id, workflowId: workflow, status, createdAt, finishedAt } = run;
    for (const { id: step, history } of run.steps) {
      for (const { attempt, outcome, endedAt, requestedAt, late } of history) {
        if (late || now - endedAt >= FRESH_MS || !told.first(`${id}/${step}/${attempt}`)) continue;
        const failed = outcome !== 'success';
        const line = { run: id, workflow, step, attempt, outcome, ms: endedAt - requestedAt };
        log[failed ? 'info' : 'debug'](line, failed ? 'attempt failed' : 'attempt succeeded');
      }
    }
    if (!isTerminal(status) || finishedAt === undefined || now - finishedAt >= FRESH_MS) return;
    if (told.first(id)) log.info({ run: id, workflow, status, ms: finishedAt - createdAt }, `run ${status}`);
  };
  events.on('run', onRun);
  return () => void events.off('run', onRun);
}
