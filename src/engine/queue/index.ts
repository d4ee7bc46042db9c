/**
 * The queue: BullMQ on Redis, or on Postgres where there is no Redis. It carries hints and fires
 * schedules; the truth is in the store, so losing every key here costs lateness and never a run.
 */
import { ErrorCode, type JobsOptions, type Queue as BullQueue, type Telemetry, type Worker } from 'bullmq';
import type { Hint, Log, Queue, QueueSchedule } from '../ports';
import { onPostgres } from './postgres';
import { onRedis } from './redis';

export interface QueueOptions {
  /** Set: BullMQ on Redis. */
  redisUrl?: string;
  /** Otherwise: BullMQ in this database, in a schema of its own. */
  databaseUrl: string;
  /** Connects as who owns the tables there, where that is not who runs the orchestrator. */
  ownerUrl?: string;
  log: Log;
  /** Distinguishes installations that share a Redis. */
  name?: string;
  /** BullMQ's own traces. Absent: none. */
  telemetry?: Telemetry;
}

/** What differs between the two: how BullMQ is constructed, and what there is to close. */
export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  queue(name: string): BullQueue;
  worker(name: string, handle: (job: { name: string; data: unknown }) => Promise<void>): Worker;
  close(): Promise<void>;
}

const TICK = 'tick';
/** How long BullMQ may take to close. Without its server it would wait until that is back. */
const CLOSE_MS = 2_000;
/** How often a schedule is set again while its tick is just firing, and the pause before. */
const SET_TRIES = 20;
const SET_PAUSE_MS = 50;
/** Nothing is kept of jobs that are done; of failed ones a few, to look at. */
const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: { count: 100 }, attempts: 1 };

/** @throws when the server cannot be reached or is configured so that it would lose jobs. */
export async function openQueue(options: QueueOptions): Promise<Queue & { kind: QueueBackend['kind'] }> {
  const backend =
    options.redisUrl === undefined
      ? await onPostgres(options.databaseUrl, options.telemetry, options.ownerUrl)
      : await onRedis(options.redisUrl, options.log, options.telemetry);
  const queue = new BullMqQueue(backend, options.log, options.name ?? 'reveille');
  try {
    await queue.connected();
  } catch (cause) {
    await queue.close();
    throw new Error(`the queue cannot be used: ${(cause as Error).message}`, { cause });
  }
  return queue;
}

class BullMqQueue implements Queue {
  readonly kind: QueueBackend['kind'];
  private readonly queue: BullQueue;
  private worker: Worker | undefined;

  constructor(
    private readonly backend: QueueBackend,
    private readonly log: Log,
    private readonly name: string,
  ) {
    this.kind = backend.kind;
    this.queue = backend.queue(name);
    this.queue.on('error', (error) => this.report(error));
  }

  /** BullMQ asks for its first connection once, and goes on without for ever if that is refused. */
  async connected(): Promise<void> {
    await this.queue.waitUntilReady();
  }

  async hint(hint: Hint, delayMs: number): Promise<void> {
    await this.queue.add(hint.kind, { id: hint.id }, { ...JOB, delay: Math.round(delayMs) });
  }

  async setSchedules(schedules: QueueSchedule[]): Promise<string[]> {
    const wanted = new Set(schedules.map((s) => s.workflowId));
    const present = await this.queue.getJobSchedulers();
    const stale = present.map((s) => s.key).filter((key) => !wanted.has(key));
    for (const key of stale) await this.queue.removeJobScheduler(key);
    for (const schedule of schedules) await this.setSchedule(schedule);
    return stale;
  }

  async schedules(): Promise<string[]> {
    return (await this.queue.getJobSchedulers()).map(({ key }) => key);
  }

  private async setSchedule({ workflowId, cron, timezone }: QueueSchedule): Promise<void> {
    const template = {
      name: TICK,
      data: { workflowId },
      opts: { removeOnComplete: true, removeOnFail: { count: 100 } },
    };
    for (let tries = 1; ; tries += 1) {
      try {
        await this.queue.upsertJobScheduler(workflowId, { pattern: cron, tz: timezone }, template);
        return;
      } catch (error) {
        if (tries >= SET_TRIES || !isTickUnderWay(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, SET_PAUSE_MS));
      }
    }
  }

  async work(handlers: {
    hint: (hint: Hint) => Promise<void>;
    tick: (workflowId: string) => Promise<void>;
  }): Promise<void> {
    this.worker = this.backend.worker(this.name, async ({ name, data }) => {
      if (name === TICK) await handlers.tick((data as { workflowId: string }).workflowId);
      else await handlers.hint({ kind: name as Hint['kind'], id: (data as { id: string }).id });
    });
    this.worker.on('error', (error) => this.report(error));
    this.worker.on('failed', (job, error) => {
      this.log.error({ job: job?.name, err: error }, 'queued job failed; the sweeper will take it up');
    });
    await this.worker.waitUntilReady();
    // Not before: refused its first connection, it would look for work again and again without a pause.
    this.worker.run().catch((error: Error) => this.report(error));
  }

  async pause(): Promise<void> {
    await this.worker?.pause();
  }

  async ping(): Promise<void> {
    await this.queue.getJobCounts('waiting');
  }

  async close(): Promise<void> {
    const closed = this.closeInOrder();
    const inTime = await settles(closed, CLOSE_MS);
    if (!inTime) this.log.warn({}, 'queue does not close in order; its connections are cut');
    // What still waits for a server that is away fails with this.
    await this.backend.close();
    if (!inTime) await settles(closed, CLOSE_MS);
  }

  private async closeInOrder(): Promise<void> {
    try {
      await this.worker?.close();
      await this.queue.close();
    } catch (error) {
      this.report(error as Error);
    }
  }

  /** Connection errors come in floods and heal by themselves: the sweeper keeps time meanwhile. */
  private report(error: Error): void {
    this.log.warn({ err: error.message }, 'queue unavailable');
  }
}

/** Another orchestrator sets the same schedule, or its tick is due in this very moment. */
function isTickUnderWay(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === ErrorCode.SchedulerJobIdCollision || code === ErrorCode.SchedulerJobSlotsBusy;
}

/** Whether a promise that never rejects settles within `ms`. */
async function settles(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
}
