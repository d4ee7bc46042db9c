/**
 * What the operating system says about other processes. Needed because a lock file, a
 * registration or a `postmaster.pid` outlives a process that was killed with -9, and because
 * process ids are reused.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { isDead, procStat } from '../../os/proc-stat';

const run = promisify(execFile);

/** `ps` answers in milliseconds; this only bounds a machine that is out of everything. */
const PS_DEADLINE_MS = 10_000;
const PS_MAX_BYTES = 8 * 1024 * 1024;
const EXIT_POLL_MS = 20;

const onLinux = process.platform === 'linux';

/** For reads under `/proc`: the process may go between two calls (ESRCH once a file is open). */
function undefinedWhenGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
  throw error;
}

/**
 * True when the process runs. One that is dead and only unreaped counts as gone.
 */
export async function isAlive(pid: number): Promise<boolean> {
  if (onLinux) {
    const stat = procStat(pid);
    return stat !== undefined && !isDead(stat);
  }
  return signal(pid, 0);
}

/** Sends a signal; false when there was no such process. A process of another user exists. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM' && name === 0) return true;
    throw error;
  }
}

/**
 * When a process started, in an opaque form that differs for two processes that had the same id,
 * or undefined when it does not run.
 */
export async function startedAt(pid: number): Promise<string | undefined> {
  if (onLinux) return (await isAlive(pid)) ? procStat(pid)?.startTicks : undefined;
  const line = (await ps(['-p', String(pid), '-o', 'lstart='])).trim();
  return line === '' ? undefined : line.replace(/\W+/g, '-');
}

/** Ids of the running processes whose command line (or the title they gave themselves) matches. */
export async function findByCommand(matches: (command: string) => boolean): Promise<number[]> {
  const all = onLinux ? await linuxCommands() : await psCommands();
  return all.filter((entry) => matches(entry.command)).map((entry) => entry.pid);
}

interface Command {
  pid: number;
  command: string;
}

async function linuxCommands(): Promise<Command[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const read = async (pid: number): Promise<Command> => {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(undefinedWhenGone);
    return { pid, command: (text ?? '').replaceAll('\0', ' ') }; // a zombie's is empty
  };
  return Promise.all(pids.map(read));
}

async function psCommands(): Promise<Command[]> {
  const lines = (await ps(['-axww', '-o', 'pid=,command='])).split('\n');
  return lines.map((line) => ({ pid: Number.parseInt(line, 10), command: line.replace(/^\s*\d+ /, '') }));
}

async function ps(args: string[]): Promise<string> {
  try {
    const { stdout } = await run('ps', args, { timeout: PS_DEADLINE_MS, maxBuffer: PS_MAX_BYTES });
    return stdout;
  } catch (error) {
    // `ps -p` of a process that is gone prints nothing and exits with 1.
    if ((error as { code?: unknown }).code === 1) return '';
    throw new Error('listing the processes with `ps` failed', { cause: error });
  }
}

/** Waits until none of the processes runs; false when one still does at the deadline. */
export async function waitForExit(pids: readonly number[], deadlineMs: number): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const alive = await Promise.all(pids.map(isAlive));
    if (!alive.includes(true)) return true;
    if (Date.now() >= end) return false;
    await delay(EXIT_POLL_MS);
  }
}
