/** Where an agent with alternatives has its work done, by what is known of its capsules. */
import type { CapsuleState } from '../domain/capsule';
import { chooseCapsule } from '../domain/failover';
import type { FailoverRules, LastPlace, PlacedRelease, WorkPlace } from '../domain/run-events';
import type { Environment } from '../domain/release/environment';
import type { Agent } from '../registry';
import type { EngineDeps } from './context';

interface Known {
  capsule: (id: string) => CapsuleState | undefined;
  environment: (agentId: string) => Environment | undefined;
}

export class Failover implements FailoverRules {
  constructor(
    private readonly deps: Pick<EngineDeps, 'registry' | 'clock'>,
    private readonly known: Known,
  ) {}

  readonly placeFor = (
    agentId: string,
    belongs: PlacedRelease | undefined,
    last: LastPlace | undefined,
  ): WorkPlace | undefined => {
    const agent = this.deps.registry.findAgent(agentId);
    if (!agent?.alternatives) return undefined;
    // A candidate is judged by what it does itself.
    const candidate = this.known.environment(agentId)?.candidate;
    if (belongs !== undefined && belongs.releaseId === candidate) return undefined;
    const first = belongs?.capsuleId ?? agent.capsuleId;
    if (last && this.mayBeAtWork(last)) return this.stay(agent, first, last);
    const all = [first, ...agent.alternatives.map((a) => a.capsuleId)].map((capsuleId) => {
      const unwell = this.known.capsule(capsuleId)?.unwell;
      return { capsuleId, ...(unwell && { unwell }) };
    });
    return withRelease(agent, chooseCapsule(all, this.deps.clock.now()));
  };

  readonly isUnwell = (capsuleId: string): boolean => this.known.capsule(capsuleId)?.unwell !== undefined;

  /**
   * An attempt that ended without its agent's word may be worked on until its shift is over: never are two attempts
   * of one step at work on two capsules.
   */
  private mayBeAtWork({ capsuleId, generation }: LastPlace): boolean {
    const state = this.known.capsule(capsuleId);
    if (!state || state.generation < generation) return true;
    return state.generation === generation && state.status !== 'asleep';
  }

  private stay(agent: Agent, first: string, { capsuleId }: LastPlace): WorkPlace {
    const reason = 'the attempt before may still be at work there';
    const from = capsuleId === first ? {} : { from: { capsuleId: first, reason } };
    return withRelease(agent, { capsuleId, as: 'last-resort', ...from });
  }
}

function withRelease({ alternatives = [] }: Agent, place: WorkPlace): WorkPlace {
  const releaseId = alternatives.find((a) => a.capsuleId === place.capsuleId)?.release;
  return releaseId === undefined ? place : { ...place, releaseId };
}
