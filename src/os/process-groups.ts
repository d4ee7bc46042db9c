/** Process groups: whether one lives, how to end it, and how to know it again after a crash. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isDead, procStat } from './proc-stat';

/** Between two looks at a group that was told to end: most are gone in a few milliseconds. */
const POLL_MIN_MS = 2;
const POLL_MAX_MS = 20;
/** How long a SIGKILLed group may take to vanish before that is an error. */
const KILL_WAIT_MS = 5_000;

/**
 * Something that tells a process from a later one with the same pid: start time, and on Linux the
 * boot it belongs to. Undefined when the process is gone, or dead and only unreaped.
 */
export function startTimeOf(pid: number): string | undefined {
  const stat = procStat(pid);
  if (stat && isDead(stat)) return undefined;
  if (stat) return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${stat.startTicks}`;
  if (process.platform === 'linux') return undefined;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined; // `ps` exits with 1 when there is no such process.
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether any process of the group still runs; one that is dead and only unreaped does not. */
export function groupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
  const leader = procStat(group);
  if (process.platform !== 'linux' || (leader && !isDead(leader))) return true;
  return pids().some((pid) => {
    const stat = procStat(pid);
    return stat?.group === group && !isDead(stat);
  });
}

/** The groups of living processes that carry `NAME=value` in the environment they were started with. */
export function groupsMarked(name: string, value: string): number[] {
  if (process.platform !== 'linux') return [];
  const groups = new Set<number>();
  for (const pid of pids()) {
    let environment: string;
    try {
      environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    } catch {
      continue; // Gone, or another user's, and so none of ours.
    }
    if (!environment.split('\0').includes(`${name}=${value}`)) continue;
    const stat = procStat(pid);
    if (stat && !isDead(stat) && stat.group !== ownGroup()) groups.add(stat.group);
  }
  return [...groups];
}

function ownGroup(): number | undefined {
  return procStat(process.pid)?.group;
}

/** Sends a signal to a group; a group that is gone already is fine. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends a group: SIGTERM, `graceMs` to leave, SIGKILL. Resolves when none of it is left.
 * @throws Error when it survives even that
 */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  signalGroup(group, 'SIGTERM');
  if (await gone(group, graceMs)) return;
  signalGroup(group, 'SIGKILL');
  if (await gone(group, KILL_WAIT_MS)) return;
  throw new Error(`Process group ${group} is still there ${KILL_WAIT_MS} ms after SIGKILL.`);
}

async function gone(group: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (let pause = POLL_MIN_MS; groupAlive(group); pause = Math.min(POLL_MAX_MS, 2 * pause)) {
    if (performance.now() >= deadline) return false;
    await delay(pause);
  }
  return true;
}

/** The living processes of a group; where there is no /proc, its leader. */
export function groupMembers(group: number): number[] {
  if (process.platform !== 'linux') return [group];
  return pids().filter((pid) => {
    const stat = procStat(pid);
    return stat?.group === group && !isDead(stat);
  });
}
