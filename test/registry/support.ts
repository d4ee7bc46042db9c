/** A registry to load: one agent, one workflow, and what either may be changed to. */
import {
  loadRegistry,
  registry,
  type AgentInput,
  type Env,
  type Registry,
  type RegistryInput,
  type WorkflowInput,
} from '../../src/registry';

export const CAPSULES = {
  CC_CAPSULE_ID_SITE_CRAWLER: 'capsule-1',
  CC_CAPSULE_ID_SEO_ANALYSER: 'capsule-2',
  CC_CAPSULE_ID_REPORT_NOTIFIER: 'capsule-3',
};
export const WEEKLY = {
  CC_CAPSULE_ID_GSC_FETCHER: 'capsule-4',
  CC_CAPSULE_ID_KEYWORD_CLUSTERER: 'capsule-5',
  CC_CAPSULE_ID_SLACK_NOTIFIER: 'capsule-6',
};

export const agent = (over: Partial<AgentInput> = {}): AgentInput => ({
  id: 'one',
  name: 'One',
  capsuleId: `capsule-of-${over.id ?? 'one'}`,
  baseUrl: 'http://localhost:3001',
  ...over,
});
export const workflow = (over: Partial<WorkflowInput> = {}): WorkflowInput => ({
  id: 'flow',
  name: 'Flow',
  steps: [{ id: 'first', agent: 'one' }],
  ...over,
});

export function load(input: RegistryInput, env = {}): Registry {
  const loaded = loadRegistry(input, env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 1));
  return loaded.registry;
}

/** `place: problem. mend` of each problem. */
export function problemsOf(input: unknown, env = {}): string[] {
  const loaded = loadRegistry(input as RegistryInput, env);
  return loaded.ok ? [] : loaded.problems.map((p) => `${p.place}: ${p.problem}. ${p.mend}`);
}

/** This installation with the workflows it came with; those that were added since are their owner's to test. */
export function shipped(env: Env): RegistryInput {
  const { agents, workflows } = registry(env);
  const known = workflows.filter(({ id }) => ['site-audit', 'seo-audit-weekly'].includes(id));
  const used = new Set(known.flatMap(({ steps }) => steps.map(({ agent }) => agent)));
  return { agents: agents.filter(({ id }) => used.has(id)), workflows: known };
}
