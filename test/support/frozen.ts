/** Servers that neither work nor end: every process of theirs stopped, their connections open. */
import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that came of it, as far as they run. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error; // it ended meanwhile
    }
  }
  const tree = [pid];
  for (const each of tree) for (const [child, parent] of parents) if (parent === each) tree.push(child);
  return tree;
}

/** Freezes a server. Answers what thaws it again; harmless once more. */
export function freeze(pid: number): () => void {
  const stopped = new Set<number>();
  // The server itself first: a process that it starts meanwhile would answer for it, and is found by another look.
  for (let tree = [pid]; tree.some((each) => !stopped.has(each)); tree = processTree(pid)) {
    for (const each of tree) {
      if (!stopped.has(each)) signal(each, 'SIGSTOP');
      stopped.add(each);
    }
  }
  return () => {
    for (const each of stopped) signal(each, 'SIGCONT');
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended meanwhile
  }
}
