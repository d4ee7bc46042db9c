/**
 * The only gate before a capsule is woken or a job is sent: a function of facts that answers proceed, hold or
 * refuse, with the reason, so that whatever does not move can say why. The commit that records a wake or an
 * attempt asks the same of what is committed (`check_guards` in `009_switches.sql`), and whoever performs it asks
 * once more before the call goes out (`engine/guards.ts`).
 */
import type { Activity, CapsuleState } from '../domain/capsule';
import { breakerBlocker, breakerText, resetHint, type BreakerState } from '../domain/breaker';
import { releaseHint, switchOver, switchText, type GuardScope, type Switch } from '../domain/guard/switch';

export type Verdict =
  | { verdict: 'proceed' }
  /** Not now: ask again, at the latest at `until` (epoch milliseconds) if it is known. */
  | {
      verdict: 'hold';
      reason: string;
      until?: number;
      /** What holds it, e.g. a switch's id. */
      blocker?: string;
      /** What lets it go on. */
      release?: string;
    }
  /** Not at all. */
  | { verdict: 'refuse'; reason: string };

/** What for: a step that waits, or work that is foreseen. */
export type Purpose = 'work' | 'prewarm';

/** What every act is judged by. */
export interface GuardFacts {
  /** The switches that are on. */
  switches: readonly Switch[];
  /** Set while this orchestrator performs nothing at all: why. */
  disabled?: string;
  /** The breakers that are not closed, by agent. They hold what begins, and not what was begun. */
  breakers?: ReadonlyMap<string, BreakerState>;
}

export interface WakeFacts extends GuardFacts {
  capsule: CapsuleState;
  /** `waiting`: those that no switch holds. */
  activity: Activity;
  /** Whose work it is; the workflow where only one is concerned. */
  scope: GuardScope;
  now: number;
  purpose?: Purpose;
}

/** Whether anything may be done for an agent or a workflow: woken, sent, handed over. Pure. */
export function admitAct({ switches, disabled }: GuardFacts, scope: GuardScope): Verdict {
  if (disabled !== undefined) return { verdict: 'hold', reason: disabled };
  const off = switchOver(switches, scope);
  if (!off) return { verdict: 'proceed' };
  return {
    verdict: 'hold',
    reason: switchText(off),
    blocker: off.id,
    release: releaseHint(off),
    ...(off.expiresAt !== undefined && { until: off.expiresAt }),
  };
}

/** Whether work may begin on an agent: what holds acts holds it, and an open breaker. Pure. */
export function admitBegin(facts: GuardFacts, scope: GuardScope): Verdict {
  const act = admitAct(facts, scope);
  const breaker = scope.agentId === undefined ? undefined : facts.breakers?.get(scope.agentId);
  const reason = breaker && breakerText(breaker);
  if (act.verdict !== 'proceed' || !breaker || reason === undefined) return act;
  const { agentId, until } = breaker;
  const hold = {
    verdict: 'hold',
    reason,
    blocker: breakerBlocker(agentId),
    release: resetHint(agentId),
  } as const;
  return { ...hold, ...(until !== undefined && { until }) };
}

/** Whether a capsule may be woken now. Pure. */
export function admit({ capsule, activity, now, purpose = 'work', ...facts }: WakeFacts): Verdict {
  const act = admitBegin(facts, facts.scope);
  if (act.verdict !== 'proceed') return act;
  if (purpose === 'work' && activity.waiting === 0)
    return { verdict: 'refuse', reason: `no step waits for ${capsule.id}` };
  if (capsule.status === 'draining') {
    return { verdict: 'hold', reason: `${capsule.id} is still being put to sleep` };
  }
  const { retryWakeAt } = capsule;
  if (retryWakeAt !== undefined && now < retryWakeAt) {
    const reason = `the last wake of ${capsule.id} failed (${capsule.lastError ?? 'no reason known'}); the next try is due`;
    return { verdict: 'hold', reason, until: retryWakeAt };
  }
  return { verdict: 'proceed' };
}
