/** What of the record is worth an alert. Pure: from what is, to which alerts should be open. */
import type { AlertKey, AlertKind, NewAlert } from './alert';
import type { CapsuleState } from './capsule';
import type { RunState } from './run';

/** Wakes that failed in a row. */
const FAILED_WAKES = 2;
/** How long the first in line may wait for its agent. */
export const OLD_QUEUE_MS = 15 * 60_000;

/** The kinds that these rules open and close. */
export const RULED_KINDS = [
  'run-failed',
  'wake-failing',
  'queue-old',
] as const satisfies readonly AlertKind[];

export interface Watched {
  capsules: ReadonlyArray<{ state: CapsuleState; oldestRequestAt?: number | undefined }>;
  /** The last run of each workflow that succeeded or failed. */
  lastRuns: readonly RunState[];
}

/** The alerts that should be open now. */
export function dueAlerts({ capsules, lastRuns }: Watched, now: number): NewAlert[] {
  return [
    ...lastRuns.filter(({ status }) => status === 'failed').map(failedRun),
    ...capsules
      .filter(({ state }) => state.failedWakes >= FAILED_WAKES)
      .map(({ state }) => failingWake(state)),
    ...capsules.flatMap(({ state, oldestRequestAt }) =>
      oldestRequestAt !== undefined && now - oldestRequestAt > OLD_QUEUE_MS
        ? [oldQueue(state, now - oldestRequestAt)]
        : [],
    ),
  ];
}

/** What has to be raised and resolved for the open alerts to be those that are due. */
export function alertChanges(
  due: readonly NewAlert[],
  open: readonly AlertKey[],
): { raise: NewAlert[]; resolve: AlertKey[] } {
  const same = (a: AlertKey) => (b: AlertKey) => a.kind === b.kind && a.subject === b.subject;
  const ruled = open.filter(({ kind }) => RULED_KINDS.some((each) => each === kind));
  return {
    raise: due.filter((alert) => !ruled.some(same(alert))),
    resolve: ruled.filter((alert) => !due.some(same(alert))),
  };
}

const failedRun = ({ id, workflowId, error }: RunState): NewAlert => ({
  kind: 'run-failed',
  subject: workflowId,
  message: `The last run of workflow "${workflowId}" failed: ${error?.message ?? 'no reason is known'}. "reveille why ${id}" says more.`,
});

const failingWake = ({ id, agentId, failedWakes, lastError }: CapsuleState): NewAlert => ({
  kind: 'wake-failing',
  subject: id,
  message: `Capsule ${id} of agent ${agentId} failed to wake ${failedWakes} times in a row: ${lastError ?? 'no reason is known'}. Look at its log on the platform.`,
});

const oldQueue = ({ id, agentId }: CapsuleState, ms: number): NewAlert => ({
  kind: 'queue-old',
  subject: id,
  message: `A step has waited for agent ${agentId} for ${Math.round(ms / 60_000)} min. Raise its concurrency, or see with "reveille why" what it waits for.`,
});
