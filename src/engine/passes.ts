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
import { severally, type Part } from './severally';
import type { Signals } from './signals';
import type { Sweeper } from './sweep';
import type { Tasks } from './tasks';
import type { Replays } from './triggers/replays';

/** The sweeper looks for unfinished work once in the time of so many passes. */
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
  /** Since unfinished work was looked for. */
  private sinceLostMs = 0;

  constructor(
    private readonly deps: Deps,
    private readonly tasks: Tasks,
    private readonly swept: Swept,
  ) {}

  /** One pass now and then, until `stop()`. */
  start(): void {
    const { clock, limits, performing } = this.deps;
    const pauseMs = this.swept.sweeper.isQuiet ? (limits.sweepIdleMs ?? limits.sweepMs) : limits.sweepMs;
    this.cancelNext = clock.after(pauseMs, () => {
      if (this.stopping) return;
      this.sinceLostMs += pauseMs;
      const isWhole = this.sinceLostMs >= LOST_EVERY * limits.sweepMs;
      if (isWhole) this.sinceLostMs = 0;
      const pass = !performing ? () => this.observing() : isWhole ? () => this.all() : () => this.due();
      this.tasks.spawn('sweep', () => pass().finally(() => !this.stopping && this.start()));
    });
  }

  stop(): void {
    this.stopping = true;
    this.cancelNext();
  }

  /**
   * Everything that a pass may look at. What cannot look after guards must still put capsules to sleep, and nothing
   * goes past a guard by that: each wake and each job asks anew.
   * @throws AggregateError that names the parts which failed
   */
  all(): Promise<void> {
    return severally([...this.dueParts(true), ...this.lostParts()]);
  }

  private observing(): Promise<void> {
    const { guards, budgets, schedules, emergencyStops, releases } = this.swept;
    const parts: Part[] = [
      ['guards', () => guards.sweep()],
      ['releases', () => releases.sweep()],
      ['budgets', () => budgets.look()],
    ];
    if (this.deps.disabled !== undefined)
      parts.push(['schedules', () => schedules.pass()], ['emergency stops', () => emergencyStops.sweep()]);
    return severally(parts);
  }

  private due(): Promise<void> {
    return severally(this.dueParts(this.swept.releases.areUsed));
  }

  /**
   * What is due by the clock.
   * @param withReleases an installation without any asks for none in each pass, only now and then for the first
   */
  private dueParts(withReleases: boolean): Part[] {
    const { guards, breakers, emergencyStops, schedules, budgets, sweeper, prewarmer, releases, rollouts } =
      this.swept;
    const ofReleases = (...part: Part): Part[] => (withReleases ? [part] : []);
    return [
      ['guards', () => guards.sweep()],
      ...ofReleases('releases', () => releases.sweep()),
      ['breakers', () => breakers.sweep()],
      ['emergency stops', () => emergencyStops.sweep()],
      ['schedules', () => schedules.pass()],
      ['budgets', () => budgets.look()],
      ['due runs', () => sweeper.dueRuns()],
      ['due capsules', () => sweeper.dueCapsules()],
      ['read-back', async () => sweeper.observeSoon()],
      ['prewarming', () => prewarmer.pass()],
      ...ofReleases('rollouts', () => rollouts.sweep()),
    ];
  }

  /** What somebody began and did not finish; each looks at the record, so not more often than need be. */
  private lostParts(): Part[] {
    const { flow, signals, approvals, overseer, protocols, replays, costs, releases } = this.swept;
    return [
      ['flow control', () => flow.sweep()],
      ['events', () => signals.sweep()],
      ['approvals', () => approvals.sweep()],
      ['oversight', () => overseer.sweep()],
      ['protocols', () => protocols.sweep()],
      ['replays', () => replays.sweep()],
      ['work of releases', () => releases.reconcile()],
      ['costs', async () => costs.bookSoon()],
    ];
  }
}
