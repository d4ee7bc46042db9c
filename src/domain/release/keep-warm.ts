/** Whether the release before is to be awake, so that a rollback waits for nothing. */
import type { Environment } from './environment';
import { instanceOf } from './placement';

/** Where the release before waits, and until when; undefined where nothing is kept. */
export function keptWarmUntil(
  env: Environment,
  now: number,
): { releaseId: string; capsuleId: string; until: number } | undefined {
  const { previous, policy } = env;
  const [before, stable] = [instanceOf(env, previous), instanceOf(env, env.stable)];
  if (previous === undefined || !before || policy.keepPreviousWarmMs <= 0) return undefined;
  // The only capsule of an agent is awake for its work, or not at all.
  if (before.capsuleId === stable?.capsuleId) return undefined;
  // It drains since the pointer was moved away from it.
  const until = before.since + policy.keepPreviousWarmMs;
  return now < until ? { releaseId: previous, capsuleId: before.capsuleId, until } : undefined;
}
