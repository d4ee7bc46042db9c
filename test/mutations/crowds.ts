/** Crowds of runs that flow control has to sort out, and what starts runs by itself. */
import { seededUuid } from '../simulation/random';
import { BURST, HOOKED, NOTICED, RANKED } from '../simulation/policies';
import type { World } from '../crash/world';

/** How far apart those of a crowd come: all before the first of a burst would have its time. */
const APART_MS = 4_000;
const SIZE = 6;
const ACTOR = 'crowd';

export class Crowds {
  /** Events that were taken, and the run that was answered to each delivery. */
  readonly noticed = new Set<string>();
  readonly delivered = new Map<string, string>();
  private crowds = 0;

  constructor(private readonly world: World) {}

  come(): void {
    const n = (this.crowds += 1);
    for (let i = 0; i < SIZE; i += 1) {
      this.later(i, () => this.rank(n, i));
      if (i % 2 === 0)
        this.later(i, () => this.ask(BURST.id, { customer: `customer-${n % 2}` }, `${n}-${i}`));
    }
    // One of the orders comes once more, by itself.
    this.later(SIZE, () => this.ask(RANKED.id, { customer: 'again', order: `${n}-0` }, `${n}-again`));
    this.tell();
  }

  /** By turns each one more urgent than the one before, and many of one customer before one of another. */
  private rank(n: number, i: number): void {
    const isRising = n % 2 === 0;
    const customer = isRising || i < SIZE - 2 ? 'many' : 'few';
    this.ask(RANKED.id, { customer, order: `${n}-${i}` }, `${n}-${i}`, isRising ? i : 0);
  }

  private ask(workflowId: string, input: Record<string, unknown>, key: string, priority = 0): void {
    const options = { actor: ACTOR, priority, idempotencyKey: `${workflowId}-${key}` };
    void this.world.insist(({ engine }) => engine.trigger(workflowId, input, options));
  }

  /** An event and a delivery, each of which comes twice whatever was answered. */
  private tell(): void {
    const { world } = this;
    const [event, delivery] = [seededUuid(world.random), seededUuid(world.random)];
    for (let times = 0; times < 2; times += 1) {
      void world
        .insist(({ engine }) =>
          engine.announce({ id: event, name: NOTICED.event, key: '', payload: {} }, ACTOR),
        )
        .then(() => this.noticed.add(event));
      void world
        .insist(({ engine }) => engine.hook(HOOKED, { body: {}, headers: {}, id: delivery }))
        .then((answer) => 'runId' in answer && this.delivered.set(delivery, answer.runId));
    }
  }

  private later(i: number, act: () => void): void {
    this.world.clock.after(i * APART_MS, act);
  }
}
