/**
 * Which release is on which capsule of its agent. An agent has one capsule or several; two releases work side by
 * side on two of them, or share the only one, whose process then goes by the `releaseId` of each job.
 */
import type { Environment } from './environment';
import { nextInstance, type InstanceEvent, type InstanceState } from './instance';

export interface Instance {
  releaseId: string;
  capsuleId: string;
  state: InstanceState;
  since: number;
}

/** Instances that are over and still told of. */
const KEPT = 5;

const LIVE: readonly InstanceState[] = ['validating', 'deploying', 'running', 'draining'];
export const isLive = ({ state }: Instance): boolean => LIVE.includes(state);

/** The one that does a release's work; undefined once it is over, or before there is one. */
export const instanceOf = (env: Environment, releaseId: string | undefined): Instance | undefined =>
  env.instances.find((i) => i.releaseId === releaseId && isLive(i));

/**
 * The environment with its instances as its pointers want them: what is pointed to is on a capsule, what was
 * before gets no new work.
 * @param before its pointers as they were
 * @param capsules of the agent, the main one first
 * @param bad what was put there last has been rolled back: it begins nothing any more
 */
export function withInstances(
  before: Environment,
  after: Environment,
  capsules: readonly string[],
  bad: boolean,
): Environment {
  const now = after.updatedAt;
  const wanted = [after.stable, after.candidate];
  const instances = after.instances.map((instance): Instance => {
    if (!isLive(instance) || wanted.includes(instance.releaseId)) return instance;
    const isLast = [before.candidate, before.stable].includes(instance.releaseId);
    return moved(instance, bad && isLast ? 'rolled-back' : 'drain', now);
  });
  let env: Environment = { ...after, instances };
  if (after.stable !== undefined) env = serving(placed(env, after.stable, capsules), after.stable);
  if (after.candidate !== undefined) env = placed(env, after.candidate, capsules);
  env = { ...env, instances: pruned(env.instances) };
  const { previous, ...rest } = env;
  // What was tried once more and found bad is nothing to go back to either.
  return previous === undefined || instanceOf(env, previous) ? env : rest;
}

/** An instance after what happened to it; the same environment where that means nothing. */
export function withEvent(
  env: Environment,
  releaseId: string,
  event: InstanceEvent,
  now: number,
): Environment {
  const instance = instanceOf(env, releaseId);
  const next = instance && moved(instance, event, now);
  if (!instance || next === instance) return env;
  return { ...env, instances: env.instances.map((i) => (i === instance ? (next as Instance) : i)) };
}

function moved(instance: Instance, event: InstanceEvent, now: number): Instance {
  const state = nextInstance(instance.state, event);
  return state === instance.state ? instance : { ...instance, state, since: now };
}

/** What is stable has been found good, or a person answers for it. */
function serving(env: Environment, releaseId: string): Environment {
  const events = ['validated', 'healthy', 'reinstated'] as const;
  return events.reduce((e, event) => withEvent(e, releaseId, event, env.updatedAt), env);
}

function placed(env: Environment, releaseId: string, capsules: readonly string[]): Environment {
  if (instanceOf(env, releaseId)) return env;
  const { capsuleId, taken } = capsuleFor(env, capsules);
  const fresh: Instance = { releaseId, capsuleId, state: 'validating', since: env.updatedAt };
  const instances = env.instances.map((i) => (taken.includes(i) ? { ...i, state: 'stopped' as const } : i));
  const { previous, ...rest } = env;
  // What has no capsule any more is nothing that could be gone back to at once.
  const lost = taken.some((i) => i.releaseId === previous);
  return { ...rest, ...(previous !== undefined && !lost && { previous }), instances: [...instances, fresh] };
}

/** A free one; else one that works no more; else, where there is just one, it is shared with what is pointed to. */
function capsuleFor(
  { instances, stable, candidate, previous }: Environment,
  capsules: readonly string[],
): { capsuleId: string; taken: Instance[] } {
  const live = instances.filter(isLive);
  const free = capsules.find((id) => !live.some((i) => i.capsuleId === id));
  if (free !== undefined) return { capsuleId: free, taken: [] };
  const inUse = live.filter((i) => i.releaseId === stable || i.releaseId === candidate);
  const [only] = capsules as [string];
  if (capsules.length === 1)
    return { capsuleId: only, taken: live.filter((i) => !inUse.includes(i) && i.releaseId !== previous) };
  const idle = live
    .filter((i) => !inUse.some((used) => used.capsuleId === i.capsuleId) && capsules.includes(i.capsuleId))
    .sort((a, b) => Number(a.releaseId === previous) - Number(b.releaseId === previous) || a.since - b.since);
  const [taken] = idle;
  return taken ? { capsuleId: taken.capsuleId, taken: [taken] } : { capsuleId: only, taken: [] };
}

function pruned(instances: readonly Instance[]): Instance[] {
  const over = instances.filter((i) => !isLive(i)).slice(-KEPT);
  return instances.filter((i) => isLive(i) || over.includes(i));
}
