/** Those who work with the installation while it is attacked: time passes, agents get their jobs, holds are lifted. */
import { tellJob, type World } from './world';
import type { Scene } from './scene';

/** How far the clock goes each millisecond or so. */
const TICK_MS = 100;
/** So often somebody puts right what others have turned off: what is held for ever tells nothing new. */
const LIFT_TICKS = 200;
/** Tokens of so many jobs are looked for in everything that is said. */
const MAX_TOKENS = 20;

export class People {
  private readonly timer: NodeJS.Timeout;
  private ticks = 0;
  private jobs = 0;

  constructor(
    private readonly scene: Scene,
    private readonly world: World,
  ) {
    this.timer = setInterval(() => void this.tick(), 1);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    const { api } = this.world;
    this.ticks += 1;
    api.clock.advance(TICK_MS);
    if (this.ticks % LIFT_TICKS === 0) await this.lift();
    if (api.cloud.jobsWaiting === 0) return;
    const job = await api.cloud.nextJob();
    tellJob(this.scene, job);
    this.jobs += 1;
    if (this.jobs <= MAX_TOKENS)
      this.world.made.add(new URL(job.config.webhookUrl).searchParams.get('token') ?? '');
  }

  private async lift(): Promise<void> {
    const { engine, store } = this.world.api;
    for (const { id } of (await store.switches({ on: true }, 50)).items)
      await engine.guards.release(id, 'test', 'go on');
  }
}
