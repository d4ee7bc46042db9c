/**
 * The sweeper: compares what is with what should be and repairs. It needs no queue and no memory:
 * whatever was promised and not done is found in the store.
 */
import type { CapsuleRecord } from '../store/store';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Runs } from './runs';
import type { Sleeper } from './sleep';
import type { Tasks } from './tasks';

/** Capsules are read back from the platform in turn: each within this time, */
const OBSERVE_WITHIN_MS = 10_000;
/** unless there are so many that one pass would call the platform more often than this. */
const OBSERVED_PER_PASS = 3;
/** Due runs that a pass serves at the same time. */
const AT_ONCE = 8;

export class Sweeper {
  private turn = 0;
  private observing = false;
  /** What the last looks found to do; before them nobody knows, which is not nothing. */
  private readonly found = { runs: Infinity, capsules: Infinity, awake: Infinity };

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly sleeper: Sleeper,
    /** Serves those who wait for a capsule: wakes it, or gives them its free slots. */
    private readonly want: (capsuleId: string) => Promise<void>,
    private readonly tasks: Tasks,
  ) {}

  /** Nothing was due, and every capsule was asleep with nobody waiting for it. */
  get isQuiet(): boolean {
    const { runs, capsules, awake } = this.found;
    return runs + capsules + awake === 0;
  }

  /** Runs whose time has come. */
  async dueRuns(): Promise<void> {
    const { store, clock, limits } = this.deps;
    const ids = await store.dueRuns(clock.now(), limits.sweepBatch);
    this.found.runs = ids.length;
    await this.severally(ids, (id) => this.guarded({ run: id }, () => this.run(id)));
  }

  /** Capsules that have to wake, to sleep, or to be looked at. */
  async dueCapsules(): Promise<void> {
    const { store, clock, limits } = this.deps;
    const ids = await store.dueCapsules(clock.now(), limits.sweepBatch);
    this.found.capsules = ids.length;
    for (const id of ids) await this.guarded({ capsule: id }, () => this.capsule(id));
  }

  async run(id: string): Promise<void> {
    await this.runs.apply(id, { type: 'due' });
  }

  /** Does whatever a capsule needs now, judged from the store alone. */
  async capsule(id: string): Promise<void> {
    const record = await this.capsules.load(id);
    if (!record) return;
    await this.capsules.apply(id, { type: 'due' });
    const { status } = this.capsules.peek(id) ?? record.state;
    if (record.activity.waiting > 0) {
      await this.want(id);
    } else if (status === 'awake') {
      await this.capsules.apply(id, { type: 'idle' });
    }
  }

  /** Apart from the pass, and one at a time: a platform that does not answer must not stop the clock. */
  observeSoon(): void {
    if (this.observing) return;
    this.observing = true;
    this.tasks.spawn('observe', () => this.observeSome().finally(() => (this.observing = false)));
  }

  /** Reads a few capsules back, in turn: finds replicas that nobody knows of. */
  private async observeSome(): Promise<void> {
    const all = await this.deps.store.capsules();
    this.found.awake = all.filter(isBusy).length;
    const { sweepMs, sweepIdleMs = sweepMs } = this.deps.limits;
    const inTime = Math.ceil((all.length * (this.isQuiet ? sweepIdleMs : sweepMs)) / OBSERVE_WITHIN_MS);
    const some = pick(all, this.turn, Math.min(OBSERVED_PER_PASS, inTime));
    this.turn += some.length;
    for (const { state } of some)
      await this.guarded({ capsule: state.id }, () => this.sleeper.reconcile(state));
  }

  /** Some at once, so that their changes share commits; not all, as what is asked for by hints goes first. */
  private async severally(ids: readonly string[], task: (id: string) => Promise<void>): Promise<void> {
    const queue = ids.values();
    const work = async () => {
      for (const id of queue) await task(id);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, work));
  }

  /** One row that cannot be repaired must not keep the sweeper from the others. */
  private async guarded(
    row: { run: string } | { capsule: string },
    task: () => Promise<void>,
  ): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.deps.log.error({ ...row, err: error }, 'sweeper could not repair a row; it will try again');
    }
  }
}

const isBusy = ({ state, activity }: CapsuleRecord): boolean =>
  state.status !== 'asleep' || activity.waiting > 0 || activity.held > 0;

function pick(all: CapsuleRecord[], start: number, count: number): CapsuleRecord[] {
  return Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => all[(start + i) % all.length] as CapsuleRecord,
  );
}
