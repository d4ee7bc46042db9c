import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { CapsuleLog } from './capsule-log';
import { endGroup } from './processes';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** One started process with its group. */
export interface Replica {
  /** Process id of the leader, which is also the id of the group. */
  readonly pid: number;
  /** Resolves when the leader has ended; others of its group may still run. */
  readonly exited: Promise<Exit>;
  /** Ends the whole group and resolves when none of it is left. @throws Error when some survives */
  end(graceMs: number): Promise<void>;
}

/**
 * Starts a shell command as the leader of a process group of its own, so that all it starts can be
 * ended with it.
 * @throws Error when it cannot be started
 */
export async function startReplica(
  command: string,
  folder: string,
  env: Record<string, string>,
  log: CapsuleLog,
  onPid: (pid: number) => void,
): Promise<Replica> {
  const child = spawn(command, {
    shell: true,
    detached: true,
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // At once, and before anything asynchronous: a kill of this process must find it recorded.
  if (child.pid !== undefined) onPid(child.pid);
  log.collect(child.stdout);
  log.collect(child.stderr);
  const exited = exitOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid!;
  return {
    pid,
    exited,
    end: async (graceMs) => {
      await Promise.all([endGroup(pid, graceMs), exited]);
      // A process that left the group may hold the pipes open; nobody reads them any more.
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}
