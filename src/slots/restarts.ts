/** A crashed live app is started again: after a pause that doubles, a limited number of times. */
import type { Context } from './context';
import { messageOf } from './errors';
import { revive } from './recover';

const MAX_PAUSE_MS = 60_000;
const MAX_RESTARTS = 10;
/** An app that ran this long has not crashed for the reason of the crash before. */
const STEADY_MS = 60_000;

export class Restarts {
  private inRow = 0;
  private last = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  /** @param inTurn runs work when no deployment is under way */
  constructor(
    private readonly ctx: Context,
    private readonly inTurn: (work: () => Promise<void>) => void,
  ) {}

  /** The live app has ended by itself. */
  crashed(): void {
    const { restart_backoff_ms: first } = this.ctx.contract;
    if (first === 0 || this.timer !== undefined) return;
    if (performance.now() - this.last > STEADY_MS) this.inRow = 0;
    if (this.inRow >= MAX_RESTARTS) {
      this.ctx.alerts.tell(`It was restarted ${MAX_RESTARTS} times in a row; deploy or roll back.`);
      return;
    }
    const pause = Math.min(first * 2 ** this.inRow, MAX_PAUSE_MS);
    this.inRow += 1;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.inTurn(() => this.restart());
    }, pause);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private async restart(): Promise<void> {
    const { ctx } = this;
    const { live } = ctx.state.now;
    // A deployment or rollback was quicker.
    if (live === null || ctx.closing || ctx.live?.app.alive) return;
    this.last = performance.now();
    try {
      const booted = await revive(ctx, live);
      ctx.flip(booted);
      await ctx.open();
      this.last = performance.now();
      ctx.alerts.tell(`${live.name} runs again after its crash.`);
      if (!booted.app.alive) ctx.ended(booted, booted.app.end ?? 'ended');
    } catch (error) {
      ctx.log.warn(`${live.name} does not start again: ${messageOf(error)}`);
      this.crashed();
    }
  }
}
