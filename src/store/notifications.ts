/** The record's part of messages to people: an outbox that several processes empty, each message once. */
import type { LedgerEntry } from '../domain/ledger';
import type { ChannelName, OutboxRow } from '../domain/notification';
import type { Page } from './store';

export interface ClaimedNotification extends OutboxRow {
  /** This try included. */
  tries: number;
}

export type NotificationOutcome =
  | { kind: 'sent'; at: number }
  | { kind: 'retry'; dueAt: number; error: string }
  /** Given up, with an entry in the ledger. */
  | { kind: 'failed'; at: number; error: string; entry: LedgerEntry };

/** What waits in one channel. */
export interface Backlog {
  channel: string;
  waiting: number;
  oldestAt: number;
  /** Those that were tried and did not arrive yet. */
  tried: number;
}

/** A message and what became of it. */
export interface NotificationRecord extends ClaimedNotification {
  dueAt: number;
  outcome?: 'sent' | 'failed';
  doneAt?: number;
  /** Why the last try failed; without anything secret. */
  error?: string;
}

export interface NotificationStore {
  /** Adds messages; one whose key its channel knows is left out. Answers how many were added. */
  addNotifications(rows: readonly OutboxRow[]): Promise<number>;
  /**
   * Takes messages that are due, oldest first, for this process alone until `until`. Of one thread and channel
   * the first that is not told yet: what comes later waits for it.
   */
  claimNotifications(
    now: number,
    until: number,
    limit: number,
    channels: readonly ChannelName[],
  ): Promise<ClaimedNotification[]>;
  /**
   * Says what became of a try. A retry or a failure of an older try than the last changes nothing.
   * Answers whether it was written.
   */
  settleNotification(id: string, tries: number, outcome: NotificationOutcome): Promise<boolean>;
  /** Of channels where something waits. */
  notificationBacklog(): Promise<Backlog[]>;
  /** Newest first; `waiting`: those that are not done. */
  notifications(
    filter: { waiting?: boolean },
    limit: number,
    cursor?: string,
  ): Promise<Page<NotificationRecord>>;
  /** Removes what was done before. Answers how many. */
  purgeNotifications(before: number, limit: number): Promise<number>;
}
