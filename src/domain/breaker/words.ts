/** Breakers in words, and on record. Pure. */
import { change, type LedgerEntry } from '../ledger';
import type { BreakerEvent, BreakerState } from './breaker';

/** What holds, as `reveille why` and the gate name it. */
export const breakerBlocker = (agentId: string): string => `breaker:${agentId}`;
/** The command that closes it. */
export const resetHint = (agentId: string): string => `reveille breakers reset ${agentId}`;

/** Why nothing is begun on its agent; undefined while something may be. */
export function breakerText(state: BreakerState): string | undefined {
  const { agentId, status, reason = 'no reason known', until, trial, releaseId } = state;
  if (status === 'closed' || (status === 'half-open' && !trial)) return undefined;
  const who = releaseId === undefined ? agentId : `${agentId} (release ${releaseId})`;
  if (trial)
    return `the breaker of agent ${who} lets one task through (step ${trial.stepId} of run ${trial.runId}), which decides; ${resetHint(agentId)} closes it`;
  const when = until === undefined ? '' : `; one task is tried at ${new Date(until).toISOString()}`;
  return `the breaker of agent ${who} is open: ${reason}${when}; ${resetHint(agentId)} closes it`;
}

const ACTIONS = { closed: 'closed', open: 'opened', 'half-open': 'half-opened' } as const;

/** The entry of a change of its status; undefined where that stays: tasks have entries of their own. */
export function breakerEntry(
  before: BreakerState,
  after: BreakerState,
  { at, actor, event }: { at: number; actor: string; event: BreakerEvent },
): LedgerEntry | undefined {
  if (before.status === after.status) return undefined;
  const { type } = event;
  const why = after.status === 'open' ? after.reason : type === 'task' ? 'the trial went well' : undefined;
  return {
    at,
    actor,
    action: type === 'reset' ? 'breaker.reset' : `breaker.${ACTIONS[after.status]}`,
    entity: 'breaker',
    id: after.agentId,
    ...change(projectBreaker(before), projectBreaker(after)),
    ...(why !== undefined && { reason: why }),
    // Whose task it was that decided.
    ...('ref' in event && { runId: event.ref.runId }),
  };
}

const projectBreaker = ({ status, until, releaseId }: BreakerState): Record<string, unknown> => ({
  status,
  ...(until !== undefined && { until }),
  ...(releaseId !== undefined && { releaseId }),
});
