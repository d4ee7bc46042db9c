import { loadRegistry, type Registry, type RegistryInput } from '../../../src/registry';

/** Three agents, and the workflow that uses one after the other. */
export const AGENTS = ['alpha', 'beta', 'gamma'];

export const three: RegistryInput['workflows'][number] = {
  id: 'three',
  name: 'Three steps',
  input: { site: 'example' },
  steps: AGENTS.map((agent) => ({ id: `do-${agent}`, agent, timeoutSeconds: 30 })),
};

/** @throws Error with the mistakes */
export function checked(input: RegistryInput): Registry {
  const loaded = loadRegistry(input, {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.registry;
}
