/**
 * The guards as this process knows them, asked right before anything is woken or sent. The commit that records an
 * intent is checked by the record itself; this closes the gap between that commit and the call.
 *
 * How "switched off" is made to hold everywhere without a lock on the way: a call may only begin within
 * PERMIT_MS of the beginning of a read of the record that knew of no switch. Whoever sets a switch commits it and
 * waits longer than that. A call permitted by a read from before the commit has begun by then, or never will: a
 * process that was frozen meanwhile finds its permit over and reads anew. Only then is the switch noted as in
 * force, and its setter answered.
 */
import {
  EXPIRY,
  switchEntry,
  switchText,
  type GuardScope,
  type Switch,
  type SwitchScope,
} from '../domain/guard/switch';
import type { BreakerState } from '../domain/breaker';
import { admitAct, admitBegin, type GuardFacts, type Verdict } from '../guards/admit';
import type { GuardReading } from '../store/switches';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';
import { pause } from './pause';

/** For so long after a read of the record began, what it permitted may begin. */
export const PERMIT_MS = 200;
/** What a setter waits for permits to end; more than a permit, as clocks of two machines tick differently. */
const CLOSING_MS = PERMIT_MS + 50;
/** Switches whose setter died before it noted them as in force are taken up after so long. */
const ABANDONED_MS = 5_000;
/** Reads of the record for one permit: a process that is kept from running may find each of them too old. */
const MAX_READS = 5;

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'log' | 'newId' | 'callbacks'> & {
  environment?: string;
  disabled?: string;
};

export interface NewSwitch {
  scope: SwitchScope;
  /** Empty for the global one. */
  subject: string;
  message: string;
  expiresAt?: number;
}

export class Guards {
  private reading: GuardReading = { switches: [], revokedBefore: 0 };
  /** When the read that gave it began. */
  private readAt = -Infinity;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
    /** The breakers that are not closed, by agent. */
    private readonly breakers: () => ReadonlyMap<string, BreakerState> = () => new Map(),
  ) {}

  /** Which environment this installation is. */
  get environment(): string | undefined {
    return this.deps.environment;
  }

  /** What is known, however old: for what is checked again when it is committed. */
  get facts(): GuardFacts {
    const { disabled } = this.deps;
    const { switches } = this.reading;
    return { switches, breakers: this.breakers(), ...(disabled !== undefined && { disabled }) };
  }

  /** Judges by what is known, however old. */
  known(scope: GuardScope): Verdict {
    return admitAct(this.facts, this.scoped(scope));
  }

  /** Why work that waits may not begin, by what is known, however old. */
  heldBack(scope: GuardScope): string | undefined {
    const verdict = admitBegin(this.facts, this.scoped(scope));
    return verdict.verdict === 'proceed' ? undefined : verdict.reason;
  }

  /** Whether a call may begin; on `proceed`, {@link mayBegin} holds for a moment. @throws when the record is away */
  async permit(scope: GuardScope): Promise<Verdict> {
    for (let read = 0; !this.isFresh() && read < MAX_READS; read += 1) await this.refresh();
    return this.known(scope);
  }

  /** Asked at the last moment before a call goes out. */
  mayBegin(scope: GuardScope): boolean {
    return this.isFresh() && this.known(scope).verdict === 'proceed';
  }

  /** Reads the record, once for all who ask meanwhile. */
  refresh(): Promise<void> {
    this.underWay ??= this.read().finally(() => (this.underWay = undefined));
    return this.underWay;
  }

  /**
   * Turns something off. Resolves once it is in force: from then on nothing that it covers is woken or sent.
   * @param actor who does it, for the ledger
   * @param id the same for the same request: what it set before is answered as it is now
   */
  async set(wanted: NewSwitch, actor: string, id = this.deps.newId()): Promise<Switch> {
    const { store, clock } = this.deps;
    const at = clock.now();
    const added: Switch = { ...wanted, id, owner: actor, createdAt: at };
    await store.addSwitch(added, switchEntry('closing', added, { at, actor }));
    this.forget();
    await pause(clock, CLOSING_MS);
    const confirmed = await this.confirm(added, actor);
    const now = confirmed ?? (await store.switch(id)) ?? added;
    if (now.releasedAt === undefined)
      await this.alerts.raise({ kind: 'switched-off', subject: id, message: `${switchText(now)}.` }, actor);
    return now;
  }

  /** Turns it on again. Undefined when no switch of that id is on. */
  async release(id: string, actor: string, reason?: string): Promise<Switch | undefined> {
    const known = await this.deps.store.switch(id);
    if (!known || known.releasedAt !== undefined) return undefined;
    return this.end(known, 'released', actor, reason);
  }

  /** Releases what has expired, and finishes what its setter could not. */
  async sweep(): Promise<void> {
    await this.refresh();
    const now = this.deps.clock.now();
    for (const s of this.reading.switches) {
      if (s.expiresAt !== undefined && s.expiresAt <= now) await this.end(s, 'expired', EXPIRY);
      else if (s.inForceAt === undefined && s.createdAt + ABANDONED_MS <= now)
        await this.confirm(s, 'engine');
    }
  }

  /** Reads what is committed now: a read that is under way may have begun before. */
  async reread(): Promise<void> {
    this.forget();
    await this.underWay?.catch(() => undefined); // whoever began it is told
    await this.refresh();
  }

  /** Whatever is asked next reads anew. */
  forget(): void {
    this.readAt = -Infinity;
  }

  private confirm(s: Switch, actor: string): Promise<Switch | undefined> {
    const at = this.deps.clock.now();
    return this.deps.store.confirmSwitch(s.id, at, switchEntry('set', s, { at, actor }));
  }

  private async end(
    s: Switch,
    how: 'released' | 'expired',
    actor: string,
    reason?: string,
  ): Promise<Switch | undefined> {
    const { store, clock } = this.deps;
    const at = clock.now();
    const entry = switchEntry(how, s, { at, actor, ...(reason !== undefined && { reason }) });
    const released = await store.releaseSwitch(s.id, { at, actor }, entry);
    this.forget();
    if (released)
      await this.alerts.resolve({ kind: 'switched-off', subject: s.id }, `${how} by ${actor}`, actor);
    return released;
  }

  private async read(): Promise<void> {
    const { store, clock, callbacks } = this.deps;
    const began = clock.now();
    this.reading = await store.guardReading();
    this.readAt = began;
    callbacks.revokeBefore(this.reading.revokedBefore);
  }

  /** A clock that was set back makes nothing fresh. */
  private isFresh(): boolean {
    const age = this.deps.clock.now() - this.readAt;
    return age >= 0 && age <= PERMIT_MS;
  }

  private scoped(scope: GuardScope): GuardScope {
    return { ...scope, environment: this.deps.environment };
  }
}
