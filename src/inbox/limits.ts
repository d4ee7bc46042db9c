/** What the inbox keeps, and what it may cost. */
const MEBIBYTE = 1024 * 1024;

export const INBOX_LIMITS = {
  /** Deliveries are kept for a day… */
  keepMs: 86_400_000,
  /** …and at most so many, and so many bytes of bodies; of proved ones and of all others each. */
  keepCount: 1_000,
  keepBytes: 128 * MEBIBYTE,
  /** Of a body larger than this only the beginning is kept, and it cannot be replayed. */
  bodyBytes: MEBIBYTE,
  cutBytes: 64 * 1024,
  /** Waiting to be written, in memory; what comes beyond is not recorded, and counted. */
  bufferCount: 1_000,
  bufferBytes: 32 * MEBIBYTE,
  /** Written together. */
  batchCount: 100,
  batchBytes: 4 * MEBIBYTE,
  /** How long a delivery waits for others to be written with it. */
  flushMs: 200,
  /** After a write that failed: the first wait, doubled up to the longest. */
  retryMs: 1_000,
  maxRetryMs: 30_000,
  /** How often a process that writes also removes what is too much. */
  trimMs: 30_000,
  /** What the last write may take when the process stops. */
  closeMs: 2_000,
} as const;

export type InboxLimits = { readonly [K in keyof typeof INBOX_LIMITS]: number };

/** Differences listed of one delivery. */
export const MAX_DIFFERENCES = 50;
