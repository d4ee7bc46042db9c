/**
 * Books what shifts, models and strays cost, behind the work and never in its way: once a shift is over,
 * a few at a time. Who dies between two bookings leaves the rest to the next pass of anybody.
 */
import {
  shiftBooking,
  strayBooking,
  strayMilliseconds,
  usageBooking,
  type Stray,
} from '../domain/cost/booking';
import { billed } from '../domain/cost/figures';
import { capsuleCost, toUsd } from '../domain/cost/money';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';
import type { Tasks } from './tasks';

/** Who raises the alerts, for the ledger. */
const ACTOR = 'engine';
/** Read and booked together. */
const BATCH = 50;
/** Batches of each kind in one pass at most: a backlog is worked off over several. */
const MAX_BATCHES = 20;

export class CostBooks {
  private booking = false;

  constructor(
    private readonly deps: Pick<EngineDeps, 'store' | 'registry' | 'clock' | 'events'>,
    private readonly tasks: Tasks,
    private readonly alerts: Alerts,
    /** The names of the present day and month, for budgets. */
    private readonly today: () => { day: string; month: string },
  ) {}

  /** One pass in the background, unless one is under way. */
  bookSoon(): void {
    if (this.booking) return;
    this.booking = true;
    this.tasks.spawn('book costs', () => this.book().finally(() => (this.booking = false)));
  }

  /** Books whatever is over and not booked yet. */
  async book(): Promise<void> {
    await this.inBatches(() => this.shifts());
    await this.inBatches(() => this.usage());
    await this.strays();
  }

  private async inBatches(batch: () => Promise<number>): Promise<void> {
    for (let i = 0; i < MAX_BATCHES; i += 1) if ((await batch()) < BATCH) return;
  }

  private async shifts(): Promise<number> {
    const { store, events } = this.deps;
    const unbooked = await store.unbookedShifts(BATCH);
    for (const worked of unbooked) {
      const booking = shiftBooking(worked, this.price(worked.shift.agentId));
      const who = { agent: worked.shift.agentId, ...this.today() };
      if (await store.bookShift(worked.shift, { ...booking, who })) events.emit('shift', worked);
    }
    return unbooked.length;
  }

  private async usage(): Promise<number> {
    const { store } = this.deps;
    const unbooked = await store.unbookedUsage(BATCH);
    for (const report of unbooked) await store.bookUsage(report, usageBooking(report));
    return unbooked.length;
  }

  /** A stray is over once its capsule is not on its way to sleep any more. */
  private async strays(): Promise<void> {
    const { store, clock } = this.deps;
    for (const stray of await store.openStrays(BATCH)) {
      const { capsuleId, replicas } = stray;
      const message =
        `${replicas} replica(s) of capsule ${capsuleId} run although it should be asleep; ` +
        'they are being put to sleep. Find out who else scales it.';
      await this.alerts.raise({ kind: 'stray', subject: capsuleId, message }, ACTOR);
      const capsule = await store.capsule(capsuleId);
      if (capsule?.state.status === 'draining') continue;
      await this.endStray({ ...stray, endedAt: Math.max(stray.foundAt, clock.now()) });
    }
  }

  private async endStray(stray: Stray & { endedAt: number }): Promise<void> {
    const { capsuleId, agentId, endedAt } = stray;
    const price = this.price(agentId);
    const seconds = billed(strayMilliseconds(stray)) / 1_000;
    const cost = toUsd(capsuleCost(price ?? 0, billed(strayMilliseconds(stray))));
    const bill = price === undefined ? 'its agent has no price' : `${cost} US dollars at most`;
    await this.deps.store.bookStray(stray, endedAt, strayBooking(stray, price));
    const resolution = `asleep again after ${seconds} replica-seconds: ${bill}`;
    await this.alerts.resolve({ kind: 'stray', subject: capsuleId }, resolution, ACTOR);
  }

  /** US dollars per replica-hour; undefined where none is declared, or the agent left the registry. */
  private price(agentId: string): number | undefined {
    return this.deps.registry.findAgent(agentId)?.pricePerReplicaHourUsd;
  }
}
