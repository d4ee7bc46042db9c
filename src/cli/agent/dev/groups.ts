/** Commands that run as process groups of their own, so that all they start ends with them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EXIT } from '../../exit';
import { endGroup, signalGroup } from '../../../platforms/local/processes';

/** Groups that run now: killed when this process ends, however it comes to that. */
const running = new Set<number>();
process.on('exit', killAll);

/** At once and without waiting: for the last moment of this process. */
export function killAll(): void {
  for (const group of running) signalGroup(group, 'SIGKILL');
}

/** The first interrupt ends everything in order; whoever insists gets it at once, and no less thoroughly. */
export function endAtOnceOnSecond(interrupt: AbortSignal): void {
  const again = (): void => {
    killAll();
    process.exit(EXIT.failed);
  };
  const listen = (): void => void process.once('SIGINT', again);
  if (interrupt.aborted) listen();
  else interrupt.addEventListener('abort', listen, { once: true });
}

export interface Group {
  /** Settles when the leader has ended. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Settles when all it printed was read; a process that outlives the leader may keep that open. */
  readonly drained: Promise<unknown>;
  /** Ends the whole group, and resolves when none of it is left. Idempotent. */
  end(graceMs: number): Promise<void>;
}

/** @param onLine told of each line on either stream */
export function startGroup(
  command: string,
  folder: string,
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Group {
  const child = spawn(command, {
    shell: true,
    detached: true,
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  const drained = Promise.all(
    [child.stdout, child.stderr].map((input) => {
      const lines = createInterface({ input, crlfDelay: Infinity }).on('line', onLine);
      return once(lines, 'close');
    }),
  );
  const exited = exitOf(child);
  let ending: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    if (pid === undefined) return;
    await Promise.all([endGroup(pid, graceMs), exited]);
    running.delete(pid);
    // A process that left the group may hold the pipes open; nobody reads them any more.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  return { exited, drained, end: (graceMs) => (ending ??= end(graceMs)) };
}

function exitOf(child: ChildProcess): Group['exited'] {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    // The shell itself could not be started.
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}
