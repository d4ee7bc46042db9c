/** The record's part of the guards: switches, and emergency stops. */
import type { EmergencyStop } from '../domain/guard/emergency-stop';
import type { Switch } from '../domain/guard/switch';
import type { LedgerEntry } from '../domain/ledger';
import type { Page } from './store';

/** What is looked at before anything is woken or sent, read at once. */
export interface GuardReading {
  /** The switches that are on, first set first. */
  switches: Switch[];
  /** Callback tokens issued before that are no longer taken; 0 for none. */
  revokedBefore: number;
}

export interface SwitchStore {
  guardReading(): Promise<GuardReading>;
  /**
   * Turns something off, with its entry: no commit after this one admits what it covers. One of that id that is
   * there already stays as it is.
   */
  addSwitch(added: Switch, entry: LedgerEntry): Promise<void>;
  /** Notes that it is in force, once. Undefined when it was noted before, or it is released. */
  confirmSwitch(id: string, at: number, entry: LedgerEntry): Promise<Switch | undefined>;
  /** Releases a switch, once. Undefined when there is none of that id, or it is released already. */
  releaseSwitch(
    id: string,
    by: { at: number; actor: string },
    entry: LedgerEntry,
  ): Promise<Switch | undefined>;
  switch(id: string): Promise<Switch | undefined>;
  /** Newest first; `on` left out: those that are released, too. */
  switches(filter: { on?: boolean }, limit: number, cursor?: string): Promise<Page<Switch>>;

  addStop(stop: EmergencyStop, entry: LedgerEntry): Promise<void>;
  stop(id: string): Promise<{ stop: EmergencyStop; version: number } | undefined>;
  /** Writes how far it has come, unless somebody else did since `version` was read. Answers whether it was written. */
  saveStop(stop: EmergencyStop, version: number, entry?: LedgerEntry): Promise<boolean>;
  /** Those that nobody is at and that are not finished. */
  dueStops(now: number, limit: number): Promise<string[]>;
}
