/**
 * Writes deliveries down beside the requests that bring them: nobody waits for it. A bounded buffer
 * is examined and inserted in batches; what does not fit, while the store is away or under a flood,
 * is counted and not recorded.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Delivery, DeliveryStore } from '../store/deliveries';
import { INBOX_LIMITS, type InboxLimits } from './limits';

interface Time {
  now(): number;
  after(ms: number, callback: () => void): () => void;
}

interface Log {
  warn(fields: object, message: string): void;
}

/** What is recorded: how much memory it holds until then, and how to look at it, which is done later. */
export interface Pending {
  bytes: number;
  examine: () => Delivery;
}

export interface InboxStats {
  recorded: number;
  /** Not recorded: the buffer was full. */
  dropped: number;
  waiting: number;
}

/** How often overflow is logged at most. */
const OVERFLOW_LOG_MS = 10_000;
/** A batch that failed so often is given up: a row the store will never take must not hold up the rest. */
const MAX_FAILURES = 10;
/** Batches written by one flush at most: more than the buffer holds. */
const MAX_BATCHES = 1_000;

export interface RecorderOptions {
  store: Pick<DeliveryStore, 'addDeliveries' | 'trimDeliveries'>;
  clock: Time;
  log: Log;
  limits?: Partial<InboxLimits>;
}

export class InboxRecorder {
  private readonly limits: InboxLimits;
  private readonly pending: Pending[] = [];
  /** Examined, and not yet written. */
  private batch: Delivery[] = [];
  private bytes = 0;
  private recorded = 0;
  private dropped = 0;
  private lastOverflowLog = -Infinity;
  private lastTrim = -Infinity;
  private failures = 0;
  private flushing: Promise<void> | undefined;
  private cancelFlush: (() => void) | undefined;
  private closed = false;

  constructor(private readonly options: RecorderOptions) {
    this.limits = { ...INBOX_LIMITS, ...options.limits };
  }

  get stats(): InboxStats {
    return {
      recorded: this.recorded,
      dropped: this.dropped,
      waiting: this.pending.length + this.batch.length,
    };
  }

  /** Takes a delivery to be written soon. Answers false when there is no room for it. */
  record(pending: Pending): boolean {
    const { bufferCount, bufferBytes, flushMs } = this.limits;
    if (this.closed) return false;
    if (this.pending.length >= bufferCount || this.bytes + pending.bytes > bufferBytes) {
      this.overflowed();
      return false;
    }
    this.pending.push(pending);
    this.bytes += pending.bytes;
    this.cancelFlush ??= this.options.clock.after(flushMs, () => void this.flush());
    return true;
  }

  /** Writes what waits; never rejects: a failure is logged, and tried again later. */
  flush(): Promise<void> {
    this.flushing ??= this.write().finally(() => (this.flushing = undefined));
    return this.flushing;
  }

  /** Writes the rest, within a deadline, and takes no more. */
  async close(): Promise<void> {
    this.closed = true;
    let cancel: () => void = () => undefined;
    const late = new Promise<void>(
      (resolve) => (cancel = this.options.clock.after(this.limits.closeMs, resolve)),
    );
    await Promise.race([this.flush(), late]).finally(cancel);
    this.cancelFlush?.();
  }

  private async write(): Promise<void> {
    this.cancelFlush?.();
    this.cancelFlush = undefined;
    try {
      for (let i = 0; i < MAX_BATCHES && this.pending.length + this.batch.length > 0; i += 1)
        await this.writeBatch();
      await this.trim();
      this.failures = 0;
    } catch (error) {
      this.failed(error);
    }
  }

  private async writeBatch(): Promise<void> {
    if (this.batch.length === 0) await this.nextBatch();
    await this.options.store.addDeliveries(this.batch);
    this.recorded += this.batch.length;
    this.batch = [];
  }

  /** Looks at deliveries one at a time, so that large bodies hold up nobody for long. */
  private async nextBatch(): Promise<void> {
    const { batchCount, batchBytes } = this.limits;
    for (let bytes = 0; this.batch.length < batchCount && bytes < batchBytes;) {
      const next = this.pending.shift();
      if (!next) return;
      this.bytes -= next.bytes;
      bytes += next.bytes;
      this.batch.push(next.examine());
      await turn();
    }
  }

  /** With the retention's hourly sweep alone a busy hour could fill the store. */
  private async trim(): Promise<void> {
    const now = this.options.clock.now();
    if (now - this.lastTrim < this.limits.trimMs) return;
    this.lastTrim = now;
    await trimInbox(this.options.store, now, this.limits);
  }

  private failed(error: unknown): void {
    this.failures += 1;
    if (this.failures === 1)
      this.options.log.warn({ err: error }, 'the inbox cannot be written; it tries again');
    if (this.failures >= MAX_FAILURES) {
      this.dropped += this.batch.length;
      this.batch = [];
      this.failures = 0;
    }
    if (this.closed) return;
    const { retryMs, maxRetryMs } = this.limits;
    const wait = Math.min(maxRetryMs, retryMs * 2 ** Math.min(this.failures - 1, 10));
    this.cancelFlush ??= this.options.clock.after(wait, () => void this.flush());
  }

  private overflowed(): void {
    this.dropped += 1;
    const now = this.options.clock.now();
    if (now - this.lastOverflowLog < OVERFLOW_LOG_MS) return;
    this.lastOverflowLog = now;
    this.options.log.warn(
      { dropped: this.dropped },
      'the inbox is full: deliveries are taken but not recorded',
    );
  }
}

/** Removes what is older than a day or more than is kept. Answers how many went. */
export function trimInbox(
  store: Pick<DeliveryStore, 'trimDeliveries'>,
  now: number,
  { keepMs, keepCount, keepBytes }: Pick<InboxLimits, 'keepMs' | 'keepCount' | 'keepBytes'> = INBOX_LIMITS,
): Promise<number> {
  return store.trimDeliveries({ receivedAfter: now - keepMs, count: keepCount, bytes: keepBytes });
}
