/** Child processes of tests: their output, their end, and that none survives the test file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { withDeadline } from './deadline';
import { enlist } from './run-folder';

/** Arguments of `node` that let it load our TypeScript. */
export const TYPESCRIPT: readonly string[] = ['--require', join(__dirname, 'typescript.cjs')];

const WAIT_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;
/** What is kept of a process's output; the oldest goes first. */
const OUTPUT_MAX_CHARS = 1_000_000;
const TAIL_CHARS = 3_000;

export interface ProcessOptions {
  cwd?: string;
  /** Added to our own environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** `pipe` to hold the process's input open until `closeInput()`. Default: none. */
  input?: 'ignore' | 'pipe';
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  /** What it has printed so far, on both streams in the order of arrival. */
  readonly output: () => string;
  /**
   * The first match in the output, past or future.
   * @throws Error with the output when the process ends before, or at the deadline
   */
  readonly waitFor: (pattern: RegExp, deadlineMs?: number) => Promise<RegExpExecArray>;
  /** Settles when the process itself has ended and its output is read. */
  readonly exited: Promise<Exit>;
  /** Signals the process and, as it leads a group, its children in that group. */
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Signals the process alone, as the system's out-of-memory killer would. */
  readonly killAlone: (signal: NodeJS.Signals) => void;
  readonly closeInput: () => void;
  /** Types into the process; with `input: 'pipe'`. */
  readonly write: (text: string) => void;
  /** SIGTERM to the group, SIGKILL to what is left of it at the deadline. */
  readonly stop: (deadlineMs?: number) => Promise<Exit>;
}

/** Starts a process that leads a group of its own. Prefer {@link useProcesses}, which cleans up. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<TestProcess> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: [options.input ?? 'ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn');
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const pid = child.pid;
  if (pid === undefined || child.stdout === null || child.stderr === null)
    throw new Error(`no process: ${command}`);
  const output = collect([child.stdout, child.stderr]);
  await enlist(pid);
  const kill = (signal: NodeJS.Signals) => signalIfThere(-pid, signal);
  return {
    pid,
    exited,
    kill,
    killAlone: (signal) => signalIfThere(pid, signal),
    output: output.text,
    closeInput: () => child.stdin?.end(),
    write: (text) => void child.stdin?.write(text),
    waitFor: (pattern, deadlineMs = WAIT_DEADLINE_MS) => {
      const ended = exited.then((exit) => {
        // What it printed last may hold the match.
        const match = pattern.exec(output.text());
        if (match !== null) return match;
        throw new Error(
          `${command} ended (${exit.code ?? exit.signal}) before ${pattern}: ${tail(output.text())}`,
        );
      });
      const seen = Promise.race([output.match(pattern), ended]);
      return withDeadline(seen, deadlineMs, () => `no ${pattern} from ${command}: ${tail(output.text())}`);
    },
    stop: async (deadlineMs = STOP_DEADLINE_MS) => {
      kill('SIGTERM');
      const timer = setTimeout(() => kill('SIGKILL'), deadlineMs);
      const exit = await exited;
      clearTimeout(timer);
      kill('SIGKILL'); // children that outlived the leader
      return exit;
    },
  };
}

const tail = (text: string): string => `\n${text.slice(-TAIL_CHARS)}`;

/** False when the process, or every member of the group, is gone. */
function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function collect(streams: NodeJS.ReadableStream[]) {
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of streams) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_MAX_CHARS);
      for (const listener of listeners) listener();
    });
  }
  const match = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const found = pattern.exec(text);
        if (found === null) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });
  return { text: () => text, match };
}

export interface Processes {
  readonly start: (
    command: string,
    args: readonly string[],
    options?: ProcessOptions,
  ) => Promise<TestProcess>;
  /** `node` with our loader for TypeScript: `startScript('test/support/x.ts', [...])`. */
  readonly startScript: (
    file: string,
    args: readonly string[],
    options?: ProcessOptions,
  ) => Promise<TestProcess>;
}

/** Call at the top of a test file or `describe`: what is started is killed after its last test. */
export function useProcesses(): Processes {
  const started: TestProcess[] = [];
  const start: Processes['start'] = async (command, args, options) => {
    const child = await startProcess(command, args, options);
    started.push(child);
    return child;
  };
  afterAll(async () => {
    for (const child of started) child.kill('SIGKILL');
    await Promise.all(started.map((child) => child.exited));
  });
  const startScript: Processes['startScript'] = (file, args, options) =>
    start(process.execPath, [...TYPESCRIPT, file, ...args], options);
  return { start, startScript };
}
