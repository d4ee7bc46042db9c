/** An orchestrator whose process can end between any two of its awaits: none of its calls returns after that. */
import { EventEmitter } from 'node:events';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { Callbacks } from '../../src/engine/callbacks';
import { Engine } from '../../src/engine/engine';
import type { Agents, Clock, Hint, Queue } from '../../src/engine/ports';
import type { Platform } from '../../src/platforms/platform';
import type { Registry } from '../../src/registry';
import type { Store } from '../../src/store/store';
import { seededUuid } from '../simulation/random';

/** What becomes of a process at one of its calls: it goes on, or ends before the call or right after it. */
export type Fate = 'lives' | 'dies-before' | 'dies-after';

export interface Surroundings {
  clock: Clock;
  random: () => number;
  store: Store;
  cloud: Platform & Agents;
  registry: Registry;
  /** Lets everybody who lives have a hint. */
  hint: (hint: Hint, delayMs: number) => void;
  /** Asked at each call of a port and each timer that fires. */
  fate?: ((call: string) => Fate) | undefined;
}

export class Process {
  readonly engine: Engine;
  private alive = true;
  private handle: (hint: Hint) => Promise<void> = async () => undefined;

  constructor(private readonly around: Surroundings) {
    const { store, cloud, random, registry } = around;
    this.engine = new Engine({
      store: this.port('store', store),
      platform: this.port('platform', cloud),
      agents: this.port('agents', cloud),
      queue: this.port('queue', this.queue()),
      clock: this.clock(),
      random,
      newId: () => seededUuid(random),
      callbacks: new Callbacks('crash-secret', 'http://orchestrator/webhook'),
      registry,
      // As composed: fewer passes while nothing is under way.
      limits: { ...DEFAULT_LIMITS, sweepIdleMs: 2.5 * DEFAULT_LIMITS.sweepMs },
      log: { debug() {}, info() {}, warn() {}, error() {} },
      performing: true,
      events: new EventEmitter(),
    });
  }

  get isAlive(): boolean {
    return this.alive;
  }

  start(): void {
    // A store that fails at the start ends the process, as it would in production.
    this.engine.start().catch(() => this.kill());
  }

  kill(): void {
    this.alive = false;
  }

  take(hint: Hint): void {
    if (!this.alive) return;
    this.handle(hint).catch(() => undefined); // a hint that fails is only late
  }

  private queue(): Queue {
    return {
      hint: async (hint, delayMs) => this.around.hint(hint, delayMs),
      setSchedules: async () => [],
      schedules: async () => [],
      work: async ({ hint }) => void (this.handle = hint),
      pause: async () => undefined,
      ping: async () => undefined,
      close: async () => undefined,
    };
  }

  private clock(): Clock {
    const { clock } = this.around;
    return {
      now: () => clock.now(),
      after: (ms, callback) =>
        clock.after(ms, () => {
          if (this.alive && this.fate('clock.after') === 'lives') callback();
        }),
    };
  }

  private port<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get: (target, key) => {
        const member = Reflect.get(target, key) as unknown;
        if (typeof member !== 'function') return member;
        const call = (args: unknown[]) => (member as (...a: unknown[]) => unknown).apply(target, args);
        return (...args: unknown[]) => this.call(`${name}.${String(key)}`, () => call(args));
      },
    });
  }

  private async call(name: string, task: () => unknown): Promise<unknown> {
    const fate = this.alive ? this.fate(name) : 'dies-before';
    if (fate === 'dies-before') return never();
    try {
      const answer = await task();
      return fate === 'lives' && this.alive ? answer : never();
    } catch (error) {
      if (fate === 'lives' && this.alive) throw error;
      return never();
    }
  }

  /** The end comes with the call: nothing else of the process runs meanwhile. */
  private fate(name: string): Fate {
    const fate = this.around.fate?.(name) ?? 'lives';
    if (fate !== 'lives') this.alive = false;
    return fate;
  }
}

const never = (): Promise<never> => new Promise(() => undefined);
