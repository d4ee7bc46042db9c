/** The run's Redis, shared by all test files; each keeps to keys of its own. */
import { randomBytes } from 'node:crypto';

/**
 * The URL of the run's Redis. Tests that flush, stop or kill Redis start one of their own with
 * `startRedis()` of redis-server.ts, as this one is shared and may be the developer's.
 */
export function redisUrl(): string {
  const url = process.env.TEST_REDIS_URL;
  if (url === undefined)
    throw new Error('no TEST_REDIS_URL: was this not started by Jest with its globalSetup?');
  return url;
}

/** A prefix for keys (BullMQ's `prefix`) that nobody else uses. */
export function redisPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}
