/** What the engine needs from the world, one small interface each. */
import type { AgentRunRequest, AgentStatus } from '../contract';
import type { SendFailure } from '../domain/decide-run';

/** Time, so that the same engine runs under a virtual clock. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once, after `ms`; answers a function that cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** The agents, over the contract of `contract.ts`. Expected failures are values. */
export interface Agents {
  health(baseUrl: string, timeoutMs: number): Promise<ProbeAnswer>;
  /** `mayBegin` is asked right before the request is written to its connection. */
  run(
    baseUrl: string,
    request: AgentRunRequest,
    timeoutMs: number,
    mayBegin?: () => boolean,
  ): Promise<SendAnswer>;
  /** With `job`, an agent that takes several at once is asked for that one. */
  status(baseUrl: string, timeoutMs: number, job?: JobRef): Promise<StatusAnswer>;
  cancel(baseUrl: string, job: JobRef, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface JobRef {
  runId: string;
  stepId: string;
}

export type ProbeAnswer =
  | { kind: 'healthy'; bootId?: string; release?: string }
  /** Something answered, but the agent is not ready. */
  | { kind: 'not-ready'; detail: string }
  /** Nothing answered: refused, reset, timed out. */
  | { kind: 'silent'; detail: string };

/** `not-sent`: it might no longer begin when there was a connection for it; nothing left this process. */
export type SendAnswer = { kind: 'accepted' } | { kind: 'not-sent' } | SendFailure;

export type StatusAnswer = { kind: 'status'; status: AgentStatus } | { kind: 'silent'; detail: string };

/** Something to look at again. Only a hint: the sweeper finds the same without it. */
export interface Hint {
  kind: 'run' | 'capsule';
  id: string;
}

export interface QueueSchedule {
  workflowId: string;
  cron: string;
  timezone: string;
}

/** BullMQ, whichever store is under it. */
export interface Queue {
  hint(hint: Hint, delayMs: number): Promise<void>;
  /** Makes the queue's schedules exactly these. Answers the workflow ids it removed. */
  setSchedules(schedules: QueueSchedule[]): Promise<string[]>;
  /** The workflow ids whose schedules the queue has. */
  schedules(): Promise<string[]>;
  /** Starts to deliver hints and ticks to this process. */
  work(handlers: {
    hint: (hint: Hint) => Promise<void>;
    tick: (workflowId: string) => Promise<void>;
  }): Promise<void>;
  /** Stops delivering to this process and waits for what is being handled. */
  pause(): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a logger that the engine uses; pino fits. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
