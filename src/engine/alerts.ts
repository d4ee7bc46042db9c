/** Raises, resolves and acknowledges alerts; tells of each change once: log, ledger, events. */
import {
  alertEntity,
  alertEntry,
  alertText,
  type Alert,
  type AlertChange,
  type AlertKey,
  type NewAlert,
} from '../domain/alert';
import type { EngineDeps } from './context';

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'newId' | 'log' | 'events'>;

export class Alerts {
  constructor(private readonly deps: Deps) {}

  /**
   * Raises an alert, or counts it while it is open.
   * @param actor who noticed, for the ledger
   * @returns whether it is new
   */
  async raise(alert: NewAlert, actor: string): Promise<boolean> {
    const { store, clock, newId, log } = this.deps;
    const at = clock.now();
    const message = alertText(alert.message);
    const entry = alertEntry('raised', alert, { at, actor, reason: message });
    const result = await store.raiseAlert({ ...alert, message, id: newId(), at }, entry);
    if (result.kind !== 'raised') return false;
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
    const entry = alertEntry('resolved', key, { at, actor, reason });
    const alert = await store.resolveAlert(key, { at, resolution: reason }, entry);
    if (!alert) return false;
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
    const entry = alertEntry('acknowledged', known, { at, actor, reason: 'seen' });
    const alert = await store.acknowledgeAlert(id, { at, actor }, entry);
    if (!alert) return store.alert(id);
    this.tell(alert, 'acknowledged');
    return alert;
  }

  private tell(alert: Alert, change: AlertChange): void {
    this.deps.events.emit('alert', alert, change);
  }
}
