/** Every wait of the contract test, named. Milliseconds unless the name says otherwise. */
export interface CheckLimits {
  /** From `POST /run` of a quick job to its result; also how long a busy agent is asked again. */
  jobMs: number;
  /** One `GET /health`: a probe that takes longer does not count for the orchestrator. */
  healthMs: number;
  /** One `GET /status` or `POST /cancel`. */
  statusMs: number;
  /** One `POST /run`. */
  runMs: number;
  /** The `timeoutSeconds` of a slow job; doubled, so many times, while it ends before it was looked at. */
  slowSeconds: number;
  slowTries: number;
  /** The `timeoutSeconds` of the slow job that is cancelled: an agent that ignores it is free again then. */
  cancelSeconds: number;
  /** After `timeoutSeconds`, or a cancel, until the result is in: what the orchestrator waits, too. */
  graceMs: number;
  /** Until a result that was answered by 503 or 429 is sent again. */
  retryMs: number;
  /** How long nothing more may come where all is said. */
  quietMs: number;
  /** The same after a final 4xx, where the pause before a wrong try may be long. */
  finalMs: number;
  /** Until the agent is idle after a result. */
  idleMs: number;
  /** Between two looks at the agent's status. */
  pollMs: number;
  /** Between two looks whether an agent that owes a result is still there. */
  pulseMs: number;
}

export const DEFAULT_LIMITS: CheckLimits = {
  jobMs: 30_000,
  healthMs: 2_000,
  statusMs: 5_000,
  runMs: 10_000,
  slowSeconds: 1,
  slowTries: 4,
  cancelSeconds: 5,
  graceMs: 5_000,
  retryMs: 20_000,
  quietMs: 500,
  finalMs: 3_000,
  idleMs: 5_000,
  pollMs: 25,
  pulseMs: 1_000,
};
