/**
 * An environment of one agent: pointers to releases, and nothing else decides which release acts. Each change
 * raises the fence; whoever changes names the fence it has read, and loses against whoever came first.
 */
import { canonicalJson } from '../canonical-json';
import type { InstanceEvent } from './instance';
import { withEvent, type Instance } from './placement';

export interface Environment {
  agentId: string;
  /** `dev`, `staging`, `prod`. */
  name: string;
  stable?: string;
  /** The last one that was good: what a rollback goes to. */
  previous?: string;
  candidate?: string;
  /** Percent of the work that the candidate gets. */
  weight: number;
  policy: EnvironmentPolicy;
  /** Which release is on which capsule. */
  instances: readonly Instance[];
  fence: number;
  updatedAt: number;
}

export interface EnvironmentPolicy {
  /** Keys whose work always goes to the candidate. */
  allow: readonly string[];
  /** The field of a run's input that work sticks to a release by; undefined: each run by itself. */
  stickyBy?: string;
  /** Only what is stable there may come here. */
  promoteFrom?: string;
  /** How long the previous release stays awake, so that a rollback waits for nothing; milliseconds, 0: not at all. */
  keepPreviousWarmMs: number;
  /** People who have to say yes before a release gets real work here. */
  approvals: number;
  /** Validations that a release has to have passed, beside those that are always asked for. */
  demands: readonly ValidationStage[];
  /** What releases may ask for here, with `*` for anything; undefined: nothing is said. */
  permissions?: readonly string[];
  /** How much more time and memory than the incumbent a release may take, in percent; undefined: the default. */
  tolerancePercent?: number;
}

/** Of the pipeline; `static` is done by every rollout with a validate stage. */
export const VALIDATION_STAGES = ['static', 'sandbox', 'contract', 'resources', 'evals'] as const;
export type ValidationStage = (typeof VALIDATION_STAGES)[number];

export const DEFAULT_POLICY: EnvironmentPolicy = {
  ...{ allow: [], keepPreviousWarmMs: 0, approvals: 0, demands: [] },
};
export const MAX_ALLOWED = 1_000;

export type EnvironmentChange =
  | { type: 'promote'; releaseId: string }
  /** Back to the last good one: drops the candidate if there is one, else flips the pointer. */
  | { type: 'rollback' }
  | { type: 'candidate'; releaseId: string; weight: number }
  | { type: 'policy'; policy: EnvironmentPolicy }
  | { type: 'instance'; releaseId: string; event: InstanceEvent };

export type EnvironmentDecision =
  | { ok: true; environment: Environment }
  /** Nothing to do: it is so already. */
  | { ok: true; environment: Environment; unchanged: true }
  /** `overtaken`: it is not any more as it was when this was asked for. */
  | {
      ok: false;
      reason: 'nothing-to-roll-back-to' | 'is-stable' | 'no-stable' | 'weight' | 'overtaken';
    };

export const newEnvironment = (agentId: string, name: string, now: number): Environment => ({
  ...{ agentId, name, weight: 0, policy: DEFAULT_POLICY },
  ...{ instances: [], fence: 0, updatedAt: now },
});

export function changeEnvironment(
  env: Environment,
  change: EnvironmentChange,
  now: number,
): EnvironmentDecision {
  const moved = (next: Environment): EnvironmentDecision => ({
    ok: true,
    environment: { ...next, fence: env.fence + 1, updatedAt: now },
  });
  switch (change.type) {
    case 'promote':
      return promote(env, change.releaseId, moved);
    case 'rollback':
      return rollback(env, moved);
    case 'candidate':
      if (!(change.weight >= 0 && change.weight <= 100)) return { ok: false, reason: 'weight' };
      if (env.stable === undefined) return { ok: false, reason: 'no-stable' };
      if (env.stable === change.releaseId) return { ok: false, reason: 'is-stable' };
      return moved({ ...env, candidate: change.releaseId, weight: change.weight });
    case 'policy':
      return moved({ ...env, policy: change.policy });
    case 'instance': {
      const next = withEvent(env, change.releaseId, change.event, now);
      return next === env ? { ok: true, environment: env, unchanged: true } : moved(next);
    }
  }
}

type Moved = (next: Environment) => EnvironmentDecision;

function promote(env: Environment, releaseId: string, moved: Moved): EnvironmentDecision {
  const { candidate: _, ...rest } = env;
  if (env.stable === releaseId) {
    if (env.candidate === undefined) return { ok: true, environment: env, unchanged: true };
    return moved({ ...rest, weight: 0 });
  }
  const previous = env.stable === undefined ? {} : { previous: env.stable };
  return moved({ ...rest, ...previous, stable: releaseId, weight: 0 });
}

/** Once back, there is no "previous" any more: a second call must not go forward to what was bad. */
function rollback(env: Environment, moved: Moved): EnvironmentDecision {
  const { candidate, previous, ...rest } = env;
  if (candidate !== undefined)
    return moved({ ...rest, ...(previous !== undefined && { previous }), weight: 0 });
  if (previous === undefined) return { ok: false, reason: 'nothing-to-roll-back-to' };
  return moved({ ...rest, stable: previous, weight: 0 });
}

/** The ledger's name for it. */
export const environmentId = ({ agentId, name }: Pick<Environment, 'agentId' | 'name'>): string =>
  `${agentId}/${name}`;

/** What the ledger tells of it: the pointers are the fold of this. */
export const projectEnvironment = (env: Environment): Record<string, unknown> => ({
  fence: env.fence,
  weight: env.weight,
  ...(env.stable !== undefined && { stable: env.stable }),
  ...(env.previous !== undefined && { previous: env.previous }),
  ...(env.candidate !== undefined && { candidate: env.candidate }),
  policy: canonicalJson(env.policy),
  instances: env.instances.map((i) => `${i.releaseId.slice(0, 12)} ${i.state} on ${i.capsuleId}`).join(', '),
});
