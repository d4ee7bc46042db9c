/** Jobs that keep the agent at work, so that it can be looked at meanwhile. */
import { skip, Verdict } from './check';
import type { CheckInputs } from './inputs';
import { taken, type Job, type Jobs, type JobSpec } from './jobs';
import type { CheckLimits } from './limits';
import type { Delivery } from './receiver';
import { quote, seconds } from './text';

/** What was seen counts only if it was seen before this part of the job's time was over. */
const SURELY_RUNNING = 0.8;

export class SlowJobs {
  #seconds: number;
  #tries = 0;
  #current: Job | undefined;

  constructor(
    private readonly jobs: Jobs,
    private readonly inputs: CheckInputs,
    private readonly limits: CheckLimits,
  ) {
    this.#seconds = limits.slowSeconds;
  }

  /** Looks at the agent while it is at work, with a longer job where the last one was over too soon. */
  async during<T>(look: (job: Job) => Promise<T>): Promise<T> {
    for (;;) {
      const job = await this.running();
      const seen = await look(job);
      if (!isOver(job)) return seen;
    }
  }

  /** A job that is still at work, alone or with as many beside it as the agent takes. */
  async running(): Promise<Job> {
    if (this.#current && !isOver(this.#current)) return this.#current;
    if (this.#current) {
      await this.end(this.#current);
      this.#seconds *= 2;
    }
    if (++this.#tries > this.limits.slowTries)
      throw new Verdict(
        skip(
          'blocked',
          `the agent answers too slowly to be looked at while a job of ${this.#seconds} s runs`,
        ),
      );
    this.#current = await this.start('slow', this.#seconds);
    await this.#fill();
    return this.#current;
  }

  /** The job that was looked at, over or not; a new one when there was none. */
  async latest(): Promise<Job> {
    return this.#current ?? this.running();
  }

  start(check: string, timeoutSeconds: number): Promise<Job> {
    return this.jobs.start(this.#spec(check, timeoutSeconds));
  }

  /** What came of a slow job; undefined when nothing came in time. */
  async end(job: Job): Promise<Delivery | undefined> {
    const { timeoutSeconds } = job.request.config;
    const deadline = job.sentAt + timeoutSeconds * 1_000 + this.limits.graceMs;
    const delivery = await this.jobs.result(job, Math.max(0, deadline - performance.now()));
    const tookMs = delivery && delivery.at - job.sentAt;
    const { status, error } = (delivery?.body ?? {}) as { status?: unknown; error?: unknown };
    if (tookMs !== undefined && tookMs < timeoutSeconds * 1_000 * SURELY_RUNNING && status !== 'timeout')
      throw new Verdict(
        skip(
          'needs-input',
          `the input "slow" ended after ${seconds(tookMs)} as ${String(status)}${error === undefined ? '' : ` (${quote(error)})`}; give one that keeps the job at work for at least 20 s`,
        ),
      );
    return delivery;
  }

  /** No dry run: with that there may be nothing to be slow at. */
  #spec(check: string, timeoutSeconds: number): JobSpec {
    const config = { timeoutSeconds, ...(this.inputs.dryRun && { dryRun: false }) };
    return { check, input: this.inputs.slow ?? {}, config };
  }

  /** Takes the places beside the first job, of an agent that takes several at a time. */
  async #fill(): Promise<void> {
    for (let n = 1; n < (this.inputs.concurrency ?? 1); n++) {
      const job = await this.jobs.post(this.jobs.prepare(this.#spec('slow', this.#seconds)));
      if (!taken(job.answer)) return;
    }
  }
}

const isOver = (job: Job): boolean => job.box.deliveries.length > 0 || isNearlyOver(job);

/** Whether the job's own time may end it now, whatever else is asked of the agent. */
export const isNearlyOver = (job: Job): boolean =>
  performance.now() - job.sentAt > job.request.config.timeoutSeconds * 1_000 * SURELY_RUNNING;
