/** Builds and runs an agent, again after each change, one thing at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentClient, NoAnswer } from '../../../agent-check/client';
import { printable } from '../../output';
import type { Paint } from '../../terminal';
import { build, BUILD_STOP_MS, secondsSince } from './build';
import { startGroup, type Group } from './groups';
import { logLines, saysNotReady } from './log-line';
import { readProject, type Project } from './project';

/** Longer than the grace the agent gives a job at work, see DEV_GRACE_SECONDS. */
const STOP_MS = 4_000;
/** Boot is billed time: an agent that needs longer than this has a fault. */
const READY_MS = 30_000;
const PROBE_MS = 2_000;
const PROBE_EVERY_MS = 50;
/** Agents load their job once they listen: what does not load at all mostly says so within this. */
const JOB_LOAD_MS = 100;

/** AGENT_GRACE_SECONDS unless the author set it: a reload waits for a job at work, but not for long. */
export const DEV_GRACE_SECONDS = 1;

export interface RunnerOptions {
  folder: string;
  url: string;
  /** Read anew at each start. */
  env: (folder: string) => NodeJS.ProcessEnv;
  print: (line: string) => void;
  paint: Paint;
  onReady: () => void;
}

export class Runner {
  /** When the agent was started last, `performance.now()`. */
  startedAt: number | undefined;
  private agent: Group | undefined;
  private build: Group | undefined;
  private cycle: Promise<void> = Promise.resolve();
  /** Rises with each change: what was begun for an earlier one is given up. */
  private wanted = 0;
  private isClosed = false;

  constructor(private readonly options: RunnerOptions) {}

  /** Builds and starts it, instead of what is being built or run. @param why what changed */
  restart(why?: string): Promise<void> {
    this.wanted += 1;
    const mine = this.wanted;
    // A build of the version before is of no use to anybody.
    void this.build?.end(BUILD_STOP_MS);
    this.cycle = this.cycle.then(() => this.turn(mine, why));
    return this.cycle;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.wanted += 1;
    await Promise.all([this.build?.end(BUILD_STOP_MS), this.agent?.end(STOP_MS)]);
    await this.cycle;
    await this.agent?.end(STOP_MS);
  }

  private isStale = (mine: number): boolean => this.isClosed || mine !== this.wanted;

  private async turn(mine: number, why: string | undefined): Promise<void> {
    if (this.isStale(mine)) return;
    const { folder, paint } = this.options;
    if (why !== undefined) this.say(paint.dim(`${why} changed`));
    try {
      const project = await readProject(folder);
      if (!(await this.make(project)) || this.isStale(mine)) return;
      await this.agent?.end(STOP_MS);
      if (!this.isStale(mine)) await this.start(project, mine);
    } catch (error) {
      this.say(paint.bad((error as Error).message));
    }
  }

  /** Answers whether there is something to run. The agent of before goes on if there is not. */
  private async make({ build: command, folder }: Project): Promise<boolean> {
    if (command === undefined) return true;
    const { paint, env, print } = this.options;
    const { ok, isStopped, said, seconds } = await build(command, folder, env(folder), (group) => {
      this.build = group;
    });
    this.build = undefined;
    if (ok) {
      this.say(paint.dim(`built in ${seconds}`));
      return true;
    }
    if (this.isClosed || isStopped) return false;
    for (const line of said) print(`${paint.dim('build │')} ${printable(line)}`);
    const before = this.agent ? '; the version before goes on' : '';
    this.say(paint.bad(`the build failed${before}; waiting for a change`));
    return false;
  }

  private async start({ command, folder }: Project, mine: number): Promise<void> {
    const { url, env, paint, print, onReady } = this.options;
    const startedAt = performance.now();
    this.startedAt = startedAt;
    let isOver = false;
    const over = (how: string): void => {
      isOver = true;
      if (!this.isStale(mine)) this.say(paint.bad(`${how}; waiting for a change`));
    };
    const agent = startGroup(command, folder, env(folder), (line) => {
      for (const shown of logLines(line, folder, paint)) print(`${paint.dim('agent │')} ${shown}`);
      // It is healthy all the same: whether it answers says nothing of its job.
      if (saysNotReady(line)) over('the agent can do no job');
    });
    this.agent = agent;
    void agent.exited.then(({ code, signal }) =>
      over(`the agent ended ${signal === null ? `with code ${code}` : `by ${signal}`}`),
    );
    const isGivenUp = (): boolean => isOver || this.isStale(mine);
    const answers = await this.healthy(url, isGivenUp);
    if (isGivenUp()) return;
    if (answers !== true) return this.say(paint.bad(`not ready after ${READY_MS / 1_000} s: ${answers}`));
    const took = secondsSince(startedAt);
    await sleep(JOB_LOAD_MS);
    if (isGivenUp()) return;
    this.say(`${paint.good('ready')} ${paint.dim(`in ${took}`)}`);
    onReady();
  }

  /** True once GET /health is answered with 200; the last thing seen when it is not in time. */
  private async healthy(url: string, isOver: () => boolean): Promise<true | string> {
    const client = new AgentClient(url);
    const deadline = performance.now() + READY_MS;
    let seen = 'nothing was tried';
    while (performance.now() < deadline && !isOver()) {
      try {
        const { status } = await client.get('/health', PROBE_MS);
        if (status === 200) return true;
        seen = `GET /health answers HTTP ${status}`;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        seen = `GET /health: ${error.detail}`;
      }
      await sleep(PROBE_EVERY_MS);
    }
    return seen;
  }

  private say(text: string): void {
    this.options.print(`${this.options.paint.dim('dev   │')} ${text}`);
  }
}
