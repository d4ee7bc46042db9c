/** The record's part of alerts: one open alert for each kind and subject, whoever raises it how often. */
import type { Alert, AlertKey, AlertStatus, NewAlert } from '../domain/alert';
import type { LedgerEntry } from '../domain/ledger';
import type { OutboxRow } from '../domain/notification';
import { storableJson } from './json';
import type { Page } from './store';

export interface AlertRaise extends NewAlert {
  /** Of the alert, if it is a new one. */
  id: string;
  at: number;
}

export type RaiseResult =
  /** It is new. */
  | { kind: 'raised'; alert: Alert }
  /** It is open already; it was counted. */
  | { kind: 'counted'; alert: Alert }
  /** It was to be raised once, and was, and is over. */
  | { kind: 'over' };

export interface AlertFilter {
  /** Left out: open and resolved ones. */
  open?: boolean;
}

/** The entry of a change, from how what the alert is about stood before. */
export type AlertEntryFor = (was?: AlertStatus) => LedgerEntry;

export interface AlertStore {
  /**
   * Raises an alert or counts it. The entry, and what people are told, are written with a new one only, in the
   * same transaction.
   */
  raiseAlert(alert: AlertRaise, entryFor: AlertEntryFor, outbox?: readonly OutboxRow[]): Promise<RaiseResult>;
  /** Resolves the open alert of a key, with its entry and what people are told. Undefined when none is open. */
  resolveAlert(
    key: AlertKey,
    resolution: { at: number; resolution: string },
    entryFor: AlertEntryFor,
    outbox?: readonly OutboxRow[],
  ): Promise<Alert | undefined>;
  /** Notes who saw an alert; the first one counts. Undefined when there is no such alert, or somebody has. */
  acknowledgeAlert(
    id: string,
    by: { at: number; actor: string },
    entryFor: AlertEntryFor,
  ): Promise<Alert | undefined>;
  alert(id: string): Promise<Alert | undefined>;
  /** Newest first. */
  alerts(filter: AlertFilter, limit: number, cursor?: string): Promise<Page<Alert>>;
}

/** Text as every store can hold it: alerts quote errors of others. */
export const storableText = (text: string): string => JSON.parse(storableJson(text)) as string;
