/**
 * The watchdog: on a clock of its own it works out, from the registry and the record alone, which
 * scheduled times should have been decided, and raises an alert for each that was not. It decides
 * and repairs nothing: the ticker does, and the alert tells that it had to.
 */
import {
  expectedTicks,
  judgeTicks,
  MAX_DUE_TICKS,
  nextTicks,
  type Schedule,
  type TickJudgement,
} from '../domain/schedule';
import type { Tick } from '../store/store';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';
import { declareSchedule } from './declare-schedule';
import type { Tasks } from './tasks';
import { lateText, missingText, subjectOf, tickOf } from './watchdog-texts';

export const WATCH = {
  /** How long one look may take; how often it looks is one of the limits. */
  passMs: 15_000,
  /** How long after its time, and its slack, a tick may be undecided. The sweeper repairs within 5 s. */
  graceMs: 60_000,
  /** How late its own timer may fire. */
  lateMs: 10_000,
  /** The queue's schedules are read in every so many looks, and missed twice before that is told. */
  queueEvery: 5,
  queueMisses: 2,
  /** Missing ticks of one schedule that have an alert each. */
  maxNamed: 20,
} as const;

const ACTOR = 'watchdog';
/** Open alerts taken over at start. */
const MAX_ADOPTED = 200;
const LATE = { kind: 'watchdog-late', subject: 'watchdog' } as const;

interface Watched {
  readonly id: string;
  readonly schedule: Schedule;
  checkedUntil: number;
  /** Nothing is expected before this, so that a look costs nothing in between. */
  nextLook: number;
  /** Ticks with an open alert. */
  readonly open: Set<number>;
  /** Looks in a row in which the queue did not have it. */
  misses: number;
}

type Deps = Pick<EngineDeps, 'store' | 'queue' | 'registry' | 'clock' | 'limits' | 'log'>;

export class Watchdog {
  private watched: Watched[] = [];
  private readonly lost = new Set<string>();
  private cancel: () => void = () => undefined;
  private stopped = false;
  private busySince: number | undefined;
  private looks = 0;
  private isLate = false;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Alerts,
    private readonly tasks: Tasks,
  ) {}

  /** Call before anything decides ticks: what is undecided now is what it has to see decided. */
  async start(): Promise<void> {
    const { registry, store, clock } = this.deps;
    const now = clock.now();
    for (const { id, schedule } of registry.workflows) {
      if (!schedule?.enabled) continue;
      const since = await declareSchedule(store, id, schedule, now);
      const checkedUntil = Math.max(since, (await store.lastTick(id)) ?? 0);
      this.watched.push({ id, schedule, checkedUntil, nextLook: 0, open: new Set(), misses: 0 });
    }
    await this.adopt();
    this.arm();
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  /** One look at everything; the timer's work, and a step for tests. */
  async look(): Promise<void> {
    const until = this.deps.clock.now() + WATCH.passMs;
    for (const each of this.watched) {
      if (this.deps.clock.now() > until) throw new Error(`the look takes longer than ${WATCH.passMs} ms`);
      await this.guarded(`schedule of ${each.id}`, () => this.judge(each));
    }
    this.looks += 1;
    if (this.looks % WATCH.queueEvery === 0) await this.guarded('queue', () => this.readQueue());
  }

  private arm(): void {
    const armedAt = this.deps.clock.now();
    this.cancel = this.deps.clock.after(this.deps.limits.watchMs, () => this.fire(armedAt));
  }

  private fire(armedAt: number): void {
    if (this.stopped) return;
    const now = this.deps.clock.now();
    // Armed before the look: whatever becomes of that, the next one comes.
    this.arm();
    this.tasks.spawn('watchdog', () => this.guarded('own clock', () => this.judgeClock(armedAt, now)));
    if (this.busySince !== undefined) {
      this.deps.log.error({ forMs: now - this.busySince }, 'the watchdog is still at its last look');
      return;
    }
    this.busySince = now;
    this.tasks.spawn('watchdog', () => this.look().finally(() => (this.busySince = undefined)));
  }

  /** A timer fires late when the process was held up, or when somebody set the clock. */
  private async judgeClock(armedAt: number, now: number): Promise<void> {
    const lateMs = now - armedAt - this.deps.limits.watchMs;
    if (Math.abs(lateMs) > WATCH.lateMs) {
      this.isLate = true;
      await this.alerts.raise({ ...LATE, message: lateText(lateMs) }, ACTOR);
    } else if (this.isLate) {
      await this.alerts.resolve(LATE, 'the timer fires on time again', ACTOR);
      this.isLate = false;
    }
  }

  private async judge(watched: Watched): Promise<void> {
    const { clock, store } = this.deps;
    const now = clock.now();
    if (now < watched.nextLook) return;
    const { id, schedule, checkedUntil } = watched;
    const grace = graceOf(schedule);
    const expected = expectedTicks(schedule, checkedUntil, now, grace);
    if (expected.length > 0) {
      // Those within the grace may be decided as well, one a minute at most.
      const rows = await store.ticks(
        id,
        MAX_DUE_TICKS + Math.ceil(grace / 60_000) + 1,
        (expected[0] as number) - 1,
      );
      await this.tell(watched, judgeTicks(expected, rows, now, grace), rows);
    }
    const [next = Infinity] = nextTicks(schedule, watched.checkedUntil, 1);
    watched.nextLook = next + grace;
  }

  private async tell(
    watched: Watched,
    { late, missing, givenUp, checkedUntil }: TickJudgement<Tick>,
    rows: readonly Tick[],
  ): Promise<void> {
    const { id, schedule, open } = watched;
    const settled = rows.filter(({ scheduledFor }) => open.has(scheduledFor));
    for (const tick of settled) await this.settle(watched, tick.scheduledFor, decidedText(tick));
    for (const { scheduledFor } of givenUp)
      await this.settle(watched, scheduledFor, 'given up: nobody decided it within a day');
    for (const tick of missing.slice(0, WATCH.maxNamed)) {
      const message = missingText(id, schedule, tick, missing.length);
      await this.alerts.raise({ kind: 'missed-tick', subject: subjectOf(id, tick), message }, ACTOR);
      open.add(tick.scheduledFor);
    }
    await this.tellLate(
      watched,
      late.filter((tick) => !settled.includes(tick)),
    );
    watched.checkedUntil = checkedUntil;
  }

  /** Ticks that were decided late without having been missed before: one alert for all of them. */
  private async tellLate({ id, schedule }: Watched, late: readonly Tick[]): Promise<void> {
    const [first] = late;
    if (!first) return;
    const subject = subjectOf(id, first);
    const message = missingText(id, schedule, { ...first, passedOver: false }, late.length, late);
    const alert = { kind: 'missed-tick', subject, message, once: true } as const;
    if (await this.alerts.raise(alert, ACTOR)) {
      await this.alerts.resolve(alert, decidedText(late.at(-1) as Tick), ACTOR);
    }
  }

  private async settle({ id, open }: Watched, scheduledFor: number, how: string): Promise<void> {
    await this.alerts.resolve({ kind: 'missed-tick', subject: subjectOf(id, { scheduledFor }) }, how, ACTOR);
    open.delete(scheduledFor);
  }

  /** A schedule that the queue lost still fires, by the sweeper; but nobody meant it to. */
  private async readQueue(): Promise<void> {
    const present = new Set(await this.deps.queue.schedules());
    for (const each of this.watched) {
      const { id } = each;
      each.misses = present.has(id) ? 0 : each.misses + 1;
      if (each.misses >= WATCH.queueMisses) {
        const message =
          `The queue does not know the schedule of workflow "${id}" any more; until then only the sweeper keeps it. ` +
          'Restart an orchestrator to register it anew, and see who removed it from the queue.';
        await this.alerts.raise({ kind: 'schedule-lost', subject: id, message }, ACTOR);
        this.lost.add(id);
      } else if (each.misses === 0 && this.lost.delete(id)) {
        await this.alerts.resolve({ kind: 'schedule-lost', subject: id }, 'the queue knows it again', ACTOR);
      }
    }
  }

  /** Takes over what an orchestrator that is gone left open. */
  private async adopt(): Promise<void> {
    const { items } = await this.deps.store.alerts({ open: true }, MAX_ADOPTED);
    for (const { kind, subject } of items) {
      if (kind === 'watchdog-late') {
        await this.alerts.resolve(LATE, 'an orchestrator has started since', ACTOR);
      } else if (kind === 'schedule-lost') {
        if (this.find(subject)) this.lost.add(subject);
        else await this.alerts.resolve({ kind, subject }, 'the workflow has no schedule any more', ACTOR);
      } else if (kind === 'missed-tick') {
        const { workflowId, scheduledFor } = tickOf(subject);
        const watched = this.find(workflowId);
        if (watched) {
          watched.open.add(scheduledFor);
          watched.checkedUntil = Math.min(watched.checkedUntil, scheduledFor - 1);
        } else await this.alerts.resolve({ kind, subject }, 'the workflow has no schedule any more', ACTOR);
      }
    }
  }

  private find(id: string): Watched | undefined {
    return this.watched.find((each) => each.id === id);
  }

  /** What cannot be looked at now is looked at again; it must not keep the rest from being seen. */
  private async guarded(what: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.deps.log.error({ err: error }, `the watchdog could not look at the ${what}; it will try again`);
    }
  }
}

/** A schedule with slack may be decided at its end. */
const graceOf = ({ slackSeconds }: Schedule): number => WATCH.graceMs + slackSeconds * 1_000;

const decidedText = ({ action, lateMs, reason }: Tick): string =>
  `${action} ${Math.round(lateMs / 1_000)} s late: ${reason}`;
