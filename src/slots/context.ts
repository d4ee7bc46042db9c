/** What a controller's parts share: its contract, disk and state, what runs, and who wants to know. */
import type { Alerts } from './alerts';
import type { AppProcess, Launch } from './app-process';
import type { Booted } from './booted';
import type { AppContract } from './config';
import type { DeployLog } from './deploy-log';
import type { Disk } from './disk';
import { messageOf, type Stage } from './errors';
import type { Git } from './git';
import type { Enforcement } from './limits';
import type { Log } from './log';
import type { Proxy } from './proxy';
import type { Slot, StateFile } from './state';

/** What was promoted, for those who tell others of it. */
export interface Promotion {
  slot: Slot;
  previousCommit: string;
  trigger: string;
}

/** Where others join in; each is awaited in its place. */
export interface Hooks {
  /** Before each stage, after its intent is on disk. */
  stage?: (stage: Stage) => void | Promise<void>;
  /** After a deployment took over: pushes, marks. Its failure is told, and undoes nothing. */
  promoted?: (promotion: Promotion) => Promise<void>;
}

export interface ContextParts {
  contract: AppContract;
  git: Git;
  disk: Disk;
  state: StateFile;
  deployLog: DeployLog;
  alerts: Alerts;
  log: Log;
  proxy: Proxy;
  /** Absent where the app has but one port. */
  internalProxy: Proxy | undefined;
  mark: string;
  hooks: Hooks;
  /** For the app beside what the contract names. */
  appEnv: Readonly<Record<string, string>>;
  /** How the contract's limits hold. */
  enforcement: Enforcement;
}

export class Context {
  readonly contract: AppContract;
  readonly git: Git;
  readonly disk: Disk;
  readonly state: StateFile;
  readonly deployLog: DeployLog;
  readonly alerts: Alerts;
  readonly log: Log;
  readonly mark: string;
  readonly hooks: Hooks;
  readonly appEnv: Readonly<Record<string, string>>;
  readonly enforcement: Enforcement;
  private readonly proxies: readonly Proxy[];
  private readonly proxy: Proxy;

  /** In traffic. */
  live: Booted | undefined;
  /** The previous slot's, out of traffic. */
  warm: Booted | undefined;
  closing = false;
  /** Hears of it when the live app ended by itself. */
  onCrash: () => void = () => undefined;
  /** Every process that runs, of setups and smoke tests too. */
  readonly processes = new Set<AppProcess>();
  /** Slots that are being drained and ended, by name. */
  readonly retiring = new Map<string, Promise<void>>();

  constructor(parts: ContextParts) {
    this.contract = parts.contract;
    this.git = parts.git;
    this.disk = parts.disk;
    this.state = parts.state;
    this.deployLog = parts.deployLog;
    this.alerts = parts.alerts;
    this.log = parts.log;
    this.mark = parts.mark;
    this.hooks = parts.hooks;
    this.appEnv = parts.appEnv;
    this.enforcement = parts.enforcement;
    this.proxy = parts.proxy;
    this.proxies = parts.internalProxy ? [parts.proxy, parts.internalProxy] : [parts.proxy];
  }

  /** What holds for all that is started from a commit. */
  get confinement(): Pick<Launch, 'limits' | 'groups' | 'user'> {
    const { limits, run_as: user } = this.contract;
    return { limits, groups: this.enforcement.groups, user };
  }

  get listening(): boolean {
    return this.proxies.every((proxy) => proxy.listening);
  }

  /** Sends all traffic to a slot from here on. @returns milliseconds it took */
  flip(booted: Booted): number {
    const start = performance.now();
    for (const proxy of this.proxies) proxy.flip(proxy === this.proxy ? booted.upstream : booted.internal);
    this.live = booted;
    return performance.now() - start;
  }

  async open(): Promise<void> {
    for (const proxy of this.proxies) await proxy.open();
  }

  async closeProxies(drained?: Promise<unknown>): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close(drained)));
  }

  /** A process was started: written down, so that it is found after a crash. */
  async started(slot: string, app: AppProcess): Promise<void> {
    this.processes.add(app);
    const { processes } = this.state.now;
    void app.exited.then(() => this.processes.delete(app));
    await this.state.set({ processes: [...processes, { slot, pid: app.pid, started: app.started }] });
    if (this.closing) await app.stop(0);
  }

  /** An app's process has ended; of the live one that is a crash, and nobody is served any more. */
  ended(booted: Booted, end: string): void {
    const processes = this.state.now.processes.filter(({ pid }) => pid !== booted.app.pid);
    this.inBackground('write the state', this.state.set({ processes }));
    if (this.warm === booted) this.warm = undefined;
    if (this.live !== booted || this.closing) return;
    booted.upstream.cut();
    booted.internal.cut();
    this.inBackground('close the proxy', this.closeProxies());
    this.alerts.tell(`The live app (${booted.slot.name}) ${end}; its port refuses connections.`);
    this.onCrash();
  }

  /** Ends a slot's process in the background; {@link retired} waits for it. */
  retire(booted: Booted): void {
    const { name } = booted.slot;
    const before = this.retiring.get(name) ?? Promise.resolve();
    const done = Promise.all([before, booted.retire()]).then(
      () => undefined,
      (error: unknown) => this.alerts.tell(`${name} did not end: ${messageOf(error)}`),
    );
    this.retiring.set(name, done);
    void done.then(() => this.retiring.get(name) === done && this.retiring.delete(name));
  }

  async retired(name: string): Promise<void> {
    await this.retiring.get(name);
  }

  /** For what nobody waits for; its failure is told. */
  inBackground(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.log.warn(`Could not ${what}: ${messageOf(error)}`));
  }
}
