/** Puts a capsule to sleep: scale down, then read back until zero replicas are observed. */
import type { CapsuleState } from '../domain/capsule';
import { PlatformError } from '../platforms/platform';
import { addressOf } from '../registry/capsules';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import { pause } from './pause';

/** A platform that cannot count replicas is believed asleep after so many probes that nobody answered. */
const SILENT_PROBES = 3;
const LONGEST_VERIFY_PAUSE_MS = 2_000;
/** What was seen and has not changed is noted again after this. */
const NOTE_AGAIN_MS = 60_000;
/** An answer that says that a capsule is to be scaled down is good for so long from the question on. */
const FENCE_MS = 1_000;
/** Questions in a row whose answers came too late; the sweeper asks again. */
const MAX_STALE = 5;

export class Sleeper {
  private readonly verifying = new Map<string, number>();
  /** What was last noted of each capsule. */
  private readonly noted = new Map<string, { of: string; at: number }>();
  /** When each capsule was last read back with zero replicas. */
  private readonly zeroSeen = new Map<string, number>();

  constructor(
    private readonly deps: EngineDeps,
    private readonly capsules: Capsules,
  ) {}

  async scaleDown(capsule: CapsuleState): Promise<void> {
    const { id, generation } = capsule;
    if (!(await this.scaleToZero(capsule))) return;
    await this.capsules.apply(id, { type: 'scaled-down', generation });
  }

  /** Reads back until zero is seen. Past its claim it stops; the sweeper then takes up again. */
  async verify(capsule: CapsuleState): Promise<void> {
    const { id, generation } = capsule;
    if (this.verifying.get(id) === generation) return;
    this.verifying.set(id, generation);
    const { clock, limits } = this.deps;
    const until = clock.now() + limits.capsuleClaimMs * 0.8;
    let silent = 0;
    let wait = limits.verifyMs;
    try {
      while (clock.now() < until) {
        const { running, desired } = await this.look(id);
        const at = clock.now();
        const uncounted = desired === 0 && running === 'unknown';
        silent = uncounted && (await this.isSilent(capsule)) ? silent + 1 : 0;
        const seen = silent >= SILENT_PROBES ? 0 : running;
        // Zero replicas while more are asked for is a restart under way, not sleep.
        if (desired === 0) await this.capsules.apply(id, { type: 'observed', generation, running: seen });
        await this.note(capsule, running, at);
        if (!(await this.isDraining(capsule))) return;
        // The scale-down was lost on its way.
        if (desired !== 0 && desired !== 'unknown') await this.scaleToZero(capsule);
        await pause(clock, wait);
        wait = Math.min(wait * 1.5, LONGEST_VERIFY_PAUSE_MS);
      }
    } finally {
      this.verifying.delete(id);
    }
  }

  /** The fence of every scale-down: it may have been overtaken since it was decided. */
  private async isDraining({ id, generation }: CapsuleState): Promise<boolean> {
    const current = await this.capsules.load(id);
    const mine = current?.state.status === 'draining' && current.state.generation === generation;
    return mine && current.activity.held === 0;
  }

  /**
   * Sends it while the answer of the fence is fresh: in a process that was frozen between that and the call, the
   * capsule may be awake again for somebody else. Answers whether it was to be sent.
   * A failure is not the end: the read-back tells whether it has to be sent again.
   */
  private async scaleToZero(capsule: CapsuleState): Promise<boolean> {
    const { clock, platform } = this.deps;
    for (let look = 0; look < MAX_STALE; look += 1) {
      const askedAt = clock.now();
      if (!(await this.isDraining(capsule))) return false;
      // The answer came in the turn in which it is sent: nothing but a freeze lies between.
      const age = clock.now() - askedAt;
      if (age < 0 || age > FENCE_MS) continue;
      await this.send(capsule.id, () => platform.scale(capsule.id, 0));
      return true;
    }
    return false;
  }

  private async send(id: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.deps.log.warn({ capsule: id, err: error }, 'scale-down failed; it will be sent again');
    }
  }

  /** Looks for replicas that run although the capsule should be asleep, or stopped although awake. */
  async reconcile(capsule: CapsuleState): Promise<void> {
    const { id, generation, status } = capsule;
    if (status !== 'asleep' && status !== 'awake') return;
    const { running, desired } = await this.look(id);
    const at = this.deps.clock.now();
    if (running === 0) this.zeroSeen.set(id, this.deps.clock.now());
    if (status === 'asleep' && typeof running === 'number' && running > 0) {
      this.deps.log.warn({ capsule: id, running }, 'awake without a reason; put to sleep');
      const foundAt = this.deps.clock.now();
      const { changed } = await this.capsules.apply(id, { type: 'stray', generation });
      if (changed) await this.noteStray(capsule, running, foundAt);
    } else if (status === 'awake' && running === 0 && desired === 0) {
      this.deps.log.warn({ capsule: id }, 'put to sleep by somebody else');
      await this.capsules.apply(id, { type: 'gone', generation });
    }
    await this.note(capsule, running, at);
  }

  /** For the bill: it ran since zero was last seen, as far as this process knows. */
  private async noteStray({ id, agentId }: CapsuleState, replicas: number, foundAt: number): Promise<void> {
    const { store } = this.deps;
    const shift = (await store.shifts({ capsuleId: id }, 1)).items[0];
    const seen = this.zeroSeen.get(id);
    const since = seen === undefined ? foundAt : Math.min(foundAt, Math.max(seen, shift?.zeroAt ?? seen));
    await store.noteStray({ capsuleId: id, agentId, replicas, since, foundAt });
  }

  /**
   * For people, who see by it what drifts; written where it is news, and now and then to show that it is not old.
   * Called after what is decided by the look: to write it first would make the look older.
   * @param at when it was seen
   */
  private async note(
    { id, status, generation }: CapsuleState,
    running: number | 'unknown',
    at: number,
  ): Promise<void> {
    const { store, log } = this.deps;
    const of = `${running} ${status} ${generation}`;
    const known = this.noted.get(id);
    if (known?.of === of && at - known.at < NOTE_AGAIN_MS) return;
    this.noted.set(id, { of, at });
    try {
      await store.noteObserved(id, running === 'unknown' ? null : running, at);
    } catch (error) {
      // What is done about it does not depend on the note; the next look notes it.
      this.noted.delete(id);
      log.warn({ capsule: id, err: error }, 'what the platform runs could not be noted');
    }
  }

  private async look(id: string) {
    try {
      return await this.deps.platform.observe(id);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.deps.log.warn({ capsule: id, err: error }, 'could not be observed');
      return { running: 'unknown' as const, desired: 'unknown' as const };
    }
  }

  private async isSilent({ id, agentId }: CapsuleState): Promise<boolean> {
    const { agents, registry, limits } = this.deps;
    const answer = await agents.health(addressOf(registry.agent(agentId), id), limits.probeTimeoutMs);
    return answer.kind === 'silent';
  }
}
