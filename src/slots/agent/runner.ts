/**
 * Runs the agent: a process of its own session that outlives swaps and the controller itself, one at a
 * time, in slot-staging, with an environment that holds nothing of the controller's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { endGroup, groupsMarked, startTimeOf } from '../../os/process-groups';
import type { Branches, Prepared } from '../branches';
import type { Context } from '../context';
import type { DeployRequest } from '../deploy';
import { STAGING } from '../disk';
import { codeOf, messageOf, StageError } from '../errors';
import { give } from '../users';
import type { Conversations, RunEnd } from './conversations';
import { AGENT_SESSION, processesOf, type AgentTraits } from './peers';
import { agentEnvironment } from './environment';

const POLL_MS = 100;
const CANCEL_GRACE_MS = 5_000;
/** What one run may write. */
const MAX_OUTPUT_BYTES = 50 * 1024 * 1024;

const Running = z.object({
  conversation: z.string(),
  run: z.number().int(),
  pid: z.number().int(),
  started: z.string(),
  since: z.string(),
});
type Running = z.infer<typeof Running>;

export interface RunnerOptions {
  ctx: Context;
  branches: Branches;
  conversations: Conversations;
  deploy: (request: DeployRequest) => Promise<unknown>;
}

export class AgentRunner {
  /** Known from the message on, before there is a process. */
  private current: { conversation: string; run: number } | undefined;
  private running: Running | undefined;
  private cancelled = false;
  private watching: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();
  private readonly file: string;

  constructor(private readonly options: RunnerOptions) {
    this.file = join(options.ctx.disk.folder, 'agent', 'running.json');
  }

  get now(): { conversation: string; run: number } | undefined {
    return this.current;
  }

  get traits(): AgentTraits {
    return { leader: this.running?.pid, uid: this.options.ctx.contract.agent_run_as?.uid };
  }

  /** Takes up a run that an earlier controller began. */
  adopt(): void {
    const data: unknown = existsSync(this.file) ? JSON.parse(readFileSync(this.file, 'utf8')) : undefined;
    const { data: running } = Running.safeParse(data);
    if (running === undefined) return;
    const { conversation, run } = running;
    if (this.options.conversations.endOf(conversation, run) !== undefined) return rmSync(this.file);
    const isAlive = startTimeOf(running.pid) === running.started;
    this.options.ctx.log.info(
      `The agent ${isAlive ? 'is still at work' : 'has ended meanwhile'}; taken up again.`,
    );
    this.current = running;
    this.running = running;
    this.watching = this.watch(running, isAlive);
  }

  /** @throws StageError (409) while it runs, (503) without anything live, (404) without an AGENT_BIN */
  async start(conversation: string, text: string, by: string): Promise<number> {
    const { ctx, conversations } = this.options;
    if (this.current) throw new StageError('resolve', 'The agent is at work; one task at a time.', 409);
    if (!process.env['AGENT_BIN'])
      throw new StageError('resolve', 'AGENT_BIN names no agent; set it for the controller.', 404);
    const { live } = ctx.state.now;
    if (live === null) throw new StageError('resolve', 'Nothing is live that could be worked on.', 503);
    this.current = { conversation, run: 0 };
    this.cancelled = false;
    try {
      const session = conversations.session(conversation);
      const { conflicts } = await this.prepare(live.commit);
      const run = conversations.begin(conversation, { text, by, at: new Date().toISOString(), conflicts });
      this.current = { conversation, run };
      const running = await this.spawn(conversation, run, prompt(text, conflicts), session);
      this.running = running;
      this.watching = this.watch(running, true);
      return run;
    } catch (error) {
      const { run } = this.current;
      if (run > 0) this.end(conversation, run, { status: 'failed', detail: messageOf(error) });
      this.current = undefined;
      throw error;
    }
  }

  /** Ends the run under way. @returns whether there was one of this conversation */
  async cancel(conversation: string): Promise<boolean> {
    const { running } = this;
    if (running?.conversation !== conversation) return false;
    this.cancelled = true;
    if (startTimeOf(running.pid) === running.started) await endGroup(running.pid, CANCEL_GRACE_MS);
    return true;
  }

  /** Lets go of it; the agent works on. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.watching;
  }

  private async prepare(live: string): Promise<Prepared> {
    const { ctx, branches } = this.options;
    try {
      if (await branches.hasRemote()) await branches.fetch();
      const prepared = await branches.prepare(ctx.disk.path(STAGING), live);
      const { conflicts, kept } = prepared;
      if (conflicts.length > 0)
        ctx.alerts.tell(
          `main conflicts with the agent's work in ${conflicts.join(', ')}; the agent is told.`,
        );
      else if (kept !== undefined) ctx.log.warn(`main was not merged into the agent's workspace: ${kept}.`);
      return prepared;
    } catch (error) {
      ctx.alerts.tell(`main could not be merged into the agent's workspace: ${messageOf(error)}`);
      return { conflicts: [] };
    }
  }

  private async spawn(conversation: string, run: number, text: string, session?: string): Promise<Running> {
    const { ctx, conversations } = this.options;
    const file = (name: string) => conversations.file(conversation, run, name);
    writeFileSync(file('in.txt'), text, { mode: 0o600 });
    const user = ctx.contract.agent_run_as;
    const workspace = ctx.disk.path(STAGING);
    const env = agentEnvironment(ctx, conversation);
    for (const folder of user ? [workspace, env['HOME'] ?? ''] : []) if (user) await give(folder, user);
    // Opened here: a user of its own could not.
    const files = [
      openSync(file('in.txt'), 'r'),
      openSync(file('out.jsonl'), 'a'),
      openSync(file('err.log'), 'a', 0o600),
      openSync(file('exit'), 'w', 0o600),
    ];
    try {
      const args = [...ctx.contract.agent_args, ...(session === undefined ? [] : ['--resume', session])];
      // The shell writes down how it ended, for whoever asks, and whenever.
      const command = ['-c', '"$@" 3>&-; echo $? >&3', 'agent', process.env['AGENT_BIN'] ?? '', ...args];
      const child = spawn('/bin/sh', command, {
        cwd: workspace,
        env,
        ...user,
        detached: true,
        stdio: files,
      });
      await once(child, 'spawn');
      child.unref();
      const pid = child.pid ?? 0;
      const started = startTimeOf(pid) ?? 'gone';
      const running = { conversation, run, pid, started, since: new Date().toISOString() };
      writeFileSync(`${this.file}.next`, JSON.stringify(running), { mode: 0o600 });
      renameSync(`${this.file}.next`, this.file);
      return running;
    } finally {
      for (const fd of files) closeSync(fd);
    }
  }

  private async watch(running: Running, wasAlive: boolean): Promise<void> {
    const { ctx, conversations } = this.options;
    const { conversation, run, pid, started } = running;
    const deadline = Date.parse(running.since) + ctx.contract.agent_timeout_ms;
    let fault: string | undefined;
    while (startTimeOf(pid) === started) {
      const bytes = statSync(conversations.file(conversation, run, 'out.jsonl')).size;
      if (Date.now() > deadline) fault = `it worked longer than ${ctx.contract.agent_timeout_ms} ms`;
      else if (bytes > MAX_OUTPUT_BYTES) fault = `it wrote more than ${MAX_OUTPUT_BYTES} bytes`;
      if (fault !== undefined) await endGroup(pid, CANCEL_GRACE_MS);
      try {
        await delay(POLL_MS, undefined, { signal: this.closing.signal });
      } catch {
        return; // Let go of; the next controller takes it up.
      }
    }
    // What the agent started and left running ends with it.
    if (wasAlive) await this.endStrays(running);
    const end = await this.conclude(running, fault ?? this.exitFault(conversation, run), wasAlive).catch(
      (error: unknown): Partial<RunEnd> => ({ status: 'failed', detail: messageOf(error) }),
    );
    if (end.status === 'failed') ctx.alerts.tell(`The agent's work failed: ${end.detail ?? ''}`);
    this.end(conversation, run, end);
    this.running = undefined;
    this.current = undefined;
  }

  private async endStrays({ pid, conversation }: Running): Promise<void> {
    const { agent_run_as: user } = this.options.ctx.contract;
    const groups = new Set([pid, ...groupsMarked(AGENT_SESSION, conversation)]);
    await Promise.all([...groups].map((group) => endGroup(group, 0)));
    for (const stray of user ? processesOf(user.uid) : []) signalProcess(stray, 'SIGKILL');
  }

  private exitFault(conversation: string, run: number): string | undefined {
    const file = this.options.conversations.file(conversation, run, 'exit');
    const code = (existsSync(file) && readFileSync(file, 'utf8').trim()) || 'no code';
    return code === '0' ? undefined : `it ended with ${code}`;
  }

  /** Commits what it left, and deploys what is new. */
  private async conclude(
    running: Running,
    fault: string | undefined,
    wasAlive: boolean,
  ): Promise<Partial<RunEnd>> {
    const { ctx, branches, deploy } = this.options;
    if (this.cancelled)
      return { status: 'cancelled', detail: 'It was cancelled; its files are as it left them.' };
    if (fault !== undefined) return { status: 'failed', detail: `The agent failed: ${fault}.` };
    const { live } = ctx.state.now;
    const subject = `Work of the agent (${running.conversation}/${running.run})`;
    const commit = await branches.commitAll(ctx.disk.path(STAGING), subject, live?.artefacts ?? []);
    if (commit === live?.commit) return { status: 'done', detail: 'Nothing was changed.', commit };
    if (!ctx.contract.agent_deploy)
      return { status: 'done', detail: 'Committed; deploying is up to you.', commit };
    // Whoever restarts a controller has not asked for a deployment.
    if (!wasAlive)
      return { status: 'done', detail: 'Committed while the controller was away; not deployed.', commit };
    try {
      await deploy({ commit, branch: ctx.contract.machine_branch, trigger: 'agent' });
      return { status: 'done', detail: 'It is live.', commit, deployed: true };
    } catch (error) {
      if (!(error instanceof StageError)) throw error;
      return { status: 'failed', detail: `Not deployed, at ${error.stage}: ${error.message}`, commit };
    }
  }

  private end(conversation: string, run: number, end: Partial<RunEnd>): void {
    const rest = { status: 'failed', detail: '', deployed: false, at: new Date().toISOString() } as const;
    this.options.conversations.end(conversation, run, { ...rest, ...end });
    rmSync(this.file, { force: true });
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

function prompt(text: string, conflicts: readonly string[]): string {
  if (conflicts.length === 0) return text;
  return `${text}\n\nBefore that: the merge of people's branch conflicts in ${conflicts.join(', ')}. Solve the conflicts in these files first, keeping both intents.`;
}
