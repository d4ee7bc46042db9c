/** After a start: ends what an earlier controller left running, makes the disk fit the state, boots what was live. */
import { lstat } from 'node:fs/promises';
import { endGroup, groupsMarked, startTimeOf } from '../os/process-groups';
import { boot, type Booted } from './booted';
import type { Context } from './context';
import { checkOut, setUp } from './deploy';
import { MARK } from './environment';
import { messageOf } from './errors';
import { waitHealthy } from './health';
import type { Slot } from './state';

/** What an orphan may take to end by itself. */
const ORPHAN_GRACE_MS = 1_000;

export async function recover(ctx: Context): Promise<void> {
  await endOrphans(ctx);
  await closeIntent(ctx);
  const { live, previous } = ctx.state.now;
  const removed = await ctx.disk.clean(
    [live, previous].filter((slot) => slot !== null).map((slot) => slot.name),
  );
  if (removed.length > 0) ctx.log.info(`Removed what is neither live nor previous: ${removed.join(', ')}.`);
  await ctx.git.alone(() => ctx.git.run(['worktree', 'prune']));
  await ctx.disk.link(ctx.state.now);
  if (live === null) return;
  try {
    const booted = await revive(ctx, live);
    ctx.flip(booted);
    await ctx.open();
    // It may have ended since it was asked, when it was not live yet.
    if (!booted.app.alive) ctx.ended(booted, booted.app.end ?? 'ended');
    ctx.log.info(`${live.name} is live again after a restart (${live.commit}).`);
  } catch (error) {
    ctx.live = undefined;
    await ctx.closeProxies();
    ctx.alerts.tell(
      `${live.name} was live and does not start again: ${messageOf(error)} Deploy or roll back.`,
    );
  }
}

/** Boots the previous slot, where it is to be kept warm. */
export async function warmUp(ctx: Context): Promise<void> {
  const { previous } = ctx.state.now;
  if (previous === null || !ctx.contract.keep_warm || ctx.closing) return;
  const booted = await revive(ctx, previous);
  ctx.warm = booted;
  await booted.quiet(true);
}

/** Boots a kept slot again, and waits until it is well. */
export async function revive(ctx: Context, slot: Slot): Promise<Booted> {
  const there = await lstat(ctx.disk.path(slot.name)).catch(() => undefined);
  if (!there?.isDirectory()) {
    await checkOut(ctx, slot.name, slot.commit, false);
    await setUp(ctx, slot.name);
  }
  const booted = await boot(ctx, slot);
  try {
    await waitHealthy(ctx.contract, booted.ports, booted.app);
    return booted;
  } catch (error) {
    await booted.app.stop(ORPHAN_GRACE_MS);
    throw error;
  }
}

/** Known by their pid with its start time, or by the mark in their environment; never by a name. */
async function endOrphans(ctx: Context): Promise<void> {
  const recorded = ctx.state.now.processes.filter(({ pid, started }) => startTimeOf(pid) === started);
  const groups = new Set([...recorded.map(({ pid }) => pid), ...groupsMarked(MARK, ctx.mark)]);
  if (groups.size > 0) ctx.log.warn(`Ending ${groups.size} process groups of a controller before this one.`);
  await Promise.all([...groups].map((group) => endGroup(group, ORPHAN_GRACE_MS)));
  await ctx.enforcement.groups?.clear();
  await ctx.state.set({ processes: [] });
}

/** Writes down what was under way when the controller ended, and which slot is live for it. */
async function closeIntent(ctx: Context): Promise<void> {
  const { intent, live, previous } = ctx.state.now;
  if (intent === null) return;
  const tookOver = live?.commit === intent.commit && ['swap', 'drain', 'push'].includes(intent.stage);
  await ctx.deployLog.append({
    at: new Date().toISOString(),
    kind: 'recovery',
    outcome: tookOver ? 'restored' : 'interrupted',
    commit: intent.commit,
    previous_commit: (tookOver ? previous : live)?.commit ?? '',
    slot: intent.slot,
    trigger: intent.trigger,
    stage: intent.stage,
    error: `The controller ended during a ${intent.kind}; ${tookOver ? 'it had taken over' : 'it had not taken over'}.`,
  });
  await ctx.state.set({ intent: null });
}
