/**
 * An emergency stop: a global switch, then what runs is cancelled or drained, callback tokens are revoked, and
 * every capsule is put to sleep and seen at zero. Each step looks at what is, so whoever is alive goes on with it.
 */
import {
  allZero,
  stopEntry,
  type CapsuleStop,
  type EmergencyStop,
  type StopMode,
} from '../domain/guard/emergency-stop';
import { isTerminal } from '../domain/run';
import { PlatformError } from '../platforms/platform';
import type { CapsuleRecord } from '../store/store';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import { derivedId } from './derived-id';
import type { Guards } from './guards';
import { pause } from './pause';
import type { Runs } from './runs';
import type { Sleeper } from './sleep';
import type { Tasks } from './tasks';

/** Between two looks of whoever is at it. */
const LOOK_MS = 250;
/** Nobody looked for so long: the sweeper takes it up. */
const CLAIM_MS = 5_000;
const MAX_DUE = 10;
/** Runs a report names; all of them are stopped. */
const MAX_NAMED = 1_000;
/** One read-back: a platform that hangs must not keep the report. */
const OBSERVE_MS = 5_000;

export interface StopRequest {
  mode: StopMode;
  message: string;
  /** How long what runs may go on; with `drain` only. */
  drainMs: number;
  /** How long the report waits for zero, after that. */
  verifyMs: number;
}

export class EmergencyStops {
  constructor(
    private readonly deps: EngineDeps,
    private readonly guards: Guards,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly sleeper: Sleeper,
    private readonly tasks: Tasks,
  ) {}

  /** Resolves once nothing more is woken or sent; the rest goes on, and {@link EngineDeps.store} tells how far. */
  async begin(
    { mode, message, drainMs, verifyMs }: StopRequest,
    actor: string,
    id = this.deps.newId(),
  ): Promise<EmergencyStop> {
    const { store, clock } = this.deps;
    // The same request again: the stop that it began goes on.
    const known = await store.stop(id);
    if (known) return known.stop;
    const askedAt = clock.now();
    const wanted = { scope: 'global' as const, subject: '', message };
    const off = await this.guards.set(wanted, actor, derivedId('switch of a stop', id));
    const drainUntil = askedAt + (mode === 'drain' ? drainMs : 0);
    const records = await this.capsules.all();
    const stop: EmergencyStop = {
      ...{ id, mode, message, owner: actor, askedAt, switchId: off.id, drainUntil },
      verifyUntil: drainUntil + verifyMs,
      phase: 'stopping',
      dueAt: clock.now() + CLAIM_MS,
      cancelled: [],
      found: (await this.working(records)).slice(0, MAX_NAMED),
      capsules: records.map(({ state: { id, agentId } }) => ({
        ...{ capsuleId: id, agentId, state: 'stopping', running: 'unknown' },
      })),
    };
    await store.addStop(stop, stopEntry('begun', stop, clock.now()));
    const begun = (await store.stop(id))?.stop ?? stop;
    this.tasks.spawn('emergency stop', () => this.follow(begun));
    return begun;
  }

  /** Goes on with what nobody is at. */
  async sweep(): Promise<void> {
    for (const id of await this.deps.store.dueStops(this.deps.clock.now(), MAX_DUE)) await this.step(id);
  }

  private async follow({ id, verifyUntil }: EmergencyStop): Promise<void> {
    while (this.deps.clock.now() <= verifyUntil) {
      if (!(await this.step(id))) return;
      await pause(this.deps.clock, LOOK_MS);
    }
  }

  /** Answers whether there is more to do. */
  private async step(id: string): Promise<boolean> {
    const { store, clock } = this.deps;
    const known = await store.stop(id);
    if (!known || known.stop.phase !== 'stopping') return false;
    const { stop } = known;
    const off = await store.switch(stop.switchId);
    if (off?.releasedAt !== undefined) {
      await this.save({ ...stop, phase: 'released' }, known.version);
      return false;
    }
    const working = await this.working(await this.capsules.all());
    const over = working.length === 0 || clock.now() >= stop.drainUntil;
    const told = over ? await this.tell(known, working) : known;
    // Somebody else is at it, too, and was quicker: what is now is looked at anew.
    if (!told) return true;
    if (over) await this.cancelAll(working, stop);
    const next: EmergencyStop = { ...told.stop, capsules: await this.stopCapsules(stop) };
    const done = over && allZero(next);
    await this.save(done ? { ...next, phase: 'done' } : next, told.version);
    return !done;
  }

  /**
   * Writes down which runs are cancelled, and that tokens are revoked, before either is done: of two who are at it
   * each reports what it does, also when it ends in the middle of it. Undefined when another one was quicker.
   */
  private async tell(
    { stop, version }: { stop: EmergencyStop; version: number },
    working: readonly string[],
  ): Promise<{ stop: EmergencyStop; version: number } | undefined> {
    const cancelled = [...new Set([...stop.cancelled, ...working])].slice(0, MAX_NAMED);
    const isTold = stop.revokedBefore !== undefined && cancelled.length === stop.cancelled.length;
    if (isTold) return { stop, version };
    const next = { ...stop, cancelled, revokedBefore: stop.revokedBefore ?? this.deps.clock.now() + 1 };
    return (await this.save(next, version)) ? { stop: next, version: version + 1 } : undefined;
  }

  /** Answers whether it is saved; not when somebody saved another version meanwhile. */
  private async save(stop: EmergencyStop, version: number): Promise<boolean> {
    const { store, clock } = this.deps;
    const now = clock.now();
    const { dueAt: _, ...rest } = stop;
    const over = stop.phase !== 'stopping';
    const next: EmergencyStop = over ? { ...rest, finishedAt: now } : { ...rest, dueAt: now + CLAIM_MS };
    const before = (await store.stop(stop.id))?.stop;
    const revoked = before?.revokedBefore === undefined && next.revokedBefore !== undefined;
    const action = stop.phase === 'stopping' ? (revoked ? 'revoked' : undefined) : stop.phase;
    const saved = await store.saveStop(next, version, action && stopEntry(action, next, now));
    if (revoked) await this.guards.reread();
    return saved;
  }

  /** Runs that an agent is at work for. */
  private async working(records: readonly CapsuleRecord[]): Promise<string[]> {
    const busy = records.filter(({ activity }) => activity.held > 0);
    const holders = await Promise.all(busy.map(({ state }) => this.deps.store.holders(state.id)));
    return [...new Set(holders.flat().map(({ runId }) => runId))];
  }

  /** A second word ends a run whose last steps would have their turn otherwise. */
  private async cancelAll(runIds: readonly string[], { id, owner, message }: EmergencyStop): Promise<void> {
    const reason = `emergency stop ${id}: ${message}`;
    for (const runId of runIds) {
      const { state } = await this.runs.apply(runId, { type: 'cancel', reason }, { actor: owner });
      if (state && !isTerminal(state.status))
        await this.runs.apply(runId, { type: 'cancel', reason }, { actor: owner });
    }
  }

  private async stopCapsules({ id, capsules: before }: EmergencyStop): Promise<CapsuleStop[]> {
    const records = await this.capsules.all();
    return Promise.all(
      records.map(async (record) => {
        const known = before.find((c) => c.capsuleId === record.state.id);
        if (known?.state === 'zero' && record.state.status === 'asleep') return known;
        return this.stopCapsule(record, `emergency stop ${id}`);
      }),
    );
  }

  private async stopCapsule({ state, activity }: CapsuleRecord, reason: string): Promise<CapsuleStop> {
    const { id, agentId, generation, status } = state;
    const about = { capsuleId: id, agentId };
    if (status === 'waking') await this.capsules.apply(id, { type: 'held', generation, reason });
    if (status === 'awake') {
      if (activity.held > 0) return { ...about, state: 'stopping', running: 'unknown' };
      await this.capsules.apply(id, { type: 'distrust', generation, reason });
    }
    // Where no worker performs, nobody else would scale it down.
    if (status === 'draining' && !this.deps.performing) await this.sleeper.scaleDown(state);
    const seen = await this.look(id);
    if (seen.error !== undefined)
      return { ...about, state: 'unverified', running: 'unknown', error: seen.error };
    const { running, desired } = seen;
    if (status === 'asleep' && running !== 0 && running !== 'unknown')
      await this.capsules.apply(id, { type: 'stray', generation });
    if (status === 'draining' && running === 0 && desired === 0)
      await this.capsules.apply(id, { type: 'observed', generation, running });
    // A platform that does not count replicas: its capsule was recorded as asleep once nobody answered any more.
    const zero = status === 'asleep' && desired === 0 && (running === 0 || running === 'unknown');
    return zero
      ? { ...about, state: 'zero', running: 0, zeroAt: this.deps.clock.now() }
      : { ...about, state: 'stopping', running };
  }

  private async look(id: string) {
    try {
      const seen = await this.deps.platform.observe(id, AbortSignal.timeout(OBSERVE_MS));
      return { ...seen, error: undefined };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return { running: 'unknown' as const, desired: 'unknown' as const, error: error.message };
    }
  }
}
