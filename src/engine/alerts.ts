/** Raises, resolves and acknowledges alerts; tells of each change once: log, ledger, events. */
import {
  alertEntity,
  alertEntry,
  alertText,
  type Alert,
  type AlertChange,
  type AlertKey,
  type AlertStatus,
  type NewAlert,
} from '../domain/alert';
import { raisedMessage, resolvedMessage, type Notification, type OutboxRow } from '../domain/notification';
import type { EngineDeps } from './context';

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'newId' | 'log' | 'events' | 'outbox'>;

/** Where messages to people go; the notifier. Without one, alerts are on record and in the log only. */
export interface Outbox {
  /** The rows that tell a message, to be committed with what it tells of. */
  rows(message: Notification): OutboxRow[];
  /** They are committed. */
  poke(): void;
}

export class Alerts {
  constructor(private readonly deps: Deps) {}

  /**
   * Raises an alert, or counts it while it is open.
   * @param actor who noticed, for the ledger
   * @returns whether it is new
   */
  async raise({ runId, ...alert }: NewAlert, actor: string): Promise<boolean> {
    const { store, clock, newId, log } = this.deps;
    const at = clock.now();
    const message = alertText(alert.message);
    const about = runId === undefined ? {} : { runId };
    const by = { at, actor, reason: message, ...about };
    const entryFor = (was?: AlertStatus) => alertEntry('raised', alert, by, was);
    const id = newId();
    const rows = this.deps.outbox?.rows(raisedMessage({ ...alert, ...about, message }, `alert:${id}`));
    const result = await store.raiseAlert({ ...alert, message, id, at }, entryFor, rows);
    if (result.kind !== 'raised') return false;
    this.deps.outbox?.poke();
    log.warn({ alert: alertEntity(alert), alertId: result.alert.id }, `alert: ${message}`);
    this.tell(result.alert, 'raised');
    return true;
  }

  /** Resolves the open alert of a key. Answers whether there was one. */
  async resolve({ kind, subject }: AlertKey, resolution: string, actor: string): Promise<boolean> {
    const { store, clock, log } = this.deps;
    const at = clock.now();
    const key = { kind, subject };
    const reason = alertText(resolution);
    const entryFor = (was?: AlertStatus) => alertEntry('resolved', key, { at, actor, reason }, was);
    // The alert's own id is not known yet; the commit sees to it that it is resolved, and told, once.
    const told = resolvedMessage({ ...key, resolution: reason }, `resolved:${this.deps.newId()}`);
    const rows = this.deps.outbox?.rows(told);
    const alert = await store.resolveAlert(key, { at, resolution: reason }, entryFor, rows);
    if (!alert) return false;
    this.deps.outbox?.poke();
    log.info({ alert: alertEntity(key), alertId: alert.id }, `alert resolved: ${reason}`);
    this.tell(alert, 'resolved');
    return true;
  }

  /** Notes that somebody has seen it; who came first stays. Undefined when there is no such alert. */
  async acknowledge(id: string, actor: string): Promise<Alert | undefined> {
    const { store, clock } = this.deps;
    const known = await store.alert(id);
    if (!known) return undefined;
    const at = clock.now();
    const by = { at, actor, reason: 'seen' };
    const entryFor = (was?: AlertStatus) => alertEntry('acknowledged', known, by, was);
    const alert = await store.acknowledgeAlert(id, { at, actor }, entryFor);
    if (!alert) return store.alert(id);
    this.tell(alert, 'acknowledged');
    return alert;
  }

  private tell(alert: Alert, change: AlertChange): void {
    this.deps.events.emit('alert', alert, change);
  }
}
