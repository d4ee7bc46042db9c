/** Every wait, retry and claim of the engine, named. Milliseconds unless the name says otherwise. */
export interface Limits {
  /** How long a process that committed a command has to perform it before another may. */
  claimMs: number;
  /** The same for waking and putting to sleep, which renew their claim while they are at it. */
  capsuleClaimMs: number;
  /** One `POST /run`. Shorter than the claim, so that a claim outlives its request. */
  sendTimeoutMs: number;
  /** How often `POST /run` is sent for one attempt that cannot be delivered. */
  maxSends: number;
  /** Wait between two sends of one attempt, doubled each time. */
  resendMs: number;
  /** How long a busy agent is asked again (429, 409) before the attempt counts as unreachable. */
  maxBusyMs: number;
  /** How long after the agent's own timeout its result is still waited for. */
  resultGraceMs: number;
  /** How often a running attempt is asked after (`GET /status`). */
  checkMs: number;
  /** After how many checks without an answer a running attempt is given up. */
  maxSilentChecks: number;
  /** How often an attempt may lose its lease before the agent accepted the job. */
  maxEvictions: number;
  /** How often a step whose work is done by runs of their own looks after them. */
  childCheckMs: number;
  /** How long the steps after a run's time limit may take. */
  maxEndingMs: number;
  /** One `GET /status` or `POST /cancel`. */
  statusTimeoutMs: number;
  /** How long a step may wait for a lease. */
  maxWaitMs: number;
  /** One `GET /health`. */
  probeTimeoutMs: number;
  /** How often a wake that failed is tried again, and the pause before, doubled each time. */
  wakeAttempts: number;
  wakeBackoffMs: number;
  /** How often a scale-down is verified, and after how long the call is sent again. */
  verifyMs: number;
  rescaleMs: number;
  /** Sweeper: period, and rows looked at in one pass. */
  sweepMs: number;
  sweepBatch: number;
  /** The period while nothing is under way; left out: the same. */
  sweepIdleMs?: number;
  /** How often the watchdog looks whether what was due is decided. */
  watchMs: number;
  /** How often it is looked whether store, queue and platform answer; shorter outages may go unseen. */
  outageLookMs: number;
  /** How often a transition that lost a race is decided anew. */
  maxConflicts: number;
}

export const DEFAULT_LIMITS: Limits = {
  claimMs: 15_000,
  capsuleClaimMs: 5_000,
  sendTimeoutMs: 10_000,
  maxSends: 5,
  resendMs: 500,
  maxBusyMs: 60_000,
  resultGraceMs: 5_000,
  checkMs: 10_000,
  maxSilentChecks: 3,
  maxEvictions: 5,
  childCheckMs: 30_000,
  maxEndingMs: 3_600_000,
  statusTimeoutMs: 5_000,
  maxWaitMs: 24 * 3_600_000,
  probeTimeoutMs: 2_000,
  wakeAttempts: 3,
  wakeBackoffMs: 2_000,
  verifyMs: 250,
  rescaleMs: 10_000,
  sweepMs: 2_000,
  sweepBatch: 200,
  watchMs: 20_000,
  outageLookMs: 15_000,
  maxConflicts: 20,
};
