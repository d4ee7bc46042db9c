/** Looks at what is, beside what should be: facts for {@link findingsOf}, records, alerts. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readlink, statfs } from 'node:fs/promises';
import type { Branches } from './branches';
import type { Context } from './context';
import { messageOf } from './errors';
import { findingsOf, type Facts, type ReconcileFinding } from './findings';
import { checkPayload, checkSchema, healthFault } from './health';

const LOOK_MS = 2_000;

export interface ContractFile {
  file: string;
  hash: string;
}

export const hashOfFile = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');

/** @returns what is found now; each finding is recorded and told once, and its end recorded */
export async function reconcile(
  ctx: Context,
  branches: Branches,
  contractFile: ContractFile | undefined,
): Promise<ReconcileFinding[]> {
  const facts = await factsOf(ctx, branches, contractFile);
  const found = findingsOf(facts, ctx.contract);
  const known = ctx.state.now.findings;
  const fresh = found.filter(({ kind }) => !known.includes(kind));
  const gone = known.filter((kind) => found.every((finding) => finding.kind !== kind));
  for (const { kind, detail } of fresh) await record(ctx, 'found', `${kind}: ${detail}`);
  for (const kind of gone) await record(ctx, 'resolved', kind);
  if (fresh.length + gone.length > 0) await ctx.state.set({ findings: found.map(({ kind }) => kind) });
  for (const { kind, detail } of fresh) ctx.alerts.tell(`Found while looking after it: ${kind}: ${detail}.`);
  return found;
}

function record(ctx: Context, outcome: 'found' | 'resolved', text: string): Promise<void> {
  const { live } = ctx.state.now;
  return ctx.deployLog.append({
    at: new Date().toISOString(),
    kind: 'reconcile',
    outcome,
    commit: live?.commit ?? '',
    previous_commit: '',
    slot: live?.name ?? '',
    trigger: 'reconcile',
    error: text,
  });
}

async function factsOf(
  ctx: Context,
  branches: Branches,
  contractFile: ContractFile | undefined,
): Promise<Facts> {
  const remote = await fetchFault(branches);
  const { live, consecutive_failures: failedDeploys } = ctx.state.now;
  const [main, machine] = [await branches.main(), await branches.machine()];
  const diverged =
    main && machine ? (await branches.count(main, machine)) + (await branches.count(machine, main)) : 0;
  const health = await liveFault(ctx);
  return {
    remote,
    mainAhead: main && live ? await branches.count(live.commit, main) : undefined,
    divergence: diverged,
    health,
    drift: await driftOf(ctx),
    contract: changedContract(contractFile) ?? (health === undefined ? await contractFault(ctx) : undefined),
    diskUsedPercent: await diskUsedPercent(ctx.disk.folder),
    failedDeploys,
  };
}

async function fetchFault(branches: Branches): Promise<string | undefined> {
  try {
    if (await branches.hasRemote()) await branches.fetch();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function liveFault(ctx: Context): Promise<string | undefined> {
  if (ctx.state.now.live === null) return undefined;
  if (!ctx.live?.app.alive) return 'the live app does not run';
  return healthFault(ctx.contract, ctx.live.ports, LOOK_MS);
}

/** The slot that runs, the link, the files: all of them must be those of the live commit. */
async function driftOf(ctx: Context): Promise<string | undefined> {
  const { live, intent } = ctx.state.now;
  if (live === null || intent !== null) return undefined;
  if (ctx.live && ctx.live.slot.commit !== live.commit) return `${ctx.live.slot.name} runs, not ${live.name}`;
  const target = await readlink(ctx.disk.path('live')).catch(() => undefined);
  if (target !== live.name) return `the link "live" leads to ${target ?? 'nothing'}, not to ${live.name}`;
  const cwd = ctx.disk.path(live.name);
  try {
    const head = (await ctx.git.run(['rev-parse', 'HEAD'], { cwd })).trim();
    if (head !== live.commit) return `${live.name} has ${head} checked out, not ${live.commit}`;
    if (ctx.contract.shared_dirs.length > 0) return undefined; // Tracked files under one always differ.
    const changed = await ctx.git.run(['status', '--porcelain', '--untracked-files=no'], { cwd });
    return changed === '' ? undefined : `files of ${live.name} were changed since it was checked out`;
  } catch (error) {
    return `${live.name} cannot be read: ${messageOf(error)}`;
  }
}

function changedContract(known: ContractFile | undefined): string | undefined {
  if (known === undefined) return undefined;
  try {
    if (hashOfFile(known.file) === known.hash) return undefined;
    return `${known.file} was changed since the start, which alone reads it; was it you?`;
  } catch (error) {
    return `${known.file} cannot be read any more: ${messageOf(error)}`;
  }
}

async function contractFault(ctx: Context): Promise<string | undefined> {
  if (!ctx.live) return undefined;
  try {
    await checkPayload(ctx.contract, ctx.live.ports);
    await checkSchema(ctx.contract, ctx.live.ports);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function diskUsedPercent(folder: string): Promise<number> {
  const { blocks, bavail } = await statfs(folder);
  return blocks === 0 ? 0 : 100 * (1 - bavail / blocks);
}
