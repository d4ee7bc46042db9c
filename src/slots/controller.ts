/** The blue-green controller of one app: one deployment or rollback at a time, and what is live meanwhile. */
import { mkdirSync, realpathSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { IncomingMessage } from 'node:http';
import { Agent } from './agent';
import { AUTH_SECRET, newSecret } from './agent/auth';
import { Alerts } from './alerts';
import { atMost } from './booted';
import type { AppContract } from './config';
import { Context, type Hooks } from './context';
import { DeployLog } from './deploy-log';
import { deploy, type DeployRequest, type DeployResult } from './deploy';
import { Disk, STAGING } from './disk';
import { markOf } from './environment';
import { messageOf, SlotsError, StageError } from './errors';
import { Front } from './front';
import { Git } from './git';
import { enforcementOf, shortfall } from './limits';
import { lock } from './lock';
import { keepLogsBounded } from './log-files';
import { Restarts } from './restarts';
import { Upkeep } from './upkeep';
import type { ContractFile } from './reconcile';
import type { Log } from './log';
import { Proxy, type Place } from './proxy';
import { recover, warmUp } from './recover';
import { rollback, type RollbackResult } from './rollback';
import { StateFile } from './state';
import { statusOf, type Status } from './status';
import { checkUsers } from './users';

const ALERT_GRACE_MS = 2_000;
const STOP_GRACE_MS = 2_000;

export interface ControllerOptions {
  contract: AppContract;
  /** The app's repository. */
  repo: string;
  /** Slots, state and logs. */
  data: string;
  log: Log;
  /** Watched for changes, where the contract came from a file. */
  contractFile?: ContractFile;
  hooks?: Hooks;
}

export class Controller {
  private readonly ctx: Context;
  private readonly unlock: () => void;
  private busy: Promise<unknown> | undefined;
  private warming: Promise<void> = Promise.resolve();
  /** What is answered on the app's port without the app. */
  readonly front = new Front();
  private readonly restarts: Restarts;
  private stopRotation: () => void = () => undefined;
  readonly upkeep: Upkeep;
  private readonly agent: Agent;
  /** Whether recovery is finished. */
  ready = false;

  /** @throws SlotsError when another controller runs on the directory, or its state cannot be read */
  constructor({ contract, contractFile, repo, data, log, hooks = {} }: ControllerOptions) {
    mkdirSync(data, { recursive: true, mode: 0o755 });
    const folder = realpathSync(data);
    this.unlock = lock(folder);
    try {
      checkUsers(contract);
      const secret = newSecret();
      const git = new Git(resolve(repo));
      const { port } = contract;
      const internalPlace = internalPlaceOf(contract);
      this.ctx = new Context({
        contract,
        git,
        disk: new Disk(folder, git),
        state: new StateFile(folder),
        deployLog: new DeployLog(folder),
        alerts: new Alerts(contract.alert_webhook, basename(git.folder), log),
        log,
        proxy: new Proxy({ port, host: '0.0.0.0' }, this.front),
        internalProxy: internalPlace && new Proxy(internalPlace, undefined, (s) => !this.agent.isBehind(s)),
        mark: markOf(folder),
        appEnv: contract.agent_auth === 'hmac' ? { [AUTH_SECRET]: secret } : {},
        enforcement: enforcementOf(contract.limits),
        hooks: { promoted: (promotion) => this.upkeep.promoted(promotion), ...hooks },
      });
      this.upkeep = new Upkeep(this.ctx, {
        contractFile,
        deploy: (request) => this.deployInTurn(request),
        agentWorks: () => this.agent.works,
      });
      this.agent = new Agent({
        ctx: this.ctx,
        branches: this.upkeep.branches,
        deploy: (request) => this.deployInTurn(request),
        secret,
      });
      this.agent.mount(this.front);
      this.restarts = new Restarts(this.ctx, (work) => this.behind(work));
      this.ctx.onCrash = () => this.restarts.crashed();
    } catch (error) {
      this.unlock();
      throw error;
    }
  }

  /** Restores what was live. @throws SlotsError when the repository is none */
  async start(): Promise<void> {
    const { ctx } = this;
    await ctx.git.run(['rev-parse', '--git-dir']).catch((cause: unknown) => {
      throw new SlotsError(`${ctx.git.folder} is no Git repository; name one by --repo.`, { cause });
    });
    await ctx.disk.prepare();
    const { broken } = ctx.deployLog;
    if (broken !== undefined) ctx.alerts.tell(`The deploy log was changed by somebody else: ${broken}.`);
    const lacking = shortfall(ctx.enforcement);
    if (lacking !== undefined) ctx.log.warn(lacking);
    await recover(ctx);
    this.ready = true;
    this.agent.start();
    this.upkeep.start();
    this.stopRotation = this.keepLogs();
    this.warming = warmUp(ctx).catch((error: unknown) =>
      ctx.log.warn(`The previous slot could not be warmed up: ${messageOf(error)}`),
    );
  }

  private keepLogs(): () => void {
    const { ctx } = this;
    const kept = () => {
      const { live, previous, intent } = ctx.state.now;
      return [live?.name, previous?.name, intent?.slot].filter((name) => name !== undefined);
    };
    const maxBytes = ctx.contract.max_log_mb * 1_000_000;
    return keepLogsBounded(ctx.disk.path('logs'), maxBytes, kept, (error) =>
      ctx.log.warn(`A log could not be kept short: ${messageOf(error)}`),
    );
  }

  /** @throws StageError: 409 while another deployment or rollback is under way, else as {@link deploy} */
  deploy(request: DeployRequest): Promise<DeployResult> {
    return this.alone(() => deploy(this.ctx, request));
  }

  /** @throws StageError: 409 while another deployment or rollback is under way, else as {@link rollback} */
  rollback(trigger: string): Promise<RollbackResult> {
    return this.alone(() => rollback(this.ctx, trigger));
  }

  /** As {@link deploy}, after what is under way. */
  async deployInTurn(request: DeployRequest): Promise<DeployResult> {
    while (this.busy !== undefined) await this.busy.catch(() => undefined); // Its caller has the error.
    return this.deploy(request);
  }

  /** Work that deployments wait for, where they would refuse each other. */
  private behind(work: () => Promise<void>): void {
    const before = Promise.all([this.warming, this.busy?.catch(() => undefined)]);
    this.warming = before.then(work);
  }

  /** Whether a request to the API comes from the agent, which has no business there. */
  isFromAgent({ socket, method }: IncomingMessage): boolean {
    // Looking costs a walk through /proc; what only reads is looked at while there is an agent.
    return (method !== 'GET' || this.agent.works) && this.agent.isBehind(socket);
  }

  status(): Promise<Status> {
    return statusOf(this.ctx, this.ctx.disk.path(STAGING));
  }

  /** Lets requests in flight end, then ends every process of the app. */
  async close(): Promise<void> {
    const { ctx } = this;
    if (ctx.closing) return;
    ctx.closing = true;
    this.restarts.close();
    this.stopRotation();
    const agentLetGo = this.agent.close();
    await ctx.closeProxies(ctx.live?.drain());
    const kept = [ctx.live, ctx.warm].map((booted) => booted?.app);
    // What is under way ends with its processes.
    await Promise.all(
      [...ctx.processes].map((app) =>
        app.stop(kept.includes(app) ? ctx.contract.drain_timeout_ms : STOP_GRACE_MS),
      ),
    );
    await this.busy?.catch(() => undefined); // Its caller has the error.
    await this.warming;
    await Promise.all(ctx.retiring.values());
    await Promise.all([...ctx.processes].map((app) => app.stop(STOP_GRACE_MS)));
    await agentLetGo;
    await this.upkeep.close();
    await atMost(ctx.alerts.close(ALERT_GRACE_MS), ALERT_GRACE_MS);
    this.unlock();
  }

  private async alone<T>(work: () => Promise<T>): Promise<T> {
    if (!this.ready) throw new StageError('resolve', 'The controller is still starting.', 503);
    if (this.busy !== undefined) {
      const { intent } = this.ctx.state.now;
      const what = intent
        ? `A ${intent.kind} is at its stage "${intent.stage}"`
        : 'Another one has just begun';
      throw new StageError('resolve', `${what}; one at a time. Ask again when it is done.`, 409);
    }
    const done = this.warming.then(work);
    this.busy = done;
    try {
      return await done;
    } finally {
      this.busy = undefined;
    }
  }
}

/** Undefined where the app has but one port. */
function internalPlaceOf({
  port,
  internal_port: internal,
  internal_socket: path,
}: AppContract): Place | undefined {
  if (path !== undefined) return { path };
  return internal === undefined || internal === port ? undefined : { port: internal, host: '127.0.0.1' };
}
