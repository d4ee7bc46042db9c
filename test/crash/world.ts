/** A small world for orchestrators that die: a record, a platform with agents, and people who insist. */
import type { AgentRunResult } from '../../src/contract';
import { isTerminal } from '../../src/domain/run';
import type { Hint } from '../../src/engine/ports';
import type { Registry } from '../../src/registry';
import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import { VirtualClock } from '../simulation/clock';
import { Cloud, type CloudOptions } from '../simulation/cloud';
import { Faults, type Fault } from '../simulation/faults';
import type { Invariants } from '../simulation/invariants';
import { seeded } from '../simulation/random';
import { Process, type Fate } from './process';

export interface WorldOptions {
  seed: number;
  /** Epoch milliseconds. */
  startsAt?: number;
  registry: Registry;
  invariants: (now: () => number) => Invariants;
  /** Probability of each fault. */
  rate: (fault: Fault) => number;
  /** Of the record that everybody shares; default: one in memory. */
  truth?: Store;
  /** The record as the processes see it. */
  watch?: (store: Store) => Store;
  onScale?: (capsuleId: string, replicas: number) => void;
  /** How much of the spread of boots, jobs and answers the cloud uses, from none (0) to all (1, the default). */
  spread?: number;
  /** How long a replica boots, see {@link CloudOptions}. */
  bootMs?: CloudOptions['bootMs'];
  /** How long the record takes before it looks at a capsule, and before it commits; milliseconds, default none. */
  delayMs?: (call: 'capsule' | 'commit') => number;
}

/** People and other systems ask again until they are heard. */
const AGAIN_MS = 5_000;
const ANSWER_WITHIN_MS = 15_000;
const START = Date.UTC(2026, 0, 5, 6, 0, 0);

export class World {
  readonly random: () => number;
  readonly clock: VirtualClock;
  readonly faults: Faults;
  readonly invariants: Invariants;
  readonly truth: Store;
  readonly cloud: Cloud;
  readonly staff: Process[] = [];
  private readonly store: Store;

  constructor(private readonly options: WorldOptions) {
    const { seed, registry, rate, truth = createMemoryStore(), watch = (s: Store) => s } = options;
    this.clock = new VirtualClock(options.startsAt ?? START);
    this.random = seeded(seed);
    this.faults = new Faults(this.random, rate);
    this.invariants = options.invariants(() => this.clock.now());
    this.truth = truth;
    this.store = watch(this.invariants.watch(this.truth));
    this.cloud = new Cloud({
      clock: this.clock,
      random: () => this.random() * (options.spread ?? 1),
      faults: this.faults,
      ...(options.bootMs && { bootMs: options.bootMs }),
      deliver: (url, result) => this.deliver(url, result),
      onScale: (id, replicas) => this.invariants.scaled(id, replicas),
    });
    for (const { capsuleId, baseUrl } of registry.agents) this.cloud.add(capsuleId, baseUrl);
  }

  /** Starts an orchestrator. */
  hire(fate?: (call: string) => Fate): Process {
    const { clock, random, options } = this;
    const hint = (one: Hint, delayMs: number) => void clock.after(delayMs, () => this.anyone()?.take(one));
    const process = new Process({
      ...{
        clock,
        random,
        store: this.faulty(),
        cloud: this.platform(),
        registry: options.registry,
        hint,
        fate,
      },
    });
    this.staff.push(process);
    process.start();
    return process;
  }

  anyone(): Process | undefined {
    const alive = this.staff.filter((process) => process.isAlive);
    return alive[Math.floor(this.random() * alive.length)];
  }

  /** Asks whoever is there, again and again until one answers. */
  insist<T>(ask: (process: Process) => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      let heard = false;
      const again = () => {
        if (heard) return;
        const asked = this.anyone();
        if (asked)
          ask(asked).then(
            (answer) => {
              heard = true;
              resolve(answer);
            },
            () => undefined, // asked again below
          );
        this.clock.after(AGAIN_MS, again);
      };
      again();
    });
  }

  async run(ms: number): Promise<void> {
    const check = () =>
      this.invariants.checkAwake(
        this.cloud,
        this.staff.some((process) => process.isAlive),
      );
    await this.clock.runUntil(this.clock.now() + ms, check);
  }

  /** Whether every run is over and owes nothing, and every capsule sleeps. */
  async rests(): Promise<boolean> {
    for (const { status, todo } of this.invariants.runs.values())
      if (!isTerminal(status) || todo) return false;
    return (await this.truth.capsules()).every(
      ({ state, activity }) =>
        state.status === 'asleep' &&
        activity.held + activity.waiting === 0 &&
        this.cloud.running(state.id) === 0,
    );
  }

  /** A webhook comes to whoever is there. Answers whether it was acknowledged. */
  async deliver(url: string, result: AgentRunResult): Promise<boolean> {
    const process = this.anyone();
    if (!process) return false;
    const late = new Promise<boolean>((resolve) => this.clock.after(ANSWER_WITHIN_MS, () => resolve(false)));
    return Promise.race([late, this.settle(process, url, result)]);
  }

  private async settle({ engine }: Process, url: string, result: AgentRunResult): Promise<boolean> {
    try {
      const { kind } = await engine.result(new URL(url).searchParams.get('token') ?? '', result);
      if (kind !== 'refused') this.invariants.acknowledge(result);
      return true;
    } catch {
      return false; // the agent delivers again
    }
  }

  /** The platform and the agents, with every scale call told of before it is made. */
  private platform(): Cloud {
    const { cloud, options } = this;
    return new Proxy(cloud, {
      get: (target, key) => {
        const member = Reflect.get(target, key) as unknown;
        if (key !== 'scale') return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        return (capsuleId: string, replicas: number) => {
          options.onScale?.(capsuleId, replicas);
          return target.scale(capsuleId, replicas);
        };
      },
    });
  }

  private faulty(): Store {
    const { store, faults, clock, options } = this;
    const slow = async (call: 'capsule' | 'commit') => {
      const ms = options.delayMs?.(call) ?? 0;
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
    };
    return {
      ...store,
      capsule: async (id) => {
        await slow('capsule');
        return store.capsule(id);
      },
      commit: async (change) => {
        await slow('commit');
        if (faults.strikes('store-failed')) throw new Error('simulated: the store did not answer');
        return store.commit(change);
      },
    };
  }
}
