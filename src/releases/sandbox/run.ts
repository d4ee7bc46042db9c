/** Starts a visit in a process of its own, confined, and waits for its report. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { groupsMarked, signalGroup } from '../../os/process-groups';
import { MARK } from './agent-process';
import { DEFAULT_LIMITS, type Confinement, type SandboxLimits } from './confine';
import type { Answer } from './inside';
import { openDoor } from './outside/door';
import type { OutsideJob } from './outside/recorder';
import type { VisitJob, VisitReport } from './visit';

/** As built; a process of its own does not go by the tests' way of loading sources. */
const BUILT = resolve(__dirname, '../../../dist/releases/sandbox');
export const BOOT_DEADLINE_MS = 60_000;

export interface VisitWish extends Pick<VisitJob, 'folder' | 'env' | 'boots' | 'check' | 'cases'> {
  /** The `web:` command of its Procfile. */
  command: string;
  confinement: Confinement;
  /** What answers for everything outside, where the agent is cut off. */
  outside?: Pick<OutsideJob, 'recordings' | 'secrets'> & {
    /** Calls are made for real, and told in the report, to be kept. */
    records: boolean;
    /** Hosts that are asked for real, and nothing of that kept; where nothing is recorded. */
    asks?: readonly string[];
  };
  limits?: SandboxLimits;
  /** For all of it, milliseconds. */
  deadlineMs: number;
  /** Of that, for its boot. */
  bootDeadlineMs?: number;
}

/** @throws Error when the visit itself went wrong, or was not over in time */
export async function visitInSandbox(wish: VisitWish): Promise<VisitReport> {
  if (!wish.outside || !wish.confinement.isCut) return visited(wish);
  const { records, asks = [], ...known } = wish.outside;
  const hosts = records ? undefined : asks;
  const folder = await mkdtemp(join(tmpdir(), 'reveille-sandbox-'));
  const path = join(folder, 'out');
  const door = records || asks.length > 0 ? await openDoor(path, hosts) : undefined;
  try {
    return await visited(wish, {
      ...{ ...known, trust: join(folder, 'trust.pem') },
      ...(door && { door: { path, ...(hosts && { hosts }) } }),
    });
  } finally {
    door?.close();
    door?.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  }
}

async function visited(wish: VisitWish, outside?: OutsideJob): Promise<VisitReport> {
  const { folder, env, boots, check, cases, confinement, limits = DEFAULT_LIMITS, deadlineMs } = wish;
  const { bootDeadlineMs = BOOT_DEADLINE_MS } = wish;
  const mark = randomUUID();
  const job: VisitJob = {
    ...{ folder, env, boots, mark, bootDeadlineMs },
    command: confinement.limited(['/bin/sh', '-c', wish.command], limits),
    ...(check && { check }),
    ...(cases && { cases }),
    ...(outside && { outside }),
  };
  const answer = JSON.parse(
    await inSandbox('inside.js', [], JSON.stringify(job), { confinement, mark, deadlineMs }),
  ) as Answer;
  if (!answer.ok) throw new Error(`the sandbox went wrong: ${answer.error}`);
  return answer.report as VisitReport;
}

const SCHEMAS_MS = 10_000;

/** What a job's module tells of its input and output; undefined where there is none of the scaffold's. */
export async function schemasInSandbox(
  folder: string,
  confinement: Confinement,
): Promise<{ input?: Record<string, unknown>; output?: Record<string, unknown> } | undefined> {
  const file = join(folder, 'dist/job.js');
  if (!existsSync(file)) return undefined;
  const rules = { confinement, mark: randomUUID(), deadlineMs: SCHEMAS_MS };
  const told = await inSandbox('job-schemas.js', [file], '', rules).catch(() => '');
  return told === '' ? undefined : (JSON.parse(told) as Record<string, Record<string, unknown>>);
}

interface Rules {
  confinement: Confinement;
  mark: string;
  deadlineMs: number;
}

/** Answers what it printed. Nothing of it is left when this is over. */
async function inSandbox(
  script: string,
  args: readonly string[],
  input: string,
  { confinement, mark, deadlineMs }: Rules,
): Promise<string> {
  const [file = '', ...rest] = confinement.inNetwork([process.execPath, join(BUILT, script), ...args]);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(file, rest, {
    env: { PATH, HOME, [MARK]: mark },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const timer = setTimeout(() => child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'), deadlineMs);
  try {
    child.stdin.on('error', () => undefined); // It ended before it read: its exit tells.
    child.stdin.end(input);
    const [out, failed, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
    if (code === 0 && out !== '') return out;
    const why = failed.trim().split('\n').slice(-3).join(' | ');
    throw new Error(
      code === null
        ? `the sandbox was not done within ${deadlineMs} ms`
        : `the sandbox ended with ${code}${why === '' ? '' : `: ${why}`}`,
    );
  } finally {
    clearTimeout(timer);
    for (const group of groupsMarked(MARK, mark)) signalGroup(group, 'SIGKILL');
  }
}
