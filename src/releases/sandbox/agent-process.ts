/** An agent's process under validation: started by its Procfile, measured, and ended with all it started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentClient, NoAnswer } from '../../agent-check/client';
import { endGroup, groupMembers, groupsMarked, signalGroup } from '../../os/process-groups';

/** Between two looks whether it answers. */
const LOOK_MS = 5;
const HEALTH_MS = 2_000;
const GRACE_MS = 2_000;
/** Of what it printed, for people who look for the reason. */
const TAIL_CHARS = 4_000;
/** USER_HZ: 100 on every Linux. */
const TICK_MS = 10;
/** By which what it started is known again, also in a group of its own. */
export const MARK = 'REVEILLE_SANDBOX';

export interface StartOptions {
  command: readonly string[];
  folder: string;
  env: Record<string, string>;
  url: string;
  mark: string;
  deadlineMs: number;
}

/** It ended, or did not answer in time. */
export class NotBooted extends Error {}

export class AgentProcess {
  #output = '';
  readonly exited: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly mark: string,
  ) {
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-TAIL_CHARS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = once(child, 'exit').catch((error: Error) => (this.#output += error.message));
  }

  /** Resolves when it answers. @throws NotBooted, with what it printed */
  static async start(options: StartOptions): Promise<{ agent: AgentProcess; bootMs: number }> {
    const { command, folder, env, url, mark, deadlineMs } = options;
    const [file = '', ...args] = command;
    const begun = performance.now();
    const child = spawn(file, args, {
      cwd: folder,
      env: { ...env, [MARK]: mark },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const agent = new AgentProcess(child, mark);
    let isOver = false;
    void agent.exited.then(() => (isOver = true));
    const client = new AgentClient(url);
    for (;;) {
      const answer = await client.get('/health', HEALTH_MS).catch((error: unknown) => {
        if (error instanceof NoAnswer) return undefined;
        throw error;
      });
      const bootMs = performance.now() - begun;
      if (answer?.status === 200) return { agent, bootMs };
      if (!isOver && bootMs < deadlineMs) {
        await sleep(LOOK_MS);
        continue;
      }
      const how = isOver ? 'it ended' : `it did not answer GET /health with 200 within ${deadlineMs} ms`;
      await agent.end();
      const said = telling(agent.output);
      throw new NotBooted(said === '' ? `${how}, and printed nothing` : `${how}: ${said}`);
    }
  }

  /** The last it printed. */
  get output(): string {
    return this.#output;
  }

  /** Memory and processor time until now, of all its processes; undefined where the machine does not tell. */
  usage(): { cpuMs: number; peakRssBytes: number } | undefined {
    const groups = new Set([this.child.pid ?? 0, ...groupsMarked(MARK, this.mark)]);
    const all = [...groups].flatMap((group) => groupMembers(group).flatMap((pid) => usageOf(pid) ?? []));
    if (all.length === 0) return undefined;
    return {
      cpuMs: all.reduce((sum, one) => sum + one.cpuMs, 0),
      peakRssBytes: all.reduce((sum, one) => sum + one.peakRssBytes, 0),
    };
  }

  async end(): Promise<void> {
    if (this.child.pid === undefined) return;
    await endGroup(this.child.pid, GRACE_MS);
    for (const group of groupsMarked(MARK, this.mark)) signalGroup(group, 'SIGKILL');
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }
}

const TOLD_LINES = 4;
/** Of what runtimes print when they give up: where in their own code that was. */
const NOISE = /^\s*(at |node:|\^|throw |Node\.js v|code:|requireStack:|[{}[\]]*,?$)/;

/** The last lines that say something. */
const telling = (output: string): string =>
  output
    .split('\n')
    .filter((line) => !NOISE.test(line))
    .slice(-TOLD_LINES)
    .map((line) => line.trim())
    .join(' | ');

function usageOf(pid: number): { cpuMs: number; peakRssBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // utime, stime and those of the children that have ended.
    const ticks = fields.slice(11, 15).reduce((sum, n) => sum + n, 0);
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpuMs: ticks * TICK_MS, peakRssBytes: Number(kib ?? 0) * 1_024 };
  } catch {
    return undefined; // Gone meanwhile, or no Linux.
  }
}
