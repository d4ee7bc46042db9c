import type { Limits } from '../../../src/domain/limits';

/** The engine's waits, short enough for tests; each still longer than what it has to cover. */
export const SHORT: Partial<Limits> = {
  claimMs: 1_500,
  capsuleClaimMs: 1_500,
  sendTimeoutMs: 1_000,
  resendMs: 50,
  maxBusyMs: 5_000,
  resultGraceMs: 200,
  checkMs: 200,
  statusTimeoutMs: 2_000,
  probeTimeoutMs: 500,
  wakeAttempts: 2,
  wakeBackoffMs: 50,
  verifyMs: 20,
  rescaleMs: 500,
  sweepMs: 200,
};
