/** Hints handled side by side in one process. */
export const CONCURRENCY = 20;
