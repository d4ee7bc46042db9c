/** Gives the agent jobs, one at a time unless a check wants otherwise, and waits for what comes of them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentRunRequest } from '../contract';
import { fail, Verdict } from './check';
import { NoAnswer, type AgentClient, type Answer } from './client';
import type { CheckLimits } from './limits';
import type { Delivery, Mailbox, Receiver } from './receiver';
import { quoteAnswer, seconds } from './text';

export const WORKFLOW_ID = 'agent-check';
/** What a busy agent without a Retry-After gets, and the longest of those it may ask for. */
const RETRY_AFTER_MS = { unsaid: 250, longest: 5_000 };
/** How often a refused connection is tried again before the agent counts as gone, and the pause before. */
const GONE = { tries: 3, pauseMs: 300 };

/** Nothing listens any more where the agent was. */
export class AgentGone extends Error {}

export interface JobSpec {
  /** Becomes the stepId, so that an agent's log says which check it saw. */
  check: string;
  input: Record<string, unknown>;
  config?: Partial<AgentRunRequest['config']> & Record<string, unknown>;
  /** More fields beside those of the contract. */
  extra?: Record<string, unknown>;
  /** The ids of an earlier job instead of new ones. */
  ids?: Pick<AgentRunRequest, 'stepId' | 'runId'>;
  reply?: Mailbox['reply'];
}

export interface Job {
  request: AgentRunRequest;
  box: Mailbox;
  /** `performance.now()` before it was sent. */
  sentAt: number;
  /** To `POST /run`. */
  answer: Answer;
}

export const taken = ({ status }: Answer): boolean => status >= 200 && status < 300;
export const busy = ({ status }: Answer): boolean => status === 429 || status === 409;

export class Jobs {
  /** The agent was never seen idle again: asking for that takes time and tells nothing. */
  #neverIdle = false;

  constructor(
    private readonly agent: AgentClient,
    private readonly receiver: Receiver,
    private readonly limits: CheckLimits,
    private readonly dryRun: boolean,
  ) {}

  /** A request with only the required fields, and what `spec` and a dry run add; not sent yet. */
  prepare(spec: JobSpec): { request: AgentRunRequest; box: Mailbox } {
    const ids = spec.ids ?? { stepId: spec.check, runId: randomUUID() };
    const box = this.receiver.open(ids, spec.reply);
    const timeoutSeconds = Math.ceil(this.limits.jobMs / 1_000);
    const config = {
      webhookUrl: box.url,
      timeoutSeconds,
      ...(this.dryRun && { dryRun: true }),
      ...spec.config,
    };
    return { request: { workflowId: WORKFLOW_ID, ...ids, input: spec.input, config, ...spec.extra }, box };
  }

  /** Sends it once, whatever the agent is doing. */
  async post(prepared: { request: AgentRunRequest; box: Mailbox }): Promise<Job> {
    const sentAt = performance.now();
    return {
      ...prepared,
      sentAt,
      answer: await this.agent.post('/run', prepared.request, this.limits.runMs),
    };
  }

  /** Sends it when the agent is idle; while it is busy, waits for as long as it asks for. */
  async send(spec: JobSpec): Promise<Job> {
    const prepared = this.prepare(spec);
    const end = performance.now() + this.limits.jobMs;
    await this.idle();
    for (;;) {
      const job = await this.post(prepared);
      const left = end - performance.now();
      if (!busy(job.answer) || left <= 0) return job;
      const asked = retryAfterMs(job.answer) ?? RETRY_AFTER_MS.unsaid;
      await sleep(Math.min(asked, left, RETRY_AFTER_MS.longest));
    }
  }

  /** The same, and the agent has to take it. */
  async start(spec: JobSpec): Promise<Job> {
    const job = await this.send(spec);
    if (taken(job.answer)) return job;
    throw new Verdict(
      fail(
        `POST /run answered ${quoteAnswer(job.answer)}`,
        'HTTP 202, because nothing else is running',
        busy(job.answer)
          ? 'Be free for the next job once a result was acknowledged, or given up.'
          : 'Take every request that has the required fields, whatever else is in it.',
      ),
    );
  }

  /** The job's first result; undefined when there is none in time. @throws AgentGone */
  async result(job: Job, withinMs: number): Promise<Delivery | undefined> {
    const end = performance.now() + withinMs;
    for (;;) {
      const left = end - performance.now();
      const delivery = await job.box.wait(1, Math.max(0, Math.min(left, this.limits.pulseMs)));
      if (delivery || left <= 0) return delivery;
      await this.pulse();
    }
  }

  /** The same of a job that ends by itself; there has to be one. */
  async quickResult(job: Job): Promise<Delivery> {
    const delivery = await this.result(job, this.limits.jobMs);
    if (delivery) return delivery;
    throw new Verdict(
      fail(
        `no webhook within ${seconds(this.limits.jobMs)} after HTTP ${job.answer.status}`,
        'the result, POSTed to config.webhookUrl',
        `POST the AgentRunResult when the job is over, also when it failed. A job that needs longer: give a quicker one as "quick", or a longer --timeout. An agent that cannot reach this address, for instance from a container: --listen and --public-url.`,
      ),
    );
  }

  /** Waits until the agent says that it is idle, as far as it can be believed. */
  async idle(): Promise<boolean> {
    const end = performance.now() + this.limits.idleMs;
    while (!this.#neverIdle) {
      const answer = await this.agent.get('/status', this.limits.statusMs);
      if ((answer.json as { state?: unknown } | undefined)?.state !== 'running') return true;
      if (performance.now() >= end) this.#neverIdle = true;
      else await sleep(this.limits.pollMs);
    }
    return false;
  }

  /** @throws AgentGone when nothing listens there; an agent that is slow to answer is there. */
  async pulse(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.agent.get('/health', this.limits.healthMs);
        return;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        if (!error.refused) return;
        if (tries === GONE.tries) throw new AgentGone(error.message, { cause: error });
        await sleep(GONE.pauseMs);
      }
    }
  }
}

/** Of a busy agent's answer: seconds or a date, as milliseconds from now. */
export function retryAfterMs({ headers }: Answer): number | undefined {
  const value = headers['retry-after']?.trim() ?? '';
  if (value === '') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
