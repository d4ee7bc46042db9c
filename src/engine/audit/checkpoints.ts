/**
 * Signs the end of the ledger now and then and puts that where others keep it. Nothing waits for it:
 * a place that does not take checkpoints is tried again, later and later, with the newest one, which
 * vouches for all before it; meanwhile an alert and `GET /ready` tell.
 */
import type { Checkpoint, CheckpointSigner } from '../../domain/ledger/checkpoint';
import type { Finding } from '../../domain/ledger/verify';
import type { Store } from '../../store/store';
import type { Alerts } from '../alerts';
import type { Clock, Log } from '../ports';
import type { Tasks } from '../tasks';

/** Somewhere to put checkpoints. */
export interface CheckpointTarget {
  /** For people; without secrets. */
  readonly name: string;
  /** @throws when it did not take it; the message holds no secret */
  deliver(checkpoint: Checkpoint): Promise<void>;
}

export interface CheckpointRules {
  /** Signs after so many entries … */
  entries: number;
  /** … or so many milliseconds after the last, if there is anything new. */
  periodMs: number;
}

/** How often the end of the ledger is looked at. */
const LOOK_MS = 5_000;
/** Pauses after failures; the last one goes on. */
const PAUSES_MS = [5_000, 15_000, 60_000, 300_000];
/** Failures in a row after which somebody should know. */
const ALERT_AFTER = 2;
const ACTOR = 'checkpoints';
const TAMPERED = { kind: 'ledger-tampered', subject: 'ledger' } as const;

export interface CheckpointDeps {
  store: Pick<Store, 'ledgerEnd' | 'ledgerRows'>;
  clock: Clock;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  alerts: Pick<Alerts, 'raise' | 'resolve'>;
  tasks: Pick<Tasks, 'spawn'>;
  signer: CheckpointSigner;
  rules: CheckpointRules;
}

interface Delivery {
  target: CheckpointTarget;
  /** The newest one that is not delivered. */
  waiting?: Checkpoint;
  failures: number;
  notBefore: number;
  busy: boolean;
}

export class Checkpoints {
  private readonly deliveries: Delivery[];
  private last: Checkpoint | undefined;
  private looking = false;
  private tampered: Finding | undefined;
  private cancel: () => void = () => undefined;
  private closed = false;

  constructor(
    private readonly deps: CheckpointDeps,
    targets: readonly CheckpointTarget[],
  ) {
    this.deliveries = targets.map((target) => ({ target, failures: 0, notBefore: 0, busy: false }));
  }

  start(): void {
    if (this.closed) return;
    this.cancel = this.deps.clock.after(LOOK_MS, () => {
      this.deps.tasks.spawn('checkpoint', () => this.look());
      this.start();
    });
  }

  stop(): void {
    this.closed = true;
    this.cancel();
  }

  /** For `GET /ready`: `ok`, or what is wrong, without a word of where. */
  get state(): string {
    if (this.tampered) return 'the ledger is not what was signed';
    return this.deliveries.some(({ failures }) => failures >= ALERT_AFTER) ? 'are not delivered' : 'ok';
  }

  /** One look: signs if it is time, and delivers what is to be delivered. The timer's work, and a step for tests. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      await this.signIfDue();
      const now = this.deps.clock.now();
      const due = this.deliveries.filter((d) => d.waiting && !d.busy && d.notBefore <= now);
      await Promise.all(due.map((delivery) => this.deliver(delivery)));
    } finally {
      this.looking = false;
    }
  }

  private async signIfDue(): Promise<void> {
    const { store, clock, signer, rules, log } = this.deps;
    const { seq, hash } = await store.ledgerEnd();
    const now = clock.now();
    const { last } = this;
    if (last) await this.compare(last, seq);
    // What was tampered with must not get a signature.
    if (this.tampered || seq === (last?.seq ?? 0)) return;
    if (last && seq - last.seq < rules.entries && now - last.at < rules.periodMs) return;
    const checkpoint = signer.sign({ seq, hash }, now);
    this.last = checkpoint;
    for (const delivery of this.deliveries) delivery.waiting = checkpoint;
    log.info({ seq, keyId: checkpoint.keyId }, 'ledger checkpoint signed');
  }

  /** Is the entry that was signed last still there? One row, so that it can be asked every time. */
  private async compare(last: Checkpoint, end: number): Promise<void> {
    const [row] = await this.deps.store.ledgerRows(last.seq - 1, 1);
    const isThere = row?.seq === last.seq && row.hash === last.hash && end >= last.seq;
    if (isThere || this.tampered) return;
    const reason = `entry ${last.seq} of the ledger, which was signed, is ${row?.seq === last.seq ? 'another now' : 'gone'}`;
    this.tampered = { kind: 'rewritten', seq: last.seq, lastSeq: last.seq, reason };
    this.deps.log.error({ seq: last.seq }, reason);
    const message = `${reason}. No more checkpoints are signed. Run "reveille audit verify --checkpoints …" and compare with a backup.`;
    await this.deps.alerts.raise({ ...TAMPERED, message }, ACTOR);
  }

  private async deliver(delivery: Delivery): Promise<void> {
    const { target, waiting } = delivery;
    if (!waiting) return;
    delivery.busy = true;
    try {
      await target.deliver(waiting);
    } catch (error) {
      await this.failed(delivery, error as Error);
      return;
    } finally {
      delivery.busy = false;
    }
    if (delivery.waiting === waiting) delete delivery.waiting;
    const before = delivery.failures;
    delivery.failures = 0;
    if (before < ALERT_AFTER) return;
    const key = { kind: 'checkpoint-failing', subject: target.name } as const;
    await this.deps.alerts.resolve(key, `delivered entry ${waiting.seq} after ${before} failures`, ACTOR);
  }

  private async failed(delivery: Delivery, error: Error): Promise<void> {
    const { clock, log, alerts } = this.deps;
    const { target } = delivery;
    delivery.failures += 1;
    const pause = PAUSES_MS[Math.min(delivery.failures, PAUSES_MS.length) - 1] as number;
    delivery.notBefore = clock.now() + pause;
    log.warn(
      { failures: delivery.failures, retryInMs: pause },
      `${target.name} did not take a checkpoint of the ledger: ${error.message}`,
    );
    if (delivery.failures < ALERT_AFTER) return;
    const message = `${target.name} does not take checkpoints of the ledger: ${error.message}. It is tried again; until then a ledger that is rewritten as a whole would go unnoticed.`;
    await alerts.raise({ kind: 'checkpoint-failing', subject: target.name, message }, ACTOR);
  }
}
