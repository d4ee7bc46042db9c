/**
 * An orchestrator that can be killed between any two of its awaits (after that, none of its calls returns), frozen
 * in the same places (its calls return when it thaws), and whose clock can be set.
 */
import { EventEmitter } from 'node:events';
import { Callbacks } from '../../src/engine/callbacks';
import { Engine } from '../../src/engine/engine';
import type { EngineDeps } from '../../src/engine/context';
import type { Agents, Clock, Hint, Log, Queue } from '../../src/engine/ports';
import { DEFAULT_LIMITS, type Limits } from '../../src/domain/limits';
import type { Platform } from '../../src/platforms/platform';
import type { Registry } from '../../src/registry';
import type { Store } from '../../src/store/store';
import type { VirtualClock } from './clock';
import type { Faults } from './faults';
import { seededUuid } from './random';

/** Like the default, and a time that no other timer has: by it the sweeper's timer is known. */
export const SWEEP_MS = DEFAULT_LIMITS.sweepMs + 1;
/** The same while nothing is under way: what the default comes to in an installation. */
export const IDLE_SWEEP_MS = 2.5 * DEFAULT_LIMITS.sweepMs + 1;
/** How much later a late hint comes, at most. */
const LATE_HINT_MS = 60_000;
/** How long a slow store takes, at most. */
const SLOW_STORE_MS = 3_000;

export interface World {
  clock: VirtualClock;
  random: () => number;
  store: Store;
  cloud: Platform & Agents;
  registry: Registry;
  faults: Faults;
  /** Lets everybody who consumes hints have them. */
  hint: (hint: Hint, delayMs: number) => void;
  log: Log;
  /** Where they are not the default. */
  limits?: Partial<Limits>;
}

export class Orchestrator {
  readonly engine: Engine;
  /** How far its clock is ahead, in milliseconds; negative when it is behind. */
  skewMs = 0;
  private alive = true;
  private frozen = false;
  /** What waits for a frozen process, in order. */
  private readonly held: Array<() => void> = [];

  constructor(private readonly world: World) {
    const { store, cloud, random } = world;
    const deps: EngineDeps = {
      store: this.mortal(withFaults(store, world)),
      queue: this.mortal(this.queue()),
      platform: this.mortal(cloud),
      agents: this.mortal(cloud),
      clock: this.clock(),
      random,
      newId: () => seededUuid(random),
      callbacks: new Callbacks('simulation-secret', 'http://orchestrator/webhook'),
      registry: world.registry,
      limits: { ...DEFAULT_LIMITS, sweepMs: SWEEP_MS, ...world.limits },
      log: world.log,
      performing: true,
      events: new EventEmitter(),
    };
    this.engine = new Engine(deps);
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get isFrozen(): boolean {
    return this.frozen;
  }

  kill(): void {
    this.alive = false;
    this.held.length = 0;
  }

  /** From here on nothing of it runs; requests and timers wait until it thaws. */
  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    for (const task of this.held.splice(0)) if (this.alive) task();
  }

  /** Something comes in from outside: a request, a hint. */
  enter(task: () => void): void {
    if (!this.alive) return;
    if (this.frozen) this.held.push(task);
    else task();
  }

  /** A hint from the queue. */
  take(hint: Hint): void {
    this.enter(() => this.onHint(hint));
  }

  /** A tick from the queue. */
  hear(workflowId: string): void {
    this.enter(() => this.onTick(workflowId));
  }

  private onHint: (hint: Hint) => void = () => undefined;
  private onTick: (workflowId: string) => void = () => undefined;

  private queue(): Queue {
    const { world } = this;
    const { faults, random } = world;
    let scheduled: string[] = [];
    const logged = (task: Promise<void>) =>
      void task.catch((error: unknown) => world.log.warn({ err: error }, 'hint failed'));
    return {
      hint: async (hint, delayMs) => {
        if (faults.strikes('hint-failed')) throw new Error('simulated: the queue did not answer');
        if (faults.strikes('hint-lost')) return;
        world.hint(hint, faults.strikes('hint-late') ? delayMs + random() * LATE_HINT_MS : delayMs);
        if (faults.strikes('hint-twice')) world.hint(hint, delayMs);
      },
      setSchedules: async (schedules) => {
        scheduled = schedules.map(({ workflowId }) => workflowId);
        return [];
      },
      schedules: async () => scheduled,
      work: async ({ hint, tick }) => {
        this.onHint = (h) => logged(hint(h));
        this.onTick = (workflowId) => logged(tick(workflowId));
      },
      pause: async () => undefined,
      ping: async () => undefined,
      close: async () => undefined,
    };
  }

  private clock(): Clock {
    const { clock } = this.world;
    return {
      now: () => clock.now() + this.skewMs,
      // As in a real process, setting the clock does not move a timer.
      after: (ms, callback) => {
        const enter = () => this.enter(callback);
        const isSweep = ms === SWEEP_MS || ms === IDLE_SWEEP_MS;
        return isSweep ? clock.beat(ms, enter) : clock.after(ms, enter);
      },
    };
  }

  /** Wraps a port so that a dead process neither calls it nor hears from it, and a frozen one hears later. */
  private mortal<T extends object>(port: T): T {
    const wrapped = new Map<PropertyKey, unknown>();
    return new Proxy(port, {
      get: (target, key) => {
        if (wrapped.has(key)) return wrapped.get(key);
        const member = Reflect.get(target, key) as unknown;
        if (typeof member !== 'function') return member;
        const call = (...args: unknown[]) =>
          this.call(() => (member as (...a: unknown[]) => unknown).apply(target, args));
        wrapped.set(key, call);
        return call;
      },
    });
  }

  private async call(task: () => unknown): Promise<unknown> {
    if (!this.alive) return never();
    try {
      const answer = await task();
      if (this.frozen) await this.thawed();
      return this.alive ? answer : never();
    } catch (error) {
      if (this.frozen) await this.thawed();
      if (this.alive) throw error;
      return never();
    }
  }

  private async thawed(): Promise<void> {
    while (this.frozen && this.alive) await new Promise<void>((resolve) => this.held.push(resolve));
  }
}

/** The store over a network that may lose a call or its answer, or take its time. */
function withFaults(store: Store, { faults, clock, random }: World): Store {
  const isSlow = () => faults.strikes('store-slow');
  const delay = () => new Promise<void>((resolve) => clock.after(random() * SLOW_STORE_MS, resolve));
  const risky =
    (member: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]) => {
      if (faults.strikes('store-failed')) throw new Error('simulated: the store did not answer');
      // Awaited only where it takes time: most of what a simulation does goes through here.
      if (isSlow()) await delay();
      const answer = await member(...args);
      if (isSlow()) await delay();
      if (faults.strikes('store-answer-lost')) throw new Error('simulated: the answer of the store was lost');
      return answer;
    };
  return Object.fromEntries(
    Object.entries(store).map(([name, member]) => [
      name,
      typeof member === 'function' ? risky(member as (...args: unknown[]) => Promise<unknown>) : member,
    ]),
  ) as unknown as Store;
}

const never = (): Promise<never> => new Promise(() => undefined);
