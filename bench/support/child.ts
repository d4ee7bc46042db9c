/** Child processes of the benchmarks: started with their settings, asked over IPC, gone with us. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { withDeadline } from '../../test/support/deadline';

const ROOT = join(__dirname, '..', '..');
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;

export type Reply<T> = { ok: true; value: T } | { ok: false; error: string };

export interface Child {
  readonly pid: number;
  /** Asks it to do something and awaits the outcome. One question at a time. */
  ask<T>(question: object, deadlineMs: number): Promise<T>;
  /** Lets it end in order, kills it at the deadline. */
  stop(): Promise<void>;
}

/**
 * Starts `file` (from the root of the repository) and waits until it says that it is ready.
 * @param settings given as its one argument, as JSON; see `serve`
 * @param nodeOptions e.g. `--cpu-prof`
 */
export async function startChild(file: string, settings: object, nodeOptions: string[] = []): Promise<Child> {
  const child = fork(join(ROOT, file), [JSON.stringify(settings)], {
    cwd: ROOT,
    execArgv: [...(file.endsWith('.ts') ? ['--import', 'tsx'] : []), ...nodeOptions],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const stop = () => end(child);
  try {
    await withDeadline(replyOf(child, file), START_DEADLINE_MS, () => `${file} is not ready`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid as number,
    stop,
    ask: async <T>(question: object, deadlineMs: number) => {
      const reply = replyOf<T>(child, file);
      child.send(question);
      return withDeadline(reply, deadlineMs, () => `${file} does not answer`);
    },
  };
}

async function replyOf<T>(child: ChildProcess, file: string): Promise<T> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const [first] = (await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => [
        { ok: false, error: `it ended with ${String(code)}` },
      ]),
    ])) as [Reply<T>];
    if (first.ok) return first.value;
    throw new Error(`${file}: ${first.error}`);
  } finally {
    over.abort();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited.finally(() => clearTimeout(timer));
}
