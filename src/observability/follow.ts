/** Turns what the engine tells of runs and shifts into spans, each once. */
import type { EventEmitter } from 'node:events';
import type { WorkedShift } from '../domain/cost/attribute';
import type { Rollout } from '../domain/rollout/rollout';
import { spansOfMovedBack, spansOfRollout, type MovedBack } from '../domain/rollout-spans';
import type { RunState } from '../domain/run';
import { Seen } from '../domain/seen';
import { spansOfAttempt, spansOfRun, spansOfShift, type SpanData } from '../domain/spans';
import type { EngineEvents } from '../engine/context';
import type { Clock } from '../engine/ports';

/** Attempts and runs remembered as told. */
const MAX_TOLD = 10_000;
/** What ended longer ago was told by another process, or by this one before. */
const FRESH_MS = 5_000;

export interface FollowDeps {
  events: EventEmitter<EngineEvents>;
  clock: Pick<Clock, 'now'>;
  send: (spans: SpanData[]) => void;
}

/** Begins to tell. Answers what ends it. */
export function followWork({ events, clock, send }: FollowDeps): () => void {
  const told = new Seen(MAX_TOLD);
  const onRun = (run: RunState) => {
    const now = clock.now();
    for (const step of run.steps) {
      for (const record of step.history) {
        if (record.late || now - record.endedAt >= FRESH_MS) continue;
        if (!told.first(`${run.id}/${step.id}/${record.attempt}`)) continue;
        send(spansOfAttempt(run, step.id, record, now));
      }
    }
    if (run.finishedAt === undefined || now - run.finishedAt >= FRESH_MS) return;
    if (told.first(run.id)) send(spansOfRun(run));
  };
  const onShift = (worked: WorkedShift) => send(spansOfShift(worked));
  // Its end is committed once, in one process.
  const onRollout = (rollout: Rollout) => send(spansOfRollout(rollout));
  const onRollback = (back: MovedBack) => send(spansOfMovedBack(back));
  events.on('run', onRun);
  events.on('shift', onShift);
  events.on('rollout', onRollout);
  events.on('rollback', onRollback);
  return () => {
    events.off('run', onRun).off('shift', onShift).off('rollout', onRollout).off('rollback', onRollback);
  };
}
