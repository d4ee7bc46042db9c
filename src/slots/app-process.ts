/** One process group of a slot: started by a shell, with its output in a file, ended as a whole. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Writable } from 'node:stream';
import { freePorts as anyFreePorts } from '../os/free-port';
import { endGroup, groupMembers, signalGroup, startTimeOf } from '../os/process-groups';
import type { Cgroup, Cgroups } from './cgroups';
import type { Ports } from './environment';
import { messageOf } from './errors';
import { limited, type Limits } from './limits';

export interface Launch {
  command: string;
  folder: string;
  env: Record<string, string>;
  /** Emptied first. */
  logFile: string;
  limits?: Limits | undefined;
  /** Where it gets a control group of its own. */
  groups?: Cgroups | undefined;
  /** Another user, who reads the slot and writes where it may. */
  user?: { uid: number; gid: number } | undefined;
}

export class AppProcess {
  /** Settles once the leader has ended and the rest of its group was ended too. */
  readonly exited: Promise<string>;
  private ended: string | undefined;
  private ending: Promise<void> | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    /** Tells the process from a later one with its pid. */
    readonly started: string,
    /** What it writes. */
    readonly logFile: string,
    private readonly group: Cgroup | undefined,
  ) {
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const end = signal === null ? `ended with code ${code ?? '?'}` : `was ended by ${signal}`;
        this.ended = group?.ranOutOfMemory ? `${end}, as its limit of memory was reached` : end;
        // Children that outlive their leader hold ports and files. Their own end is waited for by end().
        signalGroup(pid, 'SIGKILL');
        // Who stops it hears of a group that cannot be removed; here nobody asks.
        group?.end().catch(() => undefined);
        resolve(this.ended);
      });
    });
  }

  /** @throws Error when there is no shell, no folder or no log file */
  static async start({ command, folder, env, logFile, limits, groups, user }: Launch): Promise<AppProcess> {
    // Appended to, so that it can be emptied while the process writes.
    const log = openSync(logFile, 'a', 0o600);
    ftruncateSync(log);
    const group = groups?.make(basename(folder));
    try {
      const [program, args] = limited(command, limits, group !== undefined);
      const child = spawn(program, args, {
        cwd: folder,
        env,
        ...user,
        detached: true,
        stdio: ['ignore', log, log, ...(group ? (['pipe'] as const) : [])],
      });
      await once(child, 'spawn');
      const { pid } = child;
      if (pid === undefined) throw new Error(`${command} has no pid`);
      const app = new AppProcess(child, pid, startTimeOf(pid) ?? 'gone', logFile, group);
      if (group !== undefined) letGo(child, group, pid);
      return app;
    } catch (error) {
      await group?.end();
      throw error;
    } finally {
      closeSync(log);
    }
  }

  get alive(): boolean {
    return this.ended === undefined;
  }

  /** How it ended, in words; undefined while it runs. */
  get end(): string | undefined {
    return this.ended;
  }

  /**
   * SIGTERM to the group, SIGKILL after `graceMs`; resolves when none of it is left.
   * @throws Error when it survives even that
   */
  stop(graceMs: number): Promise<void> {
    // Of a group that is gone the id may be another's by now.
    if (!this.alive && groupMembers(this.pid).length === 0) return this.group?.end() ?? Promise.resolve();
    this.ending ??= endGroup(this.pid, graceMs).then(async () => {
      await this.exited; // What is done at its end, such as removing its socket, comes before ours.
      this.child.unref();
      await this.group?.end();
    });
    return this.ending;
  }

  /** Signals those of the group that handle the signal; for others its default would be their end. */
  tell(signal: 'SIGUSR2' | 'SIGCONT'): void {
    if (signal === 'SIGCONT') return signalGroup(this.pid, signal);
    for (const pid of groupMembers(this.pid)) {
      if (!handles(pid, USR2_BIT)) continue;
      try {
        process.kill(pid, signal);
      } catch {
        continue; // Gone since it was listed.
      }
    }
  }
}

/** Puts a process that waits for it into its group, and tells it to go on. */
function letGo(child: ChildProcess, group: Cgroup, pid: number): void {
  const word = child.stdio[3] as Writable;
  // It ended before it was told; its end says more.
  word.on('error', () => word.destroy());
  try {
    group.enter(pid);
  } catch (error) {
    word.destroy(); // Without the word it ends, and nothing of the command has run.
    throw error;
  }
  word.end('go\n');
}

/** Signal 12, counted from 1 as in the masks of /proc. */
const USR2_BIT = 1n << 11n;

function handles(pid: number, bit: bigint): boolean {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return mask !== undefined && (BigInt(`0x${mask}`) & bit) !== 0n;
  } catch {
    return false; // Gone, or no /proc: without knowing, nothing is sent.
  }
}

/**
 * Runs a command to its end.
 * @returns what went wrong, in words; undefined when it ended with 0
 */
export async function runToEnd(
  launch: Launch,
  timeoutMs: number,
  onStart: (app: AppProcess) => Promise<void>,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const app = await AppProcess.start(launch);
    await onStart(app);
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`did not end within ${timeoutMs} ms`), timeoutMs);
    });
    const end = await Promise.race([app.exited, late]);
    await app.stop(0);
    return end === 'ended with code 0' ? undefined : end;
  } catch (error) {
    return `could not be run: ${messageOf(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Two loopback ports that nobody listens on, or one twice where the app has but one. */
export async function freePorts(two: boolean): Promise<Ports> {
  const [port = 0, internalPort = port] = await anyFreePorts(two ? 2 : 1);
  return { port, internalPort };
}
