/** The agent under check: what is known of it, and what several checks share, so that few jobs are spent. */
import { AgentRunResult } from '../contract';
import { skip, Verdict } from './check';
import type { AgentClient } from './client';
import { fillIn, type CheckInputs } from './inputs';
import { Jobs, type Job } from './jobs';
import type { CheckLimits } from './limits';
import type { Delivery, Receiver } from './receiver';
import { differences, type Difference } from './shape';
import { SlowJobs } from './slow-jobs';

/** What one check saw and another one judges. */
export interface Notes {
  /** What was said about the wrong input. */
  wrongInputAnswer?: string;
  /** The job that is cancelled, started by whichever check comes first. */
  cancelJob?: () => Promise<Job>;
  /** How the busy agent refused another job. */
  refusal?: { retryAfter: string | undefined; readable: boolean };
  /** The durationMs of the job that was over its time, and that time. */
  timedOut?: { durationMs: unknown; timeoutSeconds: number };
}

export class Subject {
  readonly jobs: Jobs;
  readonly inputs: CheckInputs;
  readonly slow: SlowJobs;
  /** Of the process that answered first, where the agent tells one that can be trusted. */
  bootId: string | undefined;
  readonly notes: Notes = {};
  /** What every result of this agent lacks: told once, by the check of the shape. */
  #known = new Set<string>();

  constructor(
    readonly agent: AgentClient,
    readonly receiver: Receiver,
    inputs: CheckInputs,
    readonly limits: CheckLimits,
    /** Of the agent, where whoever checks it gave one. */
    readonly secret: string | undefined,
  ) {
    this.jobs = new Jobs(agent, receiver, limits, inputs.dryRun ?? false);
    this.inputs = fillIn(inputs, receiver.places);
    this.slow = new SlowJobs(this.jobs, this.inputs, limits);
  }

  get quickInput(): Record<string, unknown> {
    return this.inputs.quick ?? {};
  }

  /** The first job, with nothing but the required fields: most checks look at what came of it. */
  readonly firstJob = shared('run', () => this.jobs.start({ check: 'run', input: this.quickInput }));

  readonly firstResult = shared('result', async (): Promise<{ job: Job; delivery: Delivery }> => {
    const job = await this.firstJob();
    return { job, delivery: await this.jobs.quickResult(job) };
  });

  /** One job whose webhook is answered by 503, then 429, then 200. */
  readonly retriedJob = shared('retry', () =>
    this.jobs.start({
      check: 'retry',
      input: this.quickInput,
      reply: (n) => ({ status: [503, 429][n] ?? 200 }),
    }),
  );

  /** Differences of a first result; other results are not blamed for the same again. */
  shapeOf(result: unknown, { learn }: { learn: boolean }): Difference[] {
    const found = differences(AgentRunResult, result);
    if (!learn) return found.filter(({ field }) => !this.#known.has(field));
    this.#known = new Set(found.map(({ field }) => field));
    return found;
  }
}

/** Does `work` once. Its failure is told by the check that asked first; for the others it is in the way. */
export function shared<T>(checkId: string, work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    if (result === undefined) return (result = work());
    return result.catch((error: unknown) => {
      const failed = error instanceof Verdict && error.outcome.kind === 'fail';
      throw failed ? new Verdict(skip('blocked', `needs what \`${checkId}\` did not find`)) : error;
    });
  };
}
