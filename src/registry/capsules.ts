/** The capsules that an agent may be on: the main one, its spares, and its alternatives. */
import type { Agent } from './schema';

export interface AgentCapsule {
  readonly capsuleId: string;
  readonly baseUrl: string;
}

/** All of them, the main one first. */
export const capsulesOf = (agent: Agent): AgentCapsule[] => [
  ...releaseCapsulesOf(agent),
  ...(agent.alternatives ?? []),
];

/** Those that releases are placed on; an alternative has the release that the registry names, or that of the first. */
export const releaseCapsulesOf = ({ capsuleId, baseUrl, spares = [] }: Agent): AgentCapsule[] => [
  { capsuleId, baseUrl },
  ...spares,
];

/** Where an agent answers on one of its capsules; on the main one unless another of its own is named. */
export const addressOf = (agent: Agent, capsuleId: string | undefined): string =>
  capsulesOf(agent).find((c) => c.capsuleId === capsuleId)?.baseUrl ?? agent.baseUrl;
