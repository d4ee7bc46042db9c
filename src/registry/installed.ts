/** Which of the declared agents and workflows are part of this installation. */
import type { RegistryInput } from './schema';

interface DeclaredStep {
  readonly agent?: string | undefined;
  readonly workflow?: string | undefined;
}

interface DeclaredWorkflow {
  readonly id: string;
  readonly enabled?: boolean | undefined;
  readonly steps: readonly DeclaredStep[];
  readonly onFailure?: readonly DeclaredStep[] | undefined;
  readonly finally?: readonly DeclaredStep[] | undefined;
}

interface Declared {
  readonly agents: readonly { readonly id: string }[];
  readonly workflows: readonly DeclaredWorkflow[];
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
  const off = workflows.filter(({ enabled }) => enabled === false);
  const installed = agentsOf(
    workflows.filter((w) => !off.includes(w)),
    workflows,
  );
  const other = agentsOf(off, workflows);
  return {
    workflows: off.map(({ id }) => id),
    agents: agents.map(({ id }) => id).filter((id) => other.has(id) && !installed.has(id)),
  };
}

/** The declaration with one workflow alone, enabled, with what it runs and the agents it uses. */
export function onlyWorkflow({ agents, workflows }: RegistryInput, id: string): RegistryInput {
  const chosen = withInner(
    workflows.filter((workflow) => workflow.id === id),
    workflows,
  );
  const used = agentsOf(chosen, workflows);
  return {
    agents: agents.filter((agent) => used.has(agent.id)),
    workflows: chosen.map((workflow) => (workflow.id === id ? { ...workflow, enabled: true } : workflow)),
  };
}

const stepsOf = (workflow: DeclaredWorkflow): DeclaredStep[] => [
  ...workflow.steps,
  ...(workflow.onFailure ?? []),
  ...(workflow.finally ?? []),
];

/** Workflows and those they run, at any depth. */
function withInner<W extends DeclaredWorkflow>(some: readonly W[], all: readonly W[]): W[] {
  const found = new Set(some);
  for (const workflow of found) {
    const inner = stepsOf(workflow).map((step) => step.workflow);
    for (const other of all) if (inner.includes(other.id)) found.add(other);
  }
  return all.filter((workflow) => found.has(workflow));
}

const agentsOf = (some: readonly DeclaredWorkflow[], all: readonly DeclaredWorkflow[]): Set<string> =>
  new Set(withInner(some, all).flatMap((w) => stepsOf(w).flatMap(({ agent }) => agent ?? [])));
