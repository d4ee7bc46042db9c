/** An orchestrator that can be killed between any two of its awaits: after that, none of its calls returns. */
import { EventEmitter } from 'node:events';
import { Callbacks } from '../../src/engine/callbacks';
import { Engine } from '../../src/engine/engine';
import type { EngineDeps } from '../../src/engine/context';
import type { Agents, Clock, Hint, Log, Queue } from '../../src/engine/ports';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import type { Platform } from '../../src/platforms/platform';
import type { Registry } from '../../src/registry';
import type { Store } from '../../src/store/store';
import type { Faults } from './faults';
import { seededUuid } from './random';

export interface World {
  clock: Clock;
  random: () => number;
  store: Store;
  cloud: Platform & Agents;
  registry: Registry;
  faults: Faults;
  /** Lets everybody who consumes hints have them. */
  hint: (hint: Hint, delayMs: number) => void;
  log: Log;
}

export class Orchestrator {
  readonly engine: Engine;
  private alive = true;

  constructor(private readonly world: World) {
    const { store, cloud, random } = world;
    const deps: EngineDeps = {
      store: this.mortal(withFaults(store, world.faults)),
      queue: this.queue(),
      platform: this.mortal(cloud),
      agents: this.mortal(cloud),
      clock: this.clock(),
      random,
      newId: () => seededUuid(random),
      callbacks: new Callbacks('simulation-secret', 'http://orchestrator/webhook'),
      registry: world.registry,
      limits: DEFAULT_LIMITS,
      log: world.log,
      performing: true,
      events: new EventEmitter(),
    };
    this.engine = new Engine(deps);
  }

  get isAlive(): boolean {
    return this.alive;
  }

  kill(): void {
    this.alive = false;
  }

  /** A hint from the queue. */
  take(hint: Hint): void {
    if (this.alive) this.onHint(hint);
  }

  private onHint: (hint: Hint) => void = () => undefined;

  private queue(): Queue {
    const { world } = this;
    let scheduled: string[] = [];
    return {
      hint: async (hint, delayMs) => {
        if (this.alive && !world.faults.strikes('hint-lost')) world.hint(hint, delayMs);
      },
      setSchedules: async (schedules) => {
        scheduled = schedules.map(({ workflowId }) => workflowId);
        return [];
      },
      schedules: async () => scheduled,
      work: async ({ hint }) => {
        this.onHint = (h) =>
          void hint(h).catch((error: unknown) => world.log.warn({ err: error }, 'hint failed'));
      },
      pause: async () => undefined,
      ping: async () => undefined,
      close: async () => undefined,
    };
  }

  private clock(): Clock {
    const { clock } = this.world;
    return {
      now: () => clock.now(),
      after: (ms, callback) => clock.after(ms, () => this.alive && callback()),
    };
  }

  /** Wraps a port so that a dead process neither calls it nor hears from it. */
  private mortal<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, key) => {
        const member = Reflect.get(target, key) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) =>
          this.call(() => (member as (...a: unknown[]) => unknown).apply(target, args));
      },
    });
  }

  private async call(task: () => unknown): Promise<unknown> {
    if (!this.alive) return never();
    try {
      const answer = await task();
      return this.alive ? answer : never();
    } catch (error) {
      if (this.alive) throw error;
      return never();
    }
  }
}

function withFaults(store: Store, faults: Faults): Store {
  return {
    ...store,
    commit: async (change) => {
      if (faults.strikes('store-failed')) throw new Error('simulated: the store did not answer');
      return store.commit(change);
    },
  };
}

const never = (): Promise<never> => new Promise(() => undefined);
