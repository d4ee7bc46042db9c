/** What is looked at again and again: what is due by the clock, and what somebody began and did not finish. */
import type { Approvals } from './approvals';
import type { Overseer } from './approvals/oversight';
import type { Breakers } from './breakers';
import type { Budgets } from './budgets';
import type { EngineDeps } from './context';
import type { CostBooks } from './costs';
import type { EmergencyStops } from './emergency-stop';
import type { Flow } from './flow';
import type { Guards } from './guards';
import type { Prewarmer } from './prewarm';
import type { Releases } from './releases';
import type { Rollouts } from './releases/rollouts';
import type { Protocols } from './protocols';
import type { Schedules } from './schedule';
import type { Signals } from './signals';
import type { Sweeper } from './sweep';
import type { Tasks } from './tasks';
import type { Replays } from './triggers/replays';

/** The sweeper looks for unfinished work in one of so many passes. */
const LOST_EVERY = 5;

type Deps = Pick<EngineDeps, 'clock' | 'limits' | 'performing' | 'disabled'>;

export interface Swept {
  guards: Guards;
  breakers: Breakers;
  emergencyStops: EmergencyStops;
  schedules: Schedules;
  budgets: Budgets;
  sweeper: Sweeper;
  prewarmer: Prewarmer;
  flow: Flow;
  signals: Signals;
  approvals: Approvals;
  overseer: Overseer;
  protocols: Protocols;
  replays: Replays;
  costs: CostBooks;
  releases: Releases;
  rollouts: Rollouts;
}

export class Passes {
  private cancelNext: () => void = () => undefined;
  private stopping = false;
  private passes = 0;

  constructor(
    private readonly deps: Deps,
    private readonly tasks: Tasks,
    private readonly swept: Swept,
  ) {}

  /** One pass now and then, until `stop()`. */
  start(): void {
    this.cancelNext = this.deps.clock.after(this.deps.limits.sweepMs, () => {
      if (this.stopping) return;
      this.passes += 1;
      const pass = !this.deps.performing
        ? () => this.observing()
        : this.passes % LOST_EVERY === 0
          ? () => this.all()
          : () => this.due();
      this.tasks.spawn('sweep', () => pass().finally(() => !this.stopping && this.start()));
    });
  }

  stop(): void {
    this.stopping = true;
    this.cancelNext();
  }

  /** Everything that a pass may look at. */
  async all(): Promise<void> {
    await this.due();
    await this.lost();
  }

  private async observing(): Promise<void> {
    const { guards, budgets, schedules, emergencyStops, releases } = this.swept;
    await guards.sweep();
    await releases.sweep();
    await budgets.look();
    if (this.deps.disabled === undefined) return;
    await schedules.pass();
    await emergencyStops.sweep();
  }

  /** What is due by the clock. */
  private async due(): Promise<void> {
    const { guards, breakers, emergencyStops, schedules, budgets, sweeper, prewarmer, releases, rollouts } =
      this.swept;
    await guards.sweep();
    if (releases.areUsed) await releases.sweep();
    await breakers.sweep();
    await emergencyStops.sweep();
    await schedules.pass();
    await budgets.look();
    await sweeper.pass();
    await prewarmer.pass();
    if (releases.areUsed) await rollouts.sweep();
  }

  /** What somebody began and did not finish; each looks at the record, so not more often than need be. */
  private async lost(): Promise<void> {
    const { flow, signals, approvals, overseer, protocols, replays, costs, releases, rollouts } = this.swept;
    // The first release of all is noticed here; an installation without any asks for none in each pass.
    await releases.sweep();
    await rollouts.sweep();
    await flow.sweep();
    await signals.sweep();
    await approvals.sweep();
    await overseer.sweep();
    await protocols.sweep();
    await replays.sweep();
    await releases.reconcile();
    costs.bookSoon();
  }
}
