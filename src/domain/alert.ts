/** Alerts: what a person should know of, said once while it lasts, with what to do about it. */
import type { LedgerEntry } from './ledger';
import type { Severity } from './notification';

export const ALERT_KINDS = {
  'missed-tick': 'a scheduled time was not decided in time',
  'schedule-lost': 'the queue does not know a schedule of the registry',
  'watchdog-late': 'the watchdog itself ran late, or its clock was set',
  stray: 'replicas ran although their capsule should have been asleep',
  'checkpoint-failing': 'signed checkpoints of the ledger cannot be put where they are kept',
  'ledger-tampered': 'the ledger is not what was signed before',
  'run-failed': 'the last run of a workflow failed',
  'wake-failing': 'a capsule failed to wake several times in a row',
  'queue-old': 'a step has waited too long for its agent',
  'error-rate': 'more than half of the last runs of a workflow failed',
  'awake-idle': 'a capsule is awake although nobody works on it',
  'build-failed': 'a build that was asked for failed, or never ended',
  'store-away': 'the record did not answer for a while',
  'queue-away': 'the queue does not answer',
  'platform-away': 'the platform does not answer, or refuses its credentials',
  'channel-down': 'messages to people do not arrive',
  'agent-incident': 'an agent did what it should not have done, or should have asked for',
  'switched-off': 'somebody switched something off',
  'breaker-open': 'an agent is given no more work, as too much of it went wrong',
  'budget-near': 'four fifths of a budget or a cap are used',
  'budget-reached': 'a budget holds further steps',
  'cap-reached': 'a cap on actions holds further steps',
  'rollout-paused': 'a rollout could not tell whether its release is good enough: a person decides',
  'rollout-aborted': 'a release was found wanting, or taken back, and the one before works again',
  overspent: 'a result tells of spending that nobody allowed, or that nobody can mean',
} as const;
export type AlertKind = keyof typeof ALERT_KINDS;

/** How grave each kind is, for the rules that say who is told where. Others are warnings. */
const GRAVITY: { readonly [kind in AlertKind]?: Severity } = {
  'missed-tick': 'error',
  'run-failed': 'error',
  'wake-failing': 'error',
  'error-rate': 'error',
  stray: 'error',
  'store-away': 'error',
  'platform-away': 'error',
  'breaker-open': 'error',
  'agent-incident': 'critical',
  'budget-reached': 'error',
  'cap-reached': 'error',
  overspent: 'error',
  'rollout-aborted': 'error',
};

export const severityOf = (kind: AlertKind): Severity => GRAVITY[kind] ?? 'warning';

/** Longer texts are cut: an alert is read on a telephone. */
export const MAX_ALERT_TEXT = 1_000;

/** Names what an alert is about. While one is open, the same again is counted and not raised anew. */
export interface AlertKey {
  kind: AlertKind;
  /** Which one of its kind: a workflow's id, a capsule's id. */
  subject: string;
}

export interface NewAlert extends AlertKey {
  /** What is wrong and what to do, in sentences. */
  message: string;
  /** True for what happens once only: also a resolved alert about it keeps it from being raised again. */
  once?: boolean;
  /** The run that brought it about, if it was one: for the ledger and for people. */
  runId?: string;
}

export interface Alert extends AlertKey {
  id: string;
  message: string;
  raisedAt: number;
  lastSeenAt: number;
  /** How often it was seen while open. */
  count: number;
  resolvedAt?: number;
  /** What ended it. */
  resolution?: string;
  acknowledgedAt?: number;
  /** Who saw it, as the ledger names them. */
  acknowledgedBy?: string;
}

/** What happened to an alert: told to people, written to the ledger. */
export type AlertChange = 'raised' | 'resolved' | 'acknowledged';

/** One entity for each thing that alerts are about: its entries tell whether it is in trouble. */
export const alertEntity = ({ kind, subject }: AlertKey): string => `${kind}:${subject}`;

const STATUS = { raised: 'open', resolved: 'resolved', acknowledged: 'acknowledged' } as const;
/** How an alert stands, as its entries tell it. */
export type AlertStatus = (typeof STATUS)[AlertChange];

export const alertStatus = ({ resolvedAt, acknowledgedAt }: Alert): AlertStatus =>
  resolvedAt !== undefined ? 'resolved' : acknowledgedAt !== undefined ? 'acknowledged' : 'open';

/** @param was how what it is about stood before, where it was told of at all */
export function alertEntry(
  change: AlertChange,
  key: AlertKey,
  { at, actor, reason, runId }: Pick<LedgerEntry, 'at' | 'actor' | 'runId'> & { reason: string },
  was?: AlertStatus,
): LedgerEntry {
  return {
    at,
    actor,
    action: `alert.${change}`,
    entity: 'alert',
    id: alertEntity(key),
    set: { status: STATUS[change] },
    ...(was && { was: { status: was } }),
    reason,
    ...(runId !== undefined && { runId }),
  };
}

/** One line, as short as a person needs it. */
export const alertText = (text: string): string =>
  text.length <= MAX_ALERT_TEXT ? text : `${text.slice(0, MAX_ALERT_TEXT - 1)}…`;
