/** One deployment or rollback: its stages, each written down before it begins, and its record. */
import type { Booted } from './booted';
import type { Context } from './context';
import type { DeployRecord } from './deploy-log';
import { messageOf, StageError, type Stage } from './errors';
import type { Finding } from './gate';
import type { Intent } from './state';

const round = (ms: number): number => Math.round(ms * 100) / 100;

export class Attempt {
  commit = '';
  slotName = '';
  branch: string | undefined;
  gate: readonly Finding[] | undefined;
  health: string | undefined;
  /** Not live yet: ended when the attempt fails. */
  next: Booted | undefined;
  readonly timings: Record<string, number> = {};
  private current: Stage = 'resolve';
  private readonly startedAt = new Date();

  constructor(
    private readonly ctx: Context,
    readonly kind: Intent['kind'],
    readonly trigger: string,
    readonly previousCommit: string,
  ) {}

  get stageName(): Stage {
    return this.current;
  }

  /** Runs a stage, written down before it begins; what it throws becomes an error of that stage. */
  async stage<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    this.enter(stage);
    await this.ctx.state.set({ intent: this.intent() });
    return this.perform(stage, work);
  }

  /** As {@link stage}, but written down beside it: for what leaves nothing behind when the controller ends. */
  async stageAtOnce<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    this.enter(stage);
    this.ctx.inBackground('write down what is under way', this.ctx.state.set({ intent: this.intent() }));
    return this.perform(stage, work);
  }

  private enter(stage: Stage): void {
    this.current = stage;
    if (this.ctx.closing) throw new StageError(stage, 'The controller is being stopped.', 503);
  }

  private async perform<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    await this.ctx.hooks.stage?.(stage);
    const start = performance.now();
    try {
      return await work();
    } catch (error) {
      throw error instanceof StageError
        ? error
        : new StageError(stage, messageOf(error), 500, { cause: error });
    } finally {
      this.timings[stage] = round(performance.now() - start);
    }
  }

  time(name: string, ms: number): void {
    // The flip takes microseconds.
    this.timings[name] = Math.round(ms * 10_000) / 10_000;
  }

  /** Writes the outcome into the deploy log and takes the intent back. */
  async conclude(outcome: DeployRecord['outcome'], error?: StageError): Promise<void> {
    this.timings['total'] = round(Date.now() - this.startedAt.getTime());
    await this.ctx.deployLog.append({
      at: this.startedAt.toISOString(),
      kind: this.kind,
      outcome,
      commit: this.commit,
      previous_commit: this.previousCommit,
      slot: this.slotName,
      ...(this.branch !== undefined && { branch: this.branch }),
      trigger: this.trigger,
      ...(error && { stage: error.stage, error: error.message }),
      ...(this.gate && { gate: this.gate }),
      ...(this.health !== undefined && { health: this.health }),
      timings: this.timings,
    });
    await this.ctx.state.set({ intent: null });
  }

  private intent(): Intent {
    return {
      kind: this.kind,
      stage: this.current,
      commit: this.commit,
      slot: this.slotName,
      trigger: this.trigger,
      started_at: this.startedAt.toISOString(),
    };
  }
}
