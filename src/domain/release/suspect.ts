/** What is taken back, and what is to work in its place. */
import type { Rollout } from '../rollout/rollout';
import type { Environment, EnvironmentChange } from './environment';
import { instanceOf } from './placement';

/** What has worked for longer than this did not break its agent: something else did. */
export const SUSPECT_MS = 86_400_000;

/**
 * @param releaseId whose work opened its agent's breaker
 * @returns what works once the pointers have gone back; undefined where that release is no suspect, or none was before it
 */
export function goodBefore(env: Environment, releaseId: string, now: number): string | undefined {
  const { stable, candidate, previous } = env;
  if (releaseId === candidate) return stable;
  if (releaseId !== stable) return undefined;
  // It is there for a rollback since the pointer was moved away from it.
  const before = instanceOf(env, previous);
  return before && now - before.since <= SUSPECT_MS ? before.releaseId : undefined;
}

/** Whether a release was rolled back, and does nothing any more. */
export const wasTakenBack = ({ stable, candidate, instances }: Environment, releaseId: string): boolean =>
  releaseId !== stable &&
  releaseId !== candidate &&
  instances.some((i) => i.releaseId === releaseId && i.state === 'rolled-back');

/** What puts the pointers back after a rollout; where they are back already, a change that leaves them there. */
export function backFrom(
  env: Environment,
  { candidate, incumbent }: Pick<Rollout, 'candidate' | 'incumbent'>,
): EnvironmentChange {
  const isTried = env.candidate === candidate;
  const isMoved = env.stable === candidate && env.previous !== undefined && env.previous === incumbent;
  return isTried || isMoved ? { type: 'rollback' } : { type: 'policy', policy: env.policy };
}
