/** Wakes a capsule: scale up, then probe until the agent is healthy or the wake's deadline passes. */
import { learnedBootMs, type CapsuleState } from '../domain/capsule';
import { probeInterval } from '../domain/probe';
import { PlatformError } from '../platforms/platform';
import { addressOf } from '../registry/capsules';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import { PERMIT_MS, type Guards } from './guards';
import { pause } from './pause';

/** Pauses between two calls of which nobody knows whether they arrived. */
const FIRST_AGAIN_MS = 2_000;
const LONGEST_AGAIN_MS = 10_000;
/** An answer that says that a capsule is still to be woken is good for so long from the question on. */
const FENCE_MS = 1_000;

export class Waker {
  /** Wakes under way in this process, by capsule. */
  private readonly underWay = new Map<string, number>();
  private stopping = false;
  private halt: () => void = () => undefined;
  private readonly halted = new Promise<void>((resolve) => (this.halt = resolve));

  constructor(
    private readonly deps: EngineDeps,
    private readonly capsules: Capsules,
    private readonly guards: Guards,
  ) {}

  async wake(capsule: CapsuleState): Promise<void> {
    const { id, generation } = capsule;
    if (this.underWay.get(id) === generation) return;
    this.underWay.set(id, generation);
    try {
      // The fence: this wake may have been overtaken since it was decided.
      const current = await this.capsules.load(id);
      if (current?.state.status !== 'waking' || current.state.generation !== generation) return;
      const sent = await this.scaleUp(current.state);
      if (sent === 'no') return;
      await Promise.all([this.probe(current.state), sent === 'unknown' && this.scaleAgain(current.state)]);
    } finally {
      if (this.underWay.get(id) === generation) this.underWay.delete(id);
    }
  }

  /** Whether it is on its way; `unknown`: the call may have arrived although nothing answered it. */
  private async scaleUp(capsule: CapsuleState): Promise<'yes' | 'unknown' | 'no'> {
    const { id, generation } = capsule;
    const sent = await this.send(capsule);
    if (typeof sent === 'string') return sent;
    if (sent.mayHaveApplied) return 'unknown';
    const reason = `${this.deps.platform.name} did not scale up: ${sent.message}`;
    const about = { final: !sent.retryable, outage: sent.kind === 'unavailable' };
    await this.capsules.apply(id, { type: 'wake-failed', generation, reason, ...about });
    return 'no';
  }

  /**
   * In an outage nobody knows whether the call arrived. To set the same number twice does no harm, so it is sent
   * again beside the probing: once the platform answers, nobody waits for the end of a wake that never began.
   */
  private async scaleAgain(capsule: CapsuleState): Promise<void> {
    const { clock } = this.deps;
    const { id, generation, wakeDeadline = 0 } = capsule;
    for (let wait = FIRST_AGAIN_MS; ; wait = Math.min(2 * wait, LONGEST_AGAIN_MS)) {
      await Promise.race([pause(clock, wait), this.halted]);
      if (this.stopping || !this.isWaking(id, generation) || clock.now() >= wakeDeadline) return;
      const sent = await this.send(capsule, () => this.isWakingStill(capsule));
      if (sent === 'yes' || (sent !== 'no' && !sent.retryable)) return;
    }
  }

  /** As the record has it; an answer that is old when it comes, in a process that was frozen, is none. */
  private async isWakingStill({ id, generation }: CapsuleState): Promise<boolean> {
    const askedAt = this.deps.clock.now();
    const state = (await this.capsules.load(id))?.state;
    const age = this.deps.clock.now() - askedAt;
    return state?.status === 'waking' && state.generation === generation && age >= 0 && age <= FENCE_MS;
  }

  /**
   * One call. A guard that came since it was decided has the capsule seen to zero instead.
   * @param fence asked right before it
   */
  private async send(
    { id, generation, agentId }: CapsuleState,
    fence: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<'yes' | 'no' | PlatformError> {
    const { platform, clock, log } = this.deps;
    const scope = { agentId };
    const verdict = await this.guards.permit(scope);
    if (verdict.verdict !== 'proceed') {
      await this.capsules.apply(id, { type: 'held', generation, reason: verdict.reason });
      return 'no';
    }
    if (!(await fence())) return 'no';
    const guarded = this.whilePermitted(scope);
    try {
      await platform.scale(id, 1, guarded.signal);
      await this.capsules.apply(id, { type: 'scaled-up', generation, at: clock.now() });
      return 'yes';
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      log.warn({ capsule: id, generation, err: error }, 'scale-up failed');
      if (!guarded.signal.aborted) return error;
      const reason = 'switched off while it was being woken';
      await this.capsules.apply(id, { type: 'held', generation, reason });
      return 'no';
    } finally {
      guarded.end();
    }
  }

  /** Drivers try again by themselves: their call is ended as soon as a guard comes. */
  private whilePermitted(scope: { agentId: string }): { signal: AbortSignal; end: () => void } {
    const { clock, log } = this.deps;
    const controller = new AbortController();
    let over = false;
    let cancel: () => void = () => undefined;
    const lookLater = (): void => {
      if (!over) cancel = clock.after(PERMIT_MS / 2, () => void look().finally(lookLater));
    };
    const look = async () => {
      try {
        const { verdict } = await this.guards.permit(scope);
        if (verdict !== 'proceed') controller.abort(new Error('switched off'));
      } catch (error) {
        log.warn({ err: error, ...scope }, 'the guards could not be read while a capsule is being woken');
      }
    };
    lookLater();
    const end = () => {
      over = true;
      cancel();
    };
    return { signal: controller.signal, end };
  }

  /** Ends the probing: a boot may take longer than this process has left. Others go on with it. */
  stop(): void {
    this.stopping = true;
    this.halt();
  }

  private async probe(capsule: CapsuleState): Promise<void> {
    const { agents, clock, limits, registry } = this.deps;
    const { id, generation, wakeDeadline = clock.now() } = capsule;
    const baseUrl = addressOf(registry.agent(capsule.agentId), id);
    const startedAt = clock.now();
    const learned = learnedBootMs(capsule, 0.5);
    let renewAt = startedAt + limits.capsuleClaimMs / 2;
    let last = 'nothing answered';
    while (clock.now() < wakeDeadline && !this.stopping) {
      const answer = await agents.health(
        baseUrl,
        Math.min(limits.probeTimeoutMs, wakeDeadline - clock.now()),
      );
      const at = clock.now();
      if (answer.kind === 'healthy' && !(await this.healthy(id, generation, at, answer))) {
        last = 'a replica of an earlier shift still answers';
      } else if (answer.kind !== 'healthy') {
        // A probe that the wake's own deadline cut short tells nothing about the agent.
        if (answer.kind === 'not-ready' || at < wakeDeadline) last = answer.detail;
        if (answer.kind === 'not-ready') await this.capsules.apply(id, { type: 'connected', generation, at });
      }
      if (!this.isWaking(id, generation)) return;
      if (at >= renewAt) {
        await this.capsules.apply(id, { type: 'renew', generation });
        renewAt = at + limits.capsuleClaimMs / 2;
      }
      const wait = Math.min(probeInterval(at - startedAt, learned), Math.max(1, wakeDeadline - at));
      await Promise.race([pause(clock, wait), this.halted]);
    }
    if (this.stopping) {
      await this.capsules.apply(id, { type: 'handed-over', generation });
      return;
    }
    const waited = clock.now() - startedAt;
    const reason = `not healthy within ${waited} ms of the scale-up; the last answer of ${baseUrl}/health: ${last}`;
    await this.capsules.apply(id, { type: 'wake-failed', generation, reason });
  }

  private async healthy(
    id: string,
    generation: number,
    at: number,
    { bootId, release }: { bootId?: string; release?: string },
  ): Promise<boolean> {
    const event = {
      type: 'healthy' as const,
      generation,
      at,
      ...(bootId !== undefined && { bootId }),
      ...(release !== undefined && { release }),
    };
    const { state } = await this.capsules.apply(id, event);
    return state.status === 'awake';
  }

  private isWaking(id: string, generation: number): boolean {
    const state = this.capsules.peek(id);
    return state?.status === 'waking' && state.generation === generation;
  }
}
