/** The capsules of an agent: the main one and its spares. */
import type { Agent } from './schema';

export interface AgentCapsule {
  readonly capsuleId: string;
  readonly baseUrl: string;
}

/** The main one first. */
export const capsulesOf = ({ capsuleId, baseUrl, spares = [] }: Agent): AgentCapsule[] => [
  { capsuleId, baseUrl },
  ...spares,
];

/** Where an agent answers on one of its capsules; on the main one unless another of its own is named. */
export const addressOf = (agent: Agent, capsuleId: string | undefined): string =>
  agent.spares?.find((s) => s.capsuleId === capsuleId)?.baseUrl ?? agent.baseUrl;
