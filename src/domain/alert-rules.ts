/** What of the record is worth an alert. Pure: from what is, to which alerts should be open. */
import type { AlertKey, AlertKind, NewAlert } from './alert';
import type { CapsuleState } from './capsule';
import type { RunState } from './run';

/** Wakes that failed in a row. */
const FAILED_WAKES = 2;
/** How long the first in line may wait for its agent. */
export const OLD_QUEUE_MS = 15 * 60_000;

/** Runs of a workflow that have to be over before their share of failures says anything. */
const MIN_ENDED = 5;
/** How much longer than its linger a capsule may be awake without work: tries to put it to sleep included. */
export const IDLE_GRACE_MS = 2 * 60_000;

/** The kinds that these rules open and close. */
export const RULED_KINDS = [
  'run-failed',
  'wake-failing',
  'queue-old',
  'error-rate',
  'awake-idle',
] as const satisfies readonly AlertKind[];

export interface Watched {
  capsules: ReadonlyArray<WatchedCapsule>;
  /** The last run of each workflow that succeeded or failed. */
  lastRuns: readonly RunState[];
  /** Of each workflow, how its last few runs that succeeded or failed ended. */
  outcomes?: ReadonlyArray<{ workflowId: string; ended: number; failed: number }>;
}

export interface WatchedCapsule {
  state: CapsuleState;
  oldestRequestAt?: number | undefined;
  /** Since when nobody holds a lease. */
  idleSince?: number | undefined;
  /** How long it may stay awake without one. */
  lingerMs?: number | undefined;
}

/** The alerts that should be open now. */
export function dueAlerts({ capsules, lastRuns, outcomes = [] }: Watched, now: number): NewAlert[] {
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
    ...outcomes.filter(({ ended, failed }) => ended >= MIN_ENDED && failed * 2 > ended).map(failingOften),
    ...capsules.flatMap((capsule) => idleAlert(capsule, now)),
  ];
}

/** Awake, or not to be put to sleep, long after its linger and without anything that it is kept awake for. */
function idleAlert({ state, idleSince, lingerMs = 0 }: WatchedCapsule, now: number): NewAlert[] {
  const isUp = state.status === 'awake' || state.status === 'draining';
  const isWarm = state.warm?.some(({ until }) => until > now) ?? false;
  if (!isUp || isWarm || idleSince === undefined || now - idleSince <= lingerMs + IDLE_GRACE_MS) return [];
  const minutes = Math.round((now - idleSince) / 60_000);
  return [
    {
      kind: 'awake-idle',
      subject: state.id,
      message: `Capsule ${state.id} of agent ${state.agentId} is awake, and nobody has worked on it for ${minutes} min: it is billed for nothing. Scale it to zero on the platform, and see in the log why that fails from here.`,
    },
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
  runId: id,
  message: `The last run of workflow "${workflowId}" failed: ${error?.message ?? 'no reason is known'}. "reveille why ${id}" says more.`,
});

const failingOften = ({
  workflowId,
  ended,
  failed,
}: {
  workflowId: string;
  ended: number;
  failed: number;
}): NewAlert => ({
  kind: 'error-rate',
  subject: workflowId,
  message: `${failed} of the last ${ended} runs of workflow "${workflowId}" failed. "reveille runs --workflow ${workflowId} --status failed" lists them.`,
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
