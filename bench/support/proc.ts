/** CPU time and memory of processes, from Linux's /proc. */
import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks per second in /proc/<pid>/stat: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;

interface Stat {
  ppid: number;
  /** Milliseconds on a CPU, of the process and of its children that have ended. */
  cpuMs: number;
}

/** CPU milliseconds of a process and of every process below it. */
export async function cpuMsOfTree(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = new Map<number, Stat>();
  for (const each of pids) {
    const stat = await statOf(each);
    if (stat) stats.set(each, stat);
  }
  const below = (id: number): boolean => {
    const parent = stats.get(id)?.ppid ?? 0;
    return parent === pid || (parent > 1 && below(parent));
  };
  return [...stats].filter(([id]) => id === pid || below(id)).reduce((sum, [, s]) => sum + s.cpuMs, 0);
}

/** CPU milliseconds of one process. @throws when it is gone */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await statOf(pid);
  if (!stat) throw new Error(`process ${pid} is gone`);
  return stat.cpuMs;
}

/** Resident memory in MB (10^6 bytes), as the kernel counts it now. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status tells no VmRSS`);
  return (Number(kib) * 1_024) / 1_000_000;
}

async function statOf(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined; // it ended meanwhile
    throw error;
  });
  if (text === undefined) return undefined;
  // The name in parentheses may hold anything; what follows the last one is fields 3 and up.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, ppid = 0, , , , , , , , , , utime = 0, stime = 0, cutime = 0, cstime = 0] = fields;
  return { ppid, cpuMs: ((utime + stime + cutime + cstime) * 1_000) / TICKS_PER_SECOND };
}
