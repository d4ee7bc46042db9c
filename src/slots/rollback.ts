/** Back to the previous slot: at once where it is still warm, else by booting it again. */
import { lstat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Attempt } from './attempt';
import type { Context } from './context';
import { checkOut, fail, setUp, start } from './deploy';
import { StageError } from './errors';
import { checkSchema, healthFault } from './health';
import { coolDown, takeBack, takeOver } from './swap';

/** A warm slot that does not answer in this time is booted again. */
const WARM_LOOK_MS = 500;

export interface RollbackResult {
  success: true;
  slot: string;
  commit: string;
  previous_commit: string;
  /** Whether the slot was still running. */
  warm: boolean;
  timings: Record<string, number>;
}

/** @throws StageError when there is no previous slot, or it may not take over; the live one stays */
export async function rollback(ctx: Context, trigger: string): Promise<RollbackResult> {
  const { live, previous } = ctx.state.now;
  if (previous === null) throw new StageError('resolve', 'There is no previous slot to go back to.', 404);
  const attempt = new Attempt(ctx, 'rollback', trigger, live?.commit ?? '');
  attempt.commit = previous.commit;
  attempt.slotName = previous.name;
  const before = ctx.live;
  let warm: boolean;
  try {
    warm = await useWarm(ctx, attempt);
    if (!warm) {
      await restoreFolder(ctx, attempt);
      await start(ctx, attempt, previous);
    }
    const after = { live: previous, previous: live };
    if (warm && ctx.listening) await attempt.stageAtOnce('swap', () => takeBack(ctx, attempt, after));
    else await attempt.stage('swap', () => takeOver(ctx, attempt, after));
  } catch (error) {
    throw await fail(ctx, attempt, error);
  }
  if (warm && ctx.live) ctx.inBackground(`tell ${previous.name} that it is live`, ctx.live.quiet(false));
  if (before?.app.alive && ctx.contract.keep_warm) coolDown(ctx, before);
  else if (before) ctx.retire(before);
  await attempt.conclude('promoted');
  const { promoted } = ctx.hooks;
  const { previousCommit } = attempt;
  // Behind the answer: a rollback waits for nobody, not even for the start of a process.
  const tell = () => promoted?.({ slot: previous, previousCommit, trigger });
  ctx.inBackground('tell of it', nextTurn().then(tell));
  ctx.log.info(`${previous.name} is live again (${previous.commit}, ${attempt.timings['total']} ms).`);
  return {
    success: true,
    slot: previous.name,
    commit: previous.commit,
    previous_commit: attempt.previousCommit,
    warm,
    timings: attempt.timings,
  };
}

/** Whether the warm slot is well, and fits the schema as it is now. */
async function useWarm(ctx: Context, attempt: Attempt): Promise<boolean> {
  const { warm, contract } = ctx;
  if (!warm?.app.alive || warm.slot.name !== attempt.slotName) return false;
  const fault = await attempt.stageAtOnce('probe', () => healthFault(contract, warm.ports, WARM_LOOK_MS));
  if (fault !== undefined) {
    ctx.log.warn(`${warm.slot.name} was warm but is not well (${fault}); it is booted again.`);
    ctx.warm = undefined;
    ctx.retire(warm);
    return false;
  }
  attempt.health = 'healthy';
  // A refusal leaves the warm slot where it is: the schema may change back.
  await attempt.stageAtOnce('schema', () => checkSchema(contract, warm.ports));
  attempt.next = warm;
  return true;
}

/** A previous slot whose folder went away is made again. */
async function restoreFolder(ctx: Context, attempt: Attempt): Promise<void> {
  const there = await lstat(ctx.disk.path(attempt.slotName)).catch(() => undefined);
  const isThere = there?.isDirectory() ?? false;
  await attempt.stage('checkout', () => checkOut(ctx, attempt.slotName, attempt.commit, isThere));
  if (!isThere) await attempt.stage('setup', () => setUp(ctx, attempt.slotName));
}
