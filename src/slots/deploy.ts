/** A deployment: gate, checkout, setup, boot, health, schema, swap, drain, push, record; in this order. */
import { lstat } from 'node:fs/promises';
import { Attempt } from './attempt';
import { freePorts, runToEnd } from './app-process';
import { boot, type Booted } from './booted';
import type { Context } from './context';
import { slotEnvironment } from './environment';
import { messageOf, StageError } from './errors';
import { gateError, judge } from './gate';
import { checkPayload, checkSchema, runSmokeTest, waitHealthy } from './health';
import { swap } from './swap';
import { give } from './users';
import type { Slot } from './state';

/** What a failed candidate may take to end. */
const FAILED_GRACE_MS = 2_000;

export interface DeployRequest {
  commit?: string | undefined;
  branch?: string | undefined;
  trigger: string;
}

export interface DeployResult {
  success: true;
  slot: string;
  commit: string;
  previous_commit: string;
  /** Milliseconds by stage. */
  timings: Record<string, number>;
  /** Why the agent's workspace was left as it was. */
  staging_kept?: string;
}

/** @throws StageError saying at which stage it ended, and why; the live slot is untouched then */
export async function deploy(ctx: Context, request: DeployRequest): Promise<DeployResult> {
  const before = ctx.state.now.live?.commit ?? '';
  const attempt = new Attempt(ctx, 'deploy', request.trigger, before);
  let stagingKept: string | undefined;
  try {
    const slot = await prepare(ctx, attempt, request);
    await start(ctx, attempt, slot);
    stagingKept = await swap(ctx, attempt, slot);
  } catch (error) {
    throw await fail(ctx, attempt, error);
  }
  await push(ctx, attempt);
  await ctx.state.set({ consecutive_failures: 0 });
  await attempt.conclude('promoted');
  ctx.log.info(`${attempt.slotName} is live (${attempt.commit}, ${attempt.timings['total']} ms).`);
  return {
    success: true,
    slot: attempt.slotName,
    commit: attempt.commit,
    previous_commit: before,
    timings: attempt.timings,
    ...(stagingKept !== undefined && { staging_kept: stagingKept }),
  };
}

/** From a ref to a folder that is ready to start: resolve, gate, checkout, setup. */
async function prepare(ctx: Context, attempt: Attempt, request: DeployRequest): Promise<Slot> {
  const { git, disk, contract, state } = ctx;
  const { live, previous } = state.now;
  const given = request.commit ?? request.branch ?? '';
  attempt.commit = await attempt.stage('resolve', () =>
    request.commit === undefined ? git.resolveBranch(given) : git.resolve(request.commit),
  );
  attempt.branch = request.branch;
  attempt.slotName = disk.nameFor(
    given.toLowerCase(),
    attempt.commit,
    [live, previous].filter((s) => s !== null),
  );
  await attempt.stage('gate', async () => {
    attempt.gate = await judge(git, contract, live?.commit, attempt.commit);
    if (attempt.gate.length > 0) throw gateError(attempt.gate);
  });
  const kept = [live, previous].find((slot) => slot?.name === attempt.slotName);
  const reused = kept && (await isFolder(disk.path(kept.name))) ? kept : undefined;
  await attempt.stage('checkout', () =>
    checkOut(ctx, attempt.slotName, attempt.commit, reused !== undefined),
  );
  const artefacts = reused?.artefacts ?? (await attempt.stage('setup', () => setUp(ctx, attempt.slotName)));
  return {
    name: attempt.slotName,
    commit: attempt.commit,
    ...(request.branch !== undefined && { branch: request.branch }),
    deployed_at: new Date().toISOString(),
    artefacts,
  };
}

/** A kept slot of the same commit is used again: what is tracked in it is made what the commit says. */
export async function checkOut(ctx: Context, name: string, commit: string, reuse: boolean): Promise<void> {
  const { disk, git, contract } = ctx;
  if (!reuse) {
    await disk.checkOut(name, commit);
    await disk.share(name, contract.shared_dirs, contract.run_as);
    if (contract.run_as) await give(disk.path(name), contract.run_as);
    return;
  }
  const cwd = disk.path(name);
  if ((await git.run(['status', '--porcelain', '--untracked-files=no'], { cwd })) === '') return;
  if (contract.shared_dirs.length > 0) return; // Tracked files under a shared folder always differ.
  ctx.log.warn(`${name} was changed since it was checked out; its files are put back.`);
  await git.alone(() => git.run(['checkout', '--force', '--detach', commit], { cwd }));
}

/** Runs the setup command. @returns what it made beyond the commit */
export async function setUp(ctx: Context, name: string): Promise<string[]> {
  const { contract, disk } = ctx;
  if (contract.setup_command !== undefined && contract.setup_command.trim() !== '') {
    const logFile = disk.logFile(name, 'setup');
    const fault = await runToEnd(
      {
        command: contract.setup_command,
        folder: disk.path(name),
        env: await slotEnvironment(contract, ctx.mark, await freePorts(true)),
        logFile,
        ...ctx.confinement,
      },
      contract.setup_timeout_ms,
      (app) => ctx.started(name, app),
    );
    if (fault !== undefined) throw new StageError('setup', `The setup command ${fault}; see ${logFile}.`);
  }
  const made = await disk.artefacts(name);
  return made.filter((path) => !contract.shared_dirs.includes(path));
}

/** Boots the slot out of traffic and asks it everything there is to ask. */
export async function start(ctx: Context, attempt: Attempt, slot: Slot): Promise<Booted> {
  const { contract, disk } = ctx;
  const booted = await attempt.stage('boot', () => boot(ctx, slot));
  attempt.next = booted;
  await attempt.stage('probe', async () => {
    await waitHealthy(contract, booted.ports, booted.app);
    await checkPayload(contract, booted.ports);
    await runSmokeTest(contract, {
      folder: disk.path(slot.name),
      env: booted.env,
      logFile: disk.logFile(slot.name, 'smoke'),
      ...ctx.confinement,
      onStart: (app) => ctx.started(slot.name, app),
    });
    attempt.health = 'healthy';
  });
  await attempt.stage('schema', () => checkSchema(contract, booted.ports));
  if (!booted.app.alive) throw new StageError('schema', `The process ${booted.app.end ?? 'ended'}.`);
  return booted;
}

/** Tells others of it. What is live stays live whatever they say. */
async function push(ctx: Context, attempt: Attempt): Promise<void> {
  const { promoted } = ctx.hooks;
  const slot = ctx.state.now.live;
  if (promoted === undefined || slot === null) return;
  try {
    const { previousCommit, trigger } = attempt;
    await attempt.stage('push', () => promoted({ slot, previousCommit, trigger }));
  } catch (error) {
    ctx.alerts.tell(`${attempt.slotName} is live, but telling of it failed: ${messageOf(error)}`);
  }
}

/** Ends what was begun and writes it down; the live slot is as it was. */
export async function fail(ctx: Context, attempt: Attempt, thrown: unknown): Promise<StageError> {
  const error =
    thrown instanceof StageError
      ? thrown
      : new StageError(attempt.stageName, messageOf(thrown), 500, { cause: thrown });
  if (error.stage === 'probe') attempt.health = error.message;
  const { live, previous } = ctx.state.now;
  try {
    await attempt.next?.app.stop(FAILED_GRACE_MS);
    const isKept = [live, previous].some((slot) => slot?.name === attempt.slotName);
    // A refusal at the checkout has put nothing there that is ours.
    const isOurs = attempt.slotName !== '' && 'checkout' in attempt.timings && error.status !== 409;
    if (isOurs && !isKept) await ctx.disk.remove(attempt.slotName);
  } catch (cleaning) {
    ctx.alerts.tell(`What is left of a failed ${attempt.kind} could not be removed: ${messageOf(cleaning)}`);
  }
  const refused = error.status < 500;
  const failures = ctx.state.now.consecutive_failures + (refused ? 0 : 1);
  await ctx.state.set({ consecutive_failures: failures });
  await attempt.conclude(refused ? 'refused' : 'failed', error);
  const line = `The ${attempt.kind} of ${attempt.commit || 'an unknown commit'} ended at ${error.stage}: ${error.message}`;
  if (refused) ctx.log.warn(line);
  else
    ctx.alerts.tell(
      `${line}${failures > 1 ? ` (${failures} failures in a row)` : ''} What was live stays live.`,
    );
  return error;
}

const isFolder = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
