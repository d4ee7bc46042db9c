/** Registers the registry's schedules with the queue, and keeps an eye on them without it. */
import { nextTicks } from '../domain/schedule';
import type { Workflow } from '../registry';
import type { EngineDeps } from './context';
import { declareSchedule } from './declare-schedule';
import { severally } from './severally';
import type { Ticker } from './tick';

type Scheduled = { id: string; schedule: NonNullable<Workflow['schedule']> };

export class Schedules {
  /** When each workflow's next time is due, so that a pass costs nothing in between. */
  private readonly nextDue = new Map<string, number>();

  /** `ok`, or why the schedules are not kept, for people. */
  state = 'not registered yet';

  constructor(
    private readonly deps: EngineDeps,
    private readonly ticker: Ticker,
  ) {}

  /** Upserts what the registry has, and removes what it no longer has. */
  async register(): Promise<void> {
    const { queue, store, clock, log } = this.deps;
    const scheduled = this.scheduled();
    for (const { id, schedule } of scheduled) {
      this.ticker.knows(id, await declareSchedule(store, id, schedule, clock.now()));
      // Due at once: the time since the last decision may hold ticks that were missed.
      this.nextDue.set(id, 0);
    }
    const removed = await queue.setSchedules(
      scheduled.map(({ id, schedule }) => ({
        workflowId: id,
        cron: schedule.cron,
        timezone: schedule.timezone,
      })),
    );
    this.state = 'ok';
    log.info({ schedules: scheduled.map((w) => w.id), removed }, 'schedules registered');
  }

  /** The web role keeps no schedules. */
  leaveToWorkers(): void {
    this.state = 'ok';
  }

  /** Decides what is due, whether or not the queue spoke of it. */
  async pass(): Promise<void> {
    const now = this.deps.clock.now();
    await severally(this.scheduled().map((one) => [one.id, () => this.look(one, now)]));
  }

  private async look({ id, schedule }: Scheduled, now: number): Promise<void> {
    if (schedule.overlap === 'queue') await this.ticker.release(id);
    if (now < (this.nextDue.get(id) ?? 0)) return;
    const heldUntil = await this.ticker.tick(id);
    this.nextDue.set(id, heldUntil ?? nextTicks(schedule, now, 1)[0] ?? Infinity);
  }

  private scheduled(): Scheduled[] {
    return this.deps.registry.workflows.flatMap(({ id, schedule }) =>
      schedule && schedule.enabled !== false ? [{ id, schedule }] : [],
    );
  }
}
