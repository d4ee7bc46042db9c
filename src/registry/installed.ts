/** Which of the declared agents and workflows are part of this installation. */
import type { RegistryInput } from './schema';

interface Declared {
  readonly agents: readonly { readonly id: string }[];
  readonly workflows: readonly {
    readonly id: string;
    readonly enabled?: boolean | undefined;
    readonly steps: readonly { readonly agent: string }[];
  }[];
}

/** What is declared but not installed: ids, in the order written. */
export interface LeftOut {
  readonly workflows: readonly string[];
  readonly agents: readonly string[];
}

/**
 * A workflow is left out when it is not enabled, an agent when workflows use it and all of those are
 * left out. An agent that no workflow uses is installed: somebody has just added it.
 */
export function leftOut({ agents, workflows }: Declared): LeftOut {
  const used = (enabled: boolean): Set<string> =>
    new Set(
      workflows
        .filter((workflow) => (workflow.enabled ?? true) === enabled)
        .flatMap(({ steps }) => steps.map(({ agent }) => agent)),
    );
  const [installed, other] = [used(true), used(false)];
  return {
    workflows: workflows.filter(({ enabled }) => enabled === false).map(({ id }) => id),
    agents: agents.map(({ id }) => id).filter((id) => other.has(id) && !installed.has(id)),
  };
}

/** The declaration with one workflow alone, enabled, and the agents it uses. */
export function onlyWorkflow({ agents, workflows }: RegistryInput, id: string): RegistryInput {
  const chosen = workflows.filter((workflow) => workflow.id === id);
  const used = new Set(chosen.flatMap(({ steps }) => steps.map(({ agent }) => agent)));
  return {
    agents: agents.filter((agent) => used.has(agent.id)),
    workflows: chosen.map((workflow) => ({ ...workflow, enabled: true })),
  };
}
