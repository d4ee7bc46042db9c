/**
 * The local platform: speaks the Code Capsules API on loopback and hosts capsules from folders, so
 * that the demo and the tests drive real processes through the same driver as production.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Auth } from './auth';
import { LocalBuilds } from './builds';
import type { CapsuleContext, LocalPlatformEvents } from './capsule';
import { LocalCapsule } from './capsule';
import { FaultSwitchboard } from './faults';
import { LeftBehind } from './left-behind';
import type { LocalPlatformOptions } from './options';
import { checkCapsules } from './options';
import { webCommand } from './procfile';
import type { Counters } from './routes';
import { routes } from './routes';

export type { LocalLogin } from './auth';
export type { LocalPlatformEvents } from './capsule';
export type { Faults } from './faults';
export { MAX_REPLICAS } from './options';
export type { LocalCapsuleOptions, LocalPlatformOptions, ProductSizes } from './options';

const DEFAULT_BUILD_TIMEOUT_MS = 600_000;
/** More than the 5 s an agent gives its job, so that the report on a job that was cut off still gets out. */
const DEFAULT_GRACE_MS = 8_000;

/** Makes a local platform; nothing happens until `start()`. @throws Error listing wrong capsules */
export function createLocalPlatform(options: LocalPlatformOptions): LocalPlatform {
  checkCapsules(options.capsules);
  return new LocalPlatform(options);
}

export class LocalPlatform {
  /** The fixed bearer token: the one given, or a random one. */
  readonly token: string;
  readonly events = new EventEmitter<LocalPlatformEvents>();
  readonly faults = new FaultSwitchboard((capsuleId) => this.freeze(capsuleId));
  readonly counters: Counters = { logins: 0, unauthorized: 0, reads: 0, patches: 0, applied: 0, builds: 0 };
  private readonly capsules = new Map<string, LocalCapsule>();
  private readonly builds = new Map<string, LocalBuilds>();
  private readonly leftBehind: LeftBehind;
  private readonly stopping = new AbortController();
  private server: Server | undefined;
  private stopped: Promise<void> | undefined;
  private readonly killAll = () => this.capsules.forEach((capsule) => capsule.killNow());

  constructor(private readonly options: LocalPlatformOptions) {
    this.token = options.token ?? randomBytes(32).toString('base64url');
    this.leftBehind = new LeftBehind(options.stateDir);
  }

  /** Base address of both APIs and of the login. Empty before `start()`. */
  get url(): string {
    const address = this.server?.address() as AddressInfo | null | undefined;
    return address ? `http://127.0.0.1:${address.port}` : '';
  }

  /** Where a capsule answers while it is awake. @throws Error when there is no such capsule */
  baseUrl(capsuleId: string): string {
    const capsule = this.options.capsules.find(({ id }) => id === capsuleId);
    if (!capsule) throw new Error(`The local platform has no capsule "${capsuleId}".`);
    return `http://127.0.0.1:${capsule.port}`;
  }

  /** The last lines a capsule printed, oldest first; empty for an unknown one. */
  logs(capsuleId: string): string[] {
    return this.capsules.get(capsuleId)?.log.tail() ?? [];
  }

  /**
   * Ends what an earlier, killed platform left running in this state directory, then listens.
   * Every capsule starts at zero replicas, and from its folder: builds do not outlive the platform.
   * @throws Error when the directory or the port is taken, or a Procfile is missing
   */
  async start(): Promise<void> {
    const { stateDir, capsules, log = () => undefined, port = 0 } = this.options;
    await Promise.all(capsules.map(({ folder }) => webCommand(folder)));
    const ended = await this.leftBehind.takeOver();
    if (ended > 0) log(`ended ${ended} process group(s) that an earlier local platform left behind`);
    const context: CapsuleContext = {
      faults: this.faults,
      leftBehind: this.leftBehind,
      events: this.events,
      stateDir,
      graceMs: this.options.graceMs ?? DEFAULT_GRACE_MS,
      restartBackoffMs: this.options.restartBackoffMs ?? 500,
      log,
    };
    rmSync(join(stateDir, 'builds'), { recursive: true, force: true });
    for (const options of capsules) {
      const capsule = new LocalCapsule(options, context);
      this.capsules.set(options.id, capsule);
      const timeoutMs = this.options.buildTimeoutMs ?? DEFAULT_BUILD_TIMEOUT_MS;
      this.builds.set(options.id, new LocalBuilds(capsule, context, timeoutMs));
    }
    // A process that exits without `stop()` still takes its capsules along.
    process.once('exit', this.killAll);
    try {
      await this.listen(port);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends every capsule, then stops listening. Safe to repeat. @throws when a process survives */
  stop(): Promise<void> {
    this.stopped ??= this.shutDown();
    return this.stopped;
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort();
    // First the server, so that no late PATCH starts a capsule again.
    await this.closeServer();
    await Promise.all([...this.builds.values()].map((builds) => builds.stop()));
    const ends = await Promise.allSettled([...this.capsules.values()].map((capsule) => capsule.stop()));
    process.removeListener('exit', this.killAll);
    this.leftBehind.release();
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    if (failures.length > 0)
      throw new AggregateError(failures, 'stop the local platform: a capsule survived');
  }

  private async listen(port: number): Promise<void> {
    const app = routes({
      auth: new Auth(this.token, this.options.login, Date.now),
      capsules: this.capsules,
      builds: this.builds,
      faults: this.faults,
      counters: this.counters,
      stopping: this.stopping.signal,
    });
    const server = createServer(app);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const message = `The local platform cannot listen on port ${port}; free it or choose another.`;
        reject(new Error(message, { cause }));
      });
      server.listen(port, '127.0.0.1', resolve);
    });
    this.server = server;
  }

  private async closeServer(): Promise<void> {
    const server = this.server;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  private freeze(capsuleId: string | undefined): void {
    for (const [id, capsule] of this.capsules) {
      if (capsuleId === undefined || id === capsuleId) capsule.freeze();
    }
  }
}
