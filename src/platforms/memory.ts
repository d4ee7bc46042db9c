/**
 * The in-memory platform, for simulation: no clock, timer or randomness of its own, so that it runs
 * under a virtual clock from one seed. Faults are rates; every hit is counted.
 */
import type { Observation, Platform } from './platform';
import { PlatformError } from './platform';

/** Each a probability in [0, 1]; absent is 0. */
export interface MemoryFaults {
  /** A scale call is applied, and its answer never comes. */
  answerLost?: number;
  /** A scale call is lost before it is applied; the caller cannot tell this from `answerLost`. */
  callLost?: number;
  rateLimited?: number;
  unavailable?: number;
  /** An observation tells the state before the latest change. */
  staleRead?: number;
  /** A replica never gets past starting. */
  neverStarts?: number;
  /** A replica's process ends as soon as it has booted; the platform boots it again. */
  diesAtOnce?: number;
}

/** One replica, as the platform and the agent in it know it. */
export interface MemoryReplica {
  readonly bootId: string;
  state: 'starting' | 'running' | 'terminating';
}

export interface MemoryCall {
  at: number;
  verb: 'scale' | 'observe';
  capsuleId: string;
  replicas?: number;
  outcome: 'ok' | 'aborted' | PlatformError['kind'];
  /** Whether a scale took effect, whatever its caller was told. */
  applied?: boolean;
}

export interface MemoryPlatformOptions {
  capsules: string[];
  /** Virtual milliseconds. */
  now: () => number;
  /** Runs `task` after `ms` virtual milliseconds. */
  schedule: (ms: number, task: () => void) => void;
  /** Uniform in [0, 1). */
  random: () => number;
  /** How long a replica starts, in ms; a function is asked for each boot. */
  bootMs?: number | (() => number);
  /** How long a replica terminates, in ms. */
  stopMs?: number | (() => number);
  /** How long a call takes, in ms. */
  latencyMs?: number | (() => number);
  /** How long a caller waits for an answer that is lost, in ms. */
  timeoutMs?: number;
  faults?: MemoryFaults;
  /** Told when a replica answers: from here on `replicasOf` has it as running. */
  onStarted?: (capsuleId: string, bootId: string) => void;
  /** Told when a replica is told to end, or dies. */
  onEnding?: (capsuleId: string, bootId: string) => void;
}

/** Calls kept for inspection; the oldest are dropped beyond this. */
const MAX_CALLS = 100_000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** Before a process that died boots again; without it one that dies at once would stop the clock. */
const RESTART_MS = 1_000;

export function createMemoryPlatform(options: MemoryPlatformOptions): MemoryPlatform {
  return new MemoryPlatform(options);
}

interface MemoryCapsule {
  desired: number;
  replicas: MemoryReplica[];
  /** The state before the latest change, for stale reads. */
  before: Observation;
}

export class MemoryPlatform implements Platform {
  readonly name = 'memory';
  readonly calls: MemoryCall[] = [];
  /** How often each fault has happened. */
  readonly hits: Record<keyof MemoryFaults, number> = {
    answerLost: 0,
    callLost: 0,
    rateLimited: 0,
    unavailable: 0,
    staleRead: 0,
    neverStarts: 0,
    diesAtOnce: 0,
  };
  /** May be replaced at any time. */
  faults: MemoryFaults;
  private readonly capsules: Map<string, MemoryCapsule>;
  private readonly closing = new AbortController();
  private boots = 0;

  constructor(private readonly options: MemoryPlatformOptions) {
    this.faults = options.faults ?? {};
    this.capsules = new Map(
      options.capsules.map((id) => [id, { desired: 0, replicas: [], before: { desired: 0, running: 0 } }]),
    );
  }

  async scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const entry = this.record({ at: this.options.now(), verb: 'scale', capsuleId, replicas, outcome: 'ok' });
    const what = `scale capsule ${capsuleId} to ${replicas}`;
    await this.wait(entry, what, ms(this.options.latencyMs), signal);
    const capsule = this.find(entry, what);
    if (!Number.isInteger(replicas) || replicas < 0) {
      throw this.failed(
        entry,
        new PlatformError('rejected', `${what}: replicas must be a whole number, 0 or more.`),
      );
    }
    this.refuseByFault(entry, what);
    const callLost = this.hit('callLost');
    const answerLost = !callLost && this.hit('answerLost');
    if (!callLost) {
      this.apply(capsuleId, capsule, replicas);
      entry.applied = true;
    }
    if (!callLost && !answerLost) return;
    await this.wait(entry, what, this.options.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
    throw this.failed(entry, new PlatformError('unavailable', `${what}: no answer.`, true));
  }

  async observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    const entry = this.record({ at: this.options.now(), verb: 'observe', capsuleId, outcome: 'ok' });
    const what = `observe capsule ${capsuleId}`;
    await this.wait(entry, what, ms(this.options.latencyMs), signal);
    const capsule = this.find(entry, what);
    this.refuseByFault(entry, what);
    return this.hit('staleRead') ? capsule.before : stateOf(capsule);
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('the platform was closed'));
  }

  /** The replicas there really are, whatever observations say; empty for an unknown capsule. */
  replicasOf(capsuleId: string): readonly MemoryReplica[] {
    return this.capsules.get(capsuleId)?.replicas ?? [];
  }

  /** Ends the processes of a capsule as a crash would; the platform boots them again. */
  crash(capsuleId: string): void {
    const capsule = this.capsules.get(capsuleId);
    for (const replica of capsule?.replicas.filter(({ state }) => state === 'running') ?? []) {
      this.reboot(capsuleId, capsule!, replica);
    }
  }

  private apply(capsuleId: string, capsule: MemoryCapsule, replicas: number): void {
    capsule.before = stateOf(capsule);
    capsule.desired = replicas;
    const serving = capsule.replicas.filter(({ state }) => state !== 'terminating');
    for (let i = serving.length; i < replicas; i++) this.boot(capsuleId, capsule);
    for (const replica of serving.slice(replicas)) this.end(capsuleId, capsule, replica);
  }

  private boot(capsuleId: string, capsule: MemoryCapsule, afterMs = 0): void {
    const replica: MemoryReplica = { bootId: `boot-${++this.boots}`, state: 'starting' };
    capsule.replicas.push(replica);
    if (this.hit('neverStarts')) return;
    const dies = this.hit('diesAtOnce');
    this.options.schedule(afterMs + ms(this.options.bootMs), () => {
      if (replica.state !== 'starting') return;
      if (dies) return this.reboot(capsuleId, capsule, replica);
      replica.state = 'running';
      this.options.onStarted?.(capsuleId, replica.bootId);
    });
  }

  private reboot(capsuleId: string, capsule: MemoryCapsule, replica: MemoryReplica): void {
    replica.state = 'terminating';
    capsule.replicas.splice(capsule.replicas.indexOf(replica), 1);
    this.options.onEnding?.(capsuleId, replica.bootId);
    this.boot(capsuleId, capsule, RESTART_MS);
  }

  private end(capsuleId: string, capsule: MemoryCapsule, replica: MemoryReplica): void {
    replica.state = 'terminating';
    this.options.onEnding?.(capsuleId, replica.bootId);
    this.options.schedule(ms(this.options.stopMs), () => {
      capsule.before = stateOf(capsule);
      capsule.replicas.splice(capsule.replicas.indexOf(replica), 1);
    });
  }

  private refuseByFault(entry: MemoryCall, what: string): void {
    if (this.hit('rateLimited')) throw this.failed(entry, new PlatformError('rate-limited', `${what}: 429.`));
    if (this.hit('unavailable')) throw this.failed(entry, new PlatformError('unavailable', `${what}: 503.`));
  }

  private find(entry: MemoryCall, what: string): MemoryCapsule {
    const capsule = this.capsules.get(entry.capsuleId);
    if (capsule) return capsule;
    throw this.failed(entry, new PlatformError('not-found', `${what}: there is no such capsule.`));
  }

  private hit(fault: keyof MemoryFaults): boolean {
    const rate = this.faults[fault] ?? 0;
    // No draw for a fault that is off: switching one on does not change the course of the others.
    const happened = rate > 0 && this.options.random() < rate;
    if (happened) this.hits[fault] += 1;
    return happened;
  }

  private failed(entry: MemoryCall, error: PlatformError): PlatformError {
    entry.outcome = error.kind;
    return error;
  }

  private record(entry: MemoryCall): MemoryCall {
    this.calls.push(entry);
    if (this.calls.length > MAX_CALLS) this.calls.shift();
    return entry;
  }

  /** Waits on the virtual clock; rejects at once when the caller or `close()` ends the call. */
  private wait(
    entry: MemoryCall,
    what: string,
    forMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const signals = [this.closing.signal, ...(signal ? [signal] : [])];
    const unsent = signals.some(({ aborted }) => aborted);
    return new Promise((resolve, reject) => {
      const settle = () => {
        for (const each of signals) each.removeEventListener('abort', settle);
        const by = signals.find(({ aborted }) => aborted);
        if (!by) return resolve();
        entry.outcome = 'aborted';
        const message = `${what}: stopped before it was done.`;
        // A caller that gives up meanwhile cannot know how far its change got.
        const mayHaveApplied = !unsent && entry.verb === 'scale';
        reject(new PlatformError('unavailable', message, mayHaveApplied, { cause: by.reason }));
      };
      if (forMs <= 0 || unsent) return settle();
      for (const each of signals) each.addEventListener('abort', settle);
      this.options.schedule(forMs, settle);
    });
  }
}

function stateOf(capsule: MemoryCapsule): Observation {
  return { desired: capsule.desired, running: capsule.replicas.length };
}

function ms(value: number | (() => number) | undefined): number {
  return typeof value === 'function' ? value() : (value ?? 0);
}
