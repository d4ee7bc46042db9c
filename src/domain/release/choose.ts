/** Which release does a piece of work: the same key always the same one, while the pointers stay. */
import { createHash } from 'node:crypto';
import type { Environment } from './environment';

/** Parts of a hundred percent: weights are told apart to a hundredth. */
const BUCKETS = 10_000;

/** Where a key falls, 0 to 9999; another candidate shuffles anew, so that the same few do not try everything. */
export function bucketOf(salt: string, key: string): number {
  const digest = createHash('sha256').update(salt).update('\0').update(key).digest();
  return digest.readUIntBE(0, 6) % BUCKETS;
}

/**
 * As a weight rises, those who had the candidate keep it: their bucket does not depend on the weight.
 * @returns undefined when the environment points nowhere yet
 */
export function choose(env: Environment, key: string): string | undefined {
  const { candidate, stable } = env;
  if (candidate === undefined || stable === undefined) return stable;
  if (env.policy.allow.includes(key)) return candidate;
  if (env.weight <= 0) return stable;
  const salt = `${env.agentId}/${env.name}/${candidate}`;
  return bucketOf(salt, key) < env.weight * (BUCKETS / 100) ? candidate : stable;
}

const MAX_KEY = 500;

/** What a run's work sticks to a release by. */
export function stickyKey(env: Environment, runId: string, input: Readonly<Record<string, unknown>>): string {
  const { stickyBy } = env.policy;
  if (stickyBy === undefined || !Object.hasOwn(input, stickyBy)) return runId;
  const value = input[stickyBy];
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, MAX_KEY) : runId;
}
