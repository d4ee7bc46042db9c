/** The moment a slot takes over, and what becomes of the one before. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Attempt } from './attempt';
import type { Booted } from './booted';
import type { Context } from './context';
import { messageOf, StageError } from './errors';
import type { Slot, State } from './state';

/**
 * Makes the attempt's slot live.
 * @returns why the agent's workspace was left as it was, if it was
 */
export async function swap(ctx: Context, attempt: Attempt, slot: Slot): Promise<string | undefined> {
  const { live: liveSlot, previous } = ctx.state.now;
  const before = { live: ctx.live, warm: ctx.warm };
  const after = { live: slot, previous: liveSlot && liveSlot.name !== slot.name ? liveSlot : previous };
  // The same slot deployed again leaves the one to go back to.
  const kept = [after.live.name, after.previous?.name];
  const keepWarm = ctx.contract.keep_warm;
  await attempt.stage('swap', () => takeOver(ctx, attempt, after));
  let stagingKept: string | undefined;
  await attempt.stage('drain', async () => {
    const clear = async () => {
      await settle(ctx, before, after.previous?.name, keepWarm);
      for (const old of [liveSlot, previous]) {
        if (old && !kept.includes(old.name)) await ctx.disk.remove(old.name);
      }
    };
    [stagingKept] = await Promise.all([stage(ctx, slot, [liveSlot?.commit, previous?.commit]), clear()]);
  });
  return stagingKept;
}

/** Writes the swap down, then does it: after a crash the state says which slot is live. */
export async function takeOver(
  ctx: Context,
  attempt: Attempt,
  after: Pick<State, 'live' | 'previous'>,
): Promise<void> {
  const next = heir(attempt);
  const change = { ...after, last_deploy_time: new Date().toISOString() };
  if (ctx.listening) {
    await ctx.state.set(change);
    attempt.time('flip', ctx.flip(next));
  } else {
    // Nobody is live: a port that somebody else has must fail the deployment, not what follows it.
    attempt.time('flip', ctx.flip(next));
    try {
      await ctx.open();
      await ctx.state.set(change);
    } catch (error) {
      ctx.live = undefined;
      await ctx.closeProxies();
      throw new StageError('swap', `The app's port cannot be listened on: ${messageOf(error)}.`, 500, {
        cause: error,
      });
    }
  }
  await settleIn(ctx, attempt, next, after);
}

/**
 * Back to a warm slot: users have it at once, and it is written down before anybody is told. A disk that takes
 * nothing any more must not keep them with what is broken.
 */
export async function takeBack(
  ctx: Context,
  attempt: Attempt,
  after: Pick<State, 'live' | 'previous'>,
): Promise<void> {
  const next = heir(attempt);
  attempt.time('flip', ctx.flip(next));
  try {
    await ctx.state.set({ ...after, last_deploy_time: new Date().toISOString() });
  } catch (error) {
    const { slotName } = attempt;
    ctx.alerts.tell(
      `${slotName} is live, but that could not be written down (${messageOf(error)}): a restart would undo it.`,
    );
  }
  await settleIn(ctx, attempt, next, after);
}

/** The process that is to take over, kept from being drained. */
function heir({ next }: Attempt): Booted {
  if (next === undefined || !next.app.alive)
    throw new StageError('swap', 'The process ended before the swap.');
  next.resume();
  return next;
}

async function settleIn(
  ctx: Context,
  attempt: Attempt,
  next: Booted,
  after: Pick<State, 'live' | 'previous'>,
): Promise<void> {
  attempt.next = undefined;
  ctx.warm = ctx.warm === next ? undefined : ctx.warm;
  await ctx.disk.link(after);
  // It ended between its last answer and the flip: nobody has heard of it yet.
  if (!next.app.alive) ctx.ended(next, next.app.end ?? 'ended');
}

/**
 * What ran before is kept warm, drained in the background, or drained and ended. Whatever loses its
 * slot is gone when this resolves.
 */
async function settle(
  ctx: Context,
  before: { live: Booted | undefined; warm: Booted | undefined },
  previous: string | undefined,
  keepWarm: boolean,
): Promise<void> {
  const { live, warm } = before;
  for (const old of [live, warm]) {
    if (old === undefined || old === ctx.live) continue;
    const isPrevious = old.slot.name === previous;
    if (keepWarm && isPrevious && old.app.alive && (old === live || live?.slot.name !== previous))
      coolDown(ctx, old);
    else {
      if (ctx.warm === old) ctx.warm = undefined;
      ctx.retire(old);
      await ctx.retired(old.slot.name);
    }
  }
}

/** Out of traffic but running: told to be quiet, its connections drained behind the answer. */
export function coolDown(ctx: Context, old: Booted): void {
  if (ctx.warm && ctx.warm !== old) ctx.retire(ctx.warm);
  ctx.warm = old;
  // Its processes have to be looked for; requests come first.
  const tell = () => (ctx.warm === old ? old.quiet(true) : undefined);
  ctx.inBackground(`tell ${old.slot.name} to be quiet`, nextTurn().then(tell));
  ctx.inBackground(`drain ${old.slot.name}`, old.drain());
}

/** Keeps the agent's workspace at what is live; a workspace that cannot be brought there stops nothing. */
async function stage(
  ctx: Context,
  slot: Slot,
  deployed: readonly (string | undefined)[],
): Promise<string | undefined> {
  try {
    const known = deployed.filter((commit) => commit !== undefined);
    return await ctx.disk.stage(slot, slot.artefacts, known);
  } catch (error) {
    ctx.alerts.tell(`The agent's workspace could not be brought up to date: ${messageOf(error)}`);
    return messageOf(error);
  }
}
