/** The world around a simulated installation: who starts runs, cancels some, pays, and decides. */
import type { Store } from '../../src/store/store';
import type { VirtualClock } from './clock';
import type { Orchestrator } from './orchestrator';
import { seededUuid } from './random';
import { BURST, HOOKED, NOTICED, RANKED } from './policies';
import { EVENT } from './registry';

export interface OutsideOptions {
  clock: VirtualClock;
  random: () => number;
  store: Store;
  anyone: () => Orchestrator | undefined;
}

/** People and other systems try again until they are heard. */
const AGAIN_MS = 5_000;
const ROUND_MS = 30_000;
const ACTOR = 'simulation';
/** So often a crowd comes along with a run, so many it has at most, and within this time. */
const CROWDED = 0.1;
const CROWD_SIZE = 8;
const CROWD_MS = 60_000;
/** Orders come again now and then. */
const ORDERS = 40;

export class Outside {
  /** Runs that were accepted. */
  readonly accepted = new Set<string>();
  /** Events that were taken, and the run that was answered to each delivery. */
  readonly noticed = new Set<string>();
  readonly delivered = new Map<string, string>();
  private readonly decided = new Set<string>();

  constructor(private readonly options: OutsideOptions) {}

  /** Decides what waits for a decision, every half minute, as long as the clock runs. */
  open(): void {
    const round = async (): Promise<void> => {
      for (const { runId, stepId } of (await this.options.store.approvals(100)).items) {
        const key = `${runId}/${stepId}`;
        if (this.decided.has(key)) continue;
        this.decided.add(key);
        const decision = { approve: this.options.random() < 0.9 };
        this.insist(async (o) => void (await o.engine.decide(runId, stepId, decision, ACTOR)));
      }
      this.options.clock.beat(ROUND_MS, () => void round());
    };
    this.options.clock.beat(ROUND_MS, () => void round());
  }

  /** Starts a run of some workflow; what it will wait for comes some time. */
  start(): void {
    const { random, anyone } = this.options;
    const workflowId = this.some();
    const key = seededUuid(random);
    const pages = Array.from({ length: Math.floor(random() * 5) }, (_, i) => i);
    const customer = `customer-${Math.floor(random() * 3)}`;
    const input = { from: ACTOR, key, customer, pages, rare: random() < 0.5 };
    const orchestrator = anyone();
    orchestrator?.enter(
      () =>
        void orchestrator.engine.trigger(workflowId, input, { actor: ACTOR }).then(
          (answer) => {
            if (answer.kind !== 'created') return;
            this.accepted.add(answer.runId);
            if (workflowId === 'waits') this.pay(key);
            if (random() < 0.05) this.cancelSoon(answer.runId);
          },
          () => undefined, // refused by a store that does not answer: whoever asked was told
        ),
    );
  }

  /** Now and then some runs come close together, one more urgent than another, and others are told of something. */
  crowd(): void {
    const { random, clock } = this.options;
    if (random() >= CROWDED) return;
    const customer = () => `customer-${Math.floor(random() * 3)}`;
    const eager = customer();
    for (let n = Math.ceil(random() * CROWD_SIZE); n > 0; n -= 1) {
      const order = Math.floor(random() * ORDERS);
      const [ranked, burst] = [{ customer: customer(), order }, { customer: eager }];
      const priority = Math.floor(random() * 10);
      clock.after(random() * CROWD_MS, () => this.ask(RANKED.id, ranked, priority));
      if (n % 2 === 0) clock.after(random() * CROWD_MS, () => this.ask(BURST.id, burst));
    }
    const [event, delivery] = [seededUuid(random), seededUuid(random)];
    // Whoever tells it tells it again, whatever was answered.
    for (let times = 0; times < 2; times += 1) {
      this.insist(async (o) => {
        await o.engine.announce({ id: event, name: NOTICED.event, key: '', payload: {} }, ACTOR);
        this.noticed.add(event);
      });
      this.insist(async (o) => {
        const answer = await o.engine.hook(HOOKED, { body: {}, headers: {}, id: delivery });
        if ('runId' in answer) this.delivered.set(delivery, answer.runId);
      });
    }
  }

  private ask(workflowId: string, input: Record<string, unknown>, priority = 0): void {
    const orchestrator = this.options.anyone();
    orchestrator?.enter(
      () =>
        void orchestrator.engine.trigger(workflowId, input, { actor: ACTOR, priority }).then(
          (answer) => void (answer.kind === 'created' && this.accepted.add(answer.runId)),
          () => undefined, // refused by a store that does not answer: whoever asked was told
        ),
    );
  }

  private some(): string {
    const all = ['three', 'one', 'one', 'fork', 'each', 'waits'];
    return all[Math.floor(this.options.random() * all.length)] ?? 'one';
  }

  private pay(key: string): void {
    const { clock, random } = this.options;
    const id = seededUuid(random);
    clock.after(random() * 600_000, () =>
      this.insist(
        async (o) => void (await o.engine.announce({ id, name: EVENT, key, payload: { key } }, ACTOR)),
      ),
    );
  }

  private cancelSoon(runId: string): void {
    const { clock, random, anyone } = this.options;
    clock.after(random() * 30_000, () => {
      const orchestrator = anyone();
      orchestrator?.enter(
        () => void orchestrator.engine.cancel(runId, 'simulated', ACTOR).catch(() => undefined),
      );
    });
  }

  /** Asks whoever is there until one answers: a process that dies meanwhile never does. */
  private insist(ask: (orchestrator: Orchestrator) => Promise<void>): void {
    let heard = false;
    const again = () => {
      if (heard) return;
      const orchestrator = this.options.anyone();
      if (orchestrator)
        orchestrator.enter(
          () =>
            void ask(orchestrator).then(
              () => void (heard = true),
              () => undefined,
            ),
        );
      this.options.clock.after(AGAIN_MS, again);
    };
    again();
  }
}
