/** What Linux says about a process, for telling a living one from a dead one and from a later one. */
import { readFileSync } from 'node:fs';

export interface ProcStat {
  /** One letter; `Z` and `X` are dead, and perhaps not yet waited for. */
  state: string;
  group: number;
  /** Clock ticks between the machine's boot and the process's start. */
  startTicks: string;
}

/** `/proc/<pid>/stat`, or undefined where there is no such process, or no `/proc`. */
export function procStat(pid: number): ProcStat | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // Gone between the listing and the reading, or not Linux.
  }
  // The command's name may hold spaces and brackets; the fields start after its last bracket.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', group: Number(fields[2]), startTicks: fields[19] ?? '' };
}

/**
 * Ended, and only not yet collected by its parent: in a container without an init process that reaps,
 * a killed process stays like this for as long as the container lives.
 */
export const isDead = ({ state }: Pick<ProcStat, 'state'>): boolean => state === 'Z' || state === 'X';
