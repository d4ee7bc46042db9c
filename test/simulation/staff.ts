/** The orchestrators of a simulation, and what befalls them. */
import type { AgentRunResult } from '../../src/contract';
import { nextTicks, type Timing } from '../../src/domain/schedule';
import type { Invariants } from './invariants';
import { Orchestrator, type World } from './orchestrator';
import { SCHEDULED } from './registry';
import type { Trace } from './trace';

/** How long whoever calls an orchestrator waits for its answer. */
const ANSWER_MS = 15_000;
/** How soon a process that died is replaced. */
const REPLACED_MS = 20_000;
/** How long one is frozen at least and at most: longer than every claim and lease it may hold. */
const FROZEN_MS = [30_000, 360_000] as const;
/** How far a clock jumps, at most, and how long it stays wrong. */
export const MAX_SKEW_MS = 120_000;
const SKEWED_MS = 600_000;
/** What a wrong clock wrote is gone by then. */
const SKEW_FADES_MS = 180_000;

export interface StaffOptions {
  world: World;
  invariants: Invariants;
  trace: Trace;
  schedule: Timing;
}

export class Staff {
  /** When the first orchestrator was there: earlier times of the schedule were never promised. */
  startedAt: number | undefined;
  /** Since when nobody is frozen and all clocks are right, if that is so now. */
  private calmFrom = 0;
  private readonly all: Orchestrator[] = [];

  constructor(private readonly options: StaffOptions) {
    this.tickLater();
  }

  /** Whether anybody is at work; without one nobody can put a capsule to sleep. */
  get isManned(): boolean {
    return this.all.some((o) => !o.isFrozen);
  }

  async hire(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) this.hireOne();
    await Promise.resolve();
  }

  /** Whoever a load balancer, or the queue, picks: it does not know who is frozen. */
  anyone(): Orchestrator | undefined {
    return this.all[Math.floor(this.options.world.random() * this.all.length)];
  }

  /** Whether since then nobody was frozen and all clocks were right. */
  isCalmSince(at: number): boolean {
    const { skewMs } = this.options.invariants;
    return skewMs === 0 && this.calmFrom <= at && !this.all.some((o) => o.isFrozen);
  }

  /** Delivers a webhook. Answers whether it was acknowledged in time. */
  deliver(url: string, result: AgentRunResult): Promise<boolean> {
    const { world, invariants } = this.options;
    const orchestrator = this.anyone();
    const token = new URL(url).searchParams.get('token') ?? '';
    return new Promise((resolve) => {
      world.clock.after(ANSWER_MS, () => resolve(false));
      const settled = (): Promise<void> | undefined =>
        orchestrator?.engine.result(token, result).then(
          (outcome) => {
            if (outcome.kind !== 'refused') invariants.acknowledge(result);
            resolve(true);
          },
          () => resolve(false),
        );
      orchestrator?.enter(() => void settled());
    });
  }

  /** Lets happen to them what may happen at any time. */
  suffer(): void {
    const { faults } = this.options.world;
    if (faults.strikes('orchestrator-killed')) this.kill();
    if (faults.strikes('orchestrator-paused')) this.freeze();
    if (faults.strikes('clock-ahead')) this.skew(1);
    if (faults.strikes('clock-behind')) this.skew(-1);
  }

  /** Everybody thaws, clocks are right, and whoever is missing is replaced. */
  recover(): void {
    const { invariants } = this.options;
    for (const orchestrator of this.all) {
      orchestrator.skewMs = 0;
      if (orchestrator.isFrozen) orchestrator.thaw();
    }
    this.skewFades();
    invariants.changed();
    this.calmFrom = this.options.world.clock.now();
    if (this.all.length === 0) this.hireOne();
  }

  private hireOne(): void {
    const { world, invariants } = this.options;
    const orchestrator = new Orchestrator(world);
    this.all.push(orchestrator);
    invariants.changed();
    orchestrator.engine.start().then(
      () => (this.startedAt ??= world.clock.now()),
      // A process that cannot start ends, and its platform starts another.
      () => this.dismiss(orchestrator),
    );
  }

  private kill(): void {
    const orchestrator = this.anyone();
    if (!orchestrator) return;
    this.options.trace.add('an orchestrator dies');
    this.dismiss(orchestrator);
  }

  private dismiss(orchestrator: Orchestrator): void {
    const { clock, random } = this.options.world;
    const at = this.all.indexOf(orchestrator);
    if (at >= 0) this.all.splice(at, 1);
    orchestrator.kill();
    clock.after(random() * REPLACED_MS, () => this.hireOne());
  }

  private freeze(): void {
    const { world, invariants, trace } = this.options;
    const orchestrator = this.anyone();
    if (!orchestrator || orchestrator.isFrozen) return;
    const [shortest, longest] = FROZEN_MS;
    const ms = Math.round(shortest + world.random() * (longest - shortest));
    trace.add(`an orchestrator freezes for ${ms} ms`);
    orchestrator.freeze();
    world.clock.after(ms, () => {
      trace.add('an orchestrator thaws');
      invariants.changed();
      this.calmFrom = world.clock.now();
      orchestrator.thaw();
    });
  }

  private skew(sign: 1 | -1): void {
    const { world, invariants, trace } = this.options;
    const orchestrator = this.anyone();
    if (!orchestrator) return;
    const wished = orchestrator.skewMs + sign * Math.round(1_000 + world.random() * (MAX_SKEW_MS - 1_000));
    orchestrator.skewMs = Math.max(-MAX_SKEW_MS, Math.min(MAX_SKEW_MS, wished));
    trace.add(`the clock of an orchestrator is now ${orchestrator.skewMs} ms off`);
    invariants.skewMs = MAX_SKEW_MS;
    invariants.changed();
    world.clock.after(world.random() * SKEWED_MS, () => {
      orchestrator.skewMs = 0;
      invariants.changed();
      this.skewFades();
    });
  }

  private skewFades(): void {
    const { world, invariants } = this.options;
    world.clock.after(SKEW_FADES_MS, () => {
      if (!this.all.every((o) => o.skewMs === 0)) return;
      invariants.skewMs = 0;
      this.calmFrom = world.clock.now();
    });
  }

  /** The queue tells of the schedule's times. */
  private tickLater(): void {
    const { world, schedule } = this.options;
    const { clock, faults } = world;
    const [next = Infinity] = nextTicks(schedule, clock.now(), 1);
    clock.after(next - clock.now(), () => {
      const times = faults.strikes('tick-lost') ? 0 : faults.strikes('tick-twice') ? 2 : 1;
      for (let i = 0; i < times; i += 1) this.anyone()?.hear(SCHEDULED);
      this.tickLater();
    });
  }
}
