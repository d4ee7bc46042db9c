import type { EventEmitter } from 'node:events';
import { CapsuleLog } from './capsule-log';
import type { FaultSwitchboard } from './faults';
import type { LeftBehind } from './left-behind';
import type { LocalCapsuleOptions, ProductSizes } from './options';
import { DEFAULT_SIZES } from './options';
import { signalGroup } from './processes';
import { capsuleEnv, webCommand } from './procfile';
import type { Exit, Replica } from './replica';
import { startReplica } from './replica';

const MAX_RESTART_BACKOFF_MS = 30_000;
/** A process that ran this long starts the count of its restarts afresh. */
const SETTLED_MS = 10_000;
const MAX_HISTORY = 1000;

/** What tests and the demo can wait for. */
export interface LocalPlatformEvents {
  /** A PATCH was applied. */
  scaled: [{ capsuleId: string; desired: number }];
  /** A replica exists; its process is about to start. */
  starting: [{ capsuleId: string }];
  started: [{ capsuleId: string; pid: number }];
  exited: [{ capsuleId: string; pid: number } & Exit];
  /** No replica is left. */
  stopped: [{ capsuleId: string }];
  /** A build is over. */
  built: [{ capsuleId: string; buildId: string; status: string }];
}

export interface CapsuleContext {
  faults: FaultSwitchboard;
  leftBehind: LeftBehind;
  events: EventEmitter<LocalPlatformEvents>;
  stateDir: string;
  graceMs: number;
  restartBackoffMs: number;
  log: (message: string) => void;
}

export interface CapsuleState {
  desired: number;
  /** A replica counts from the scale-up until its last process is gone. */
  running: number;
}

/** The one replica a capsule may have. `process` is absent before its start and between restarts. */
interface Slot {
  terminating: boolean;
  startedAt?: number;
  /** Until the process is started, for the first time or again. */
  bootTimer?: NodeJS.Timeout;
  /** Until a scale to zero that is being ignored takes effect. */
  ignoreTimer?: NodeJS.Timeout;
  /** It counts no more, although its process is still there. */
  zombie?: boolean;
  /** Until its process is halted, or goes on. */
  flapTimer?: NodeJS.Timeout;
  /** Resolves when the process is started, or will not be. */
  launching?: Promise<void>;
  process?: Replica;
  ending?: Promise<void> | undefined;
}

/** A hosted capsule: brings its process group in line with the replicas asked for. */
export class LocalCapsule {
  readonly log: CapsuleLog;
  sizes: ProductSizes;
  private desired = 0;
  private slot: Slot | undefined;
  /** Where its processes start: the folder it was made from, or that of its last build. */
  private folder: string;
  private restarts = 0;
  private readonly history: (CapsuleState & { at: number })[] = [];
  private frozen: CapsuleState = { desired: 0, running: 0 };

  constructor(
    readonly options: LocalCapsuleOptions,
    private readonly context: CapsuleContext,
  ) {
    this.log = new CapsuleLog(context.stateDir, options.id);
    this.sizes = options.products ?? DEFAULT_SIZES;
    this.folder = options.folder;
    this.remember();
  }

  get state(): CapsuleState {
    return { desired: this.desired, running: this.slot && !this.slot.zombie ? 1 : 0 };
  }

  /** The state as a read tells it under the faults in force. */
  read(): CapsuleState {
    const { faults } = this.context;
    const { staleReadMs } = faults.of(this.options.id);
    if (faults.take(this.options.id, 'staleReads')) return this.frozen;
    if (staleReadMs === undefined) return this.state;
    const then = performance.now() - staleReadMs;
    return this.history.findLast(({ at }) => at <= then) ?? { desired: 0, running: 0 };
  }

  /** Keeps the present state for `staleReads`. */
  freeze(): void {
    this.frozen = this.state;
  }

  /** Asks for 0 or 1 replicas; returns at once. */
  scale(replicas: number): void {
    this.desired = replicas;
    this.context.events.emit('scaled', { capsuleId: this.options.id, desired: replicas });
    if (replicas === 0) {
      this.restarts = 0;
      const { ignoreScaleToZeroMs = 0, zombieMs } = this.context.faults.of(this.options.id);
      if (this.slot?.process && zombieMs !== undefined) this.slot.zombie = true;
      // A second scale to zero changes nothing for one that is a zombie already.
      if (!this.slot?.ignoreTimer || !this.slot.zombie) this.terminate(zombieMs ?? ignoreScaleToZeroMs);
    } else if (!this.slot) {
      this.create();
    } else if (this.slot.zombie) {
      // Its port is needed: the zombie goes, and a new replica comes.
      this.end(this.slot);
    } else if (this.slot.terminating && !this.slot.ending) {
      // It was ignoring the scale to zero and has heard nothing of it: it simply stays.
      clearTimeout(this.slot.ignoreTimer);
      this.slot.terminating = false;
    }
    this.remember();
  }

  /**
   * Starts from another folder from now on. A replica that runs is replaced; resolves when none of the
   * old one is left. @throws Error when a process cannot be ended
   */
  async deploy(folder: string): Promise<void> {
    this.folder = folder;
    this.terminate(0);
    await this.slot?.ending;
  }

  /** Scales to zero whatever the faults say. @throws Error when a process cannot be ended */
  async stop(): Promise<void> {
    this.desired = 0;
    this.terminate(0);
    await this.slot?.ending;
  }

  /** The last resort of a process that exits without `stop()`. */
  killNow(): void {
    if (this.slot?.process) signalGroup(this.slot.process.pid, 'SIGKILL');
  }

  private create(): void {
    this.slot = { terminating: false };
    this.context.events.emit('starting', { capsuleId: this.options.id });
    const { coldStartMs, neverStarts } = this.context.faults.of(this.options.id);
    if (!neverStarts) this.launchIn(this.slot, coldStartMs ?? this.options.coldStartMs ?? 0);
  }

  private launchIn(slot: Slot, ms: number): void {
    slot.bootTimer = setTimeout(() => {
      slot.launching = this.launch(slot);
    }, ms);
  }

  /** Starts the process. A failure to start counts as a process that died. */
  private async launch(slot: Slot): Promise<void> {
    const { id, port, env } = this.options;
    const { folder } = this;
    const { leftBehind, events } = this.context;
    try {
      const command = await webCommand(folder);
      const given = { ...env, PORT: String(port), ...leftBehind.marks };
      const environment = await capsuleEnv(folder, given);
      if (slot.ending) return;
      const dies = this.context.faults.of(id).diesAtOnce;
      const record = (pid: number) => leftBehind.started(id, pid);
      const replica = await startReplica(dies ? 'exit 1' : command, folder, environment, this.log, record);
      slot.process = replica;
      slot.startedAt = performance.now();
      this.flap(slot, replica.pid);
      events.emit('started', { capsuleId: id, pid: replica.pid });
      void replica.exited.then((exit) => {
        events.emit('exited', { capsuleId: id, pid: replica.pid, ...exit });
        this.end(slot);
      });
    } catch (error) {
      this.report('could not be started', error);
      this.finish(slot);
    }
  }

  /** Halts the process and lets it go on, in turns, while the fault lasts. */
  private flap(slot: Slot, pid: number, isUp = true): void {
    const { flapping } = this.context.faults.of(this.options.id);
    if (!flapping || slot.ending) {
      if (!isUp) signalGroup(pid, 'SIGCONT');
      return;
    }
    slot.flapTimer = setTimeout(
      () => {
        signalGroup(pid, isUp ? 'SIGSTOP' : 'SIGCONT');
        this.flap(slot, pid, !isUp);
      },
      isUp ? flapping.upMs : flapping.downMs,
    );
  }

  private terminate(afterMs: number): void {
    const slot = this.slot;
    if (!slot) return;
    slot.terminating = true;
    clearTimeout(slot.ignoreTimer);
    if (afterMs > 0 && !slot.ending) slot.ignoreTimer = setTimeout(() => this.end(slot), afterMs);
    else this.end(slot);
  }

  /** Ends what is left of the replica's process group, then decides what comes next. */
  private end(slot: Slot): void {
    clearTimeout(slot.bootTimer);
    clearTimeout(slot.ignoreTimer);
    if (slot.ending) return;
    slot.ending = this.endProcess(slot);
    slot.ending.catch((error: unknown) => {
      this.report('could not be ended', error);
      slot.ending = undefined; // The next scale to zero, or the stop, tries again.
    });
  }

  private async endProcess(slot: Slot): Promise<void> {
    await slot.launching; // Otherwise a process just being started would be missed.
    clearTimeout(slot.flapTimer);
    // A halted process would not hear SIGTERM.
    if (slot.flapTimer && slot.process) signalGroup(slot.process.pid, 'SIGCONT');
    await slot.process?.end(this.context.graceMs);
    this.finish(slot);
  }

  private finish(slot: Slot): void {
    if (slot.process) this.context.leftBehind.ended(this.options.id);
    if (this.slot !== slot) return;
    this.slot = undefined;
    if (this.desired === 1 && slot.terminating) this.create();
    else if (this.desired === 1) this.restart(slot);
    else this.context.events.emit('stopped', { capsuleId: this.options.id });
    this.remember();
  }

  /** The replica stays while its process waits to be started again. */
  private restart(died: Slot): void {
    if (died.startedAt !== undefined && performance.now() - died.startedAt > SETTLED_MS) this.restarts = 0;
    const wait = Math.min(MAX_RESTART_BACKOFF_MS, this.context.restartBackoffMs * 2 ** this.restarts);
    this.restarts = Math.min(this.restarts + 1, 30); // 2^30 is far above the largest wait.
    this.context.log(`capsule ${this.options.id} died; it is started again in ${wait} ms`);
    this.slot = { terminating: false };
    this.launchIn(this.slot, wait);
  }

  private report(what: string, error: unknown): void {
    const line = `capsule ${this.options.id} ${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.log.add(line);
    this.context.log(line);
  }

  private remember(): void {
    this.history.push({ at: performance.now(), ...this.state });
    if (this.history.length > MAX_HISTORY) this.history.shift();
  }
}
