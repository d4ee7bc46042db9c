/** Awake and yet of no use: finds out whether a capsule's agent works, and ends the shift if it does not. */
import type { CapsuleState } from '../domain/capsule';
import type { RunCommand } from '../domain/decide-run';
import { stepOf } from '../domain/run';
import { addressOf } from '../registry/capsules';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Runs } from './runs';

type Doubt = Extract<RunCommand, { type: 'doubt' }>;

export class Doubter {
  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
  ) {}

  /** A job could not be delivered. The shift ends unless the agent shows that it is alive and at work. */
  async doubt({ capsuleId, generation, cause, reason }: Doubt): Promise<void> {
    const capsule = (await this.capsules.load(capsuleId))?.state;
    if (capsule?.status !== 'awake' || capsule.generation !== generation) return;
    const works = cause === 'busy' ? await this.worksForUs(capsuleId) : await this.isHealthy(capsule);
    if (works) return;
    this.deps.log.warn({ capsule: capsuleId, generation, reason }, 'agent is of no use; its shift ends');
    await this.capsules.apply(capsuleId, { type: 'distrust', generation, reason });
  }

  /** Takes the leases from those who still hold them, then goes on with the scale-down. */
  async evict({ id, generation, status }: CapsuleState, reason: string): Promise<void> {
    for (const { runId, stepId, attempt } of await this.deps.store.holders(id)) {
      await this.runs.apply(runId, { type: 'evicted', stepId, attempt, reason });
    }
    const now = this.capsules.peek(id);
    if (status === 'draining' && now?.generation === generation)
      await this.capsules.apply(id, { type: 'due' });
  }

  /** Busy with a job of ours is work; busy with one that nobody waits for is not. */
  private async worksForUs(capsuleId: string): Promise<boolean> {
    for (const { runId, stepId } of await this.deps.store.holders(capsuleId)) {
      const run = (await this.runs.get(runId))?.state;
      if (run && stepOf(run, stepId)?.status === 'running') return true;
    }
    return false;
  }

  private async isHealthy({ id, agentId, generation, bootId }: CapsuleState): Promise<boolean> {
    const { agents, registry, limits } = this.deps;
    const url = addressOf(registry.agent(agentId), id);
    const answer = await agents.health(url, limits.probeTimeoutMs);
    if (answer.kind !== 'healthy') return false;
    if (answer.bootId !== undefined && answer.bootId !== bootId) {
      await this.capsules.apply(id, { type: 'rebooted', generation, bootId: answer.bootId });
    }
    return true;
  }
}
