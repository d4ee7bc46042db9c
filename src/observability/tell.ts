/** A line of the log for each run that ends, each attempt that does, the failed ones louder, and each step of a rollout. */
import type { EventEmitter } from 'node:events';
import type { Rollout } from '../domain/rollout/rollout';
import type { MovedBack } from '../domain/rollout-spans';
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
  const onRollout = (rollout: Rollout) => log.info(lineOf(rollout), `rollout ${rollout.status}`);
  const onRollback = (back: MovedBack) => log.info(back, 'rolled back');
  events.on('run', onRun);
  events.on('rollout', onRollout);
  events.on('rollback', onRollback);
  return () => void events.off('run', onRun).off('rollout', onRollout).off('rollback', onRollback);
}

/** Where it stands, since when, and the verdict that led there. */
function lineOf(rollout: Rollout): object {
  const { id, agentId: agent, environment, candidate: release, incumbent, strategy, stage } = rollout;
  const last = rollout.verdicts.at(-1);
  return {
    ...{ rollout: id, agent, environment, release, strategy: strategy.name },
    ...(incumbent !== undefined && { before: incumbent }),
    ...(strategy.stages[stage] && { stage: strategy.stages[stage].kind }),
    ...(last && { verdict: last.verdict, reason: last.reason }),
    ...(last?.since !== undefined && { ms: last.at - last.since }),
    ...(rollout.abortedFor !== undefined && { abortedFor: rollout.abortedFor }),
  };
}
