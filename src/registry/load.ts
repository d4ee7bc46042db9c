/** From the data of an installation to a checked, frozen registry. */
import { Secret } from '../config/secret';
import { formatPlace, type Problem } from '../domain/schedule';
import { checkRegistry } from './check';
import { leftOut, type LeftOut } from './installed';
import {
  RegistrySchema,
  type Agent,
  type Caps,
  type Registry,
  type RegistryInput,
  type Service,
  type Workflow,
} from './schema';
import { splitSecrets } from './shapes';
import { normalizeUrl } from './url';
import { agentVariables, type Env } from './variables';

export type LoadedRegistry =
  | { readonly ok: true; readonly registry: Registry; readonly leftOut: LeftOut }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks an installation's agents and workflows. Every mistake is listed at once, with its place and
 * its mend. An agent that brings no `secret` takes that of its `CC_AGENT_SECRET_*`. Workflows that are
 * not enabled, and agents that only those use, are left out.
 */
export function loadRegistry(input: RegistryInput, env: Env): LoadedRegistry {
  const given = withSecrets(input, env);
  const parsed = RegistrySchema.safeParse(given);
  const problems = checkRegistry(given, env);
  if (!parsed.success) problems.unshift(...shapeProblems(parsed.error.issues, given));
  if (problems.length > 0 || !parsed.success) return { ok: false, problems };
  const absent = leftOut(parsed.data);
  const agents = parsed.data.agents
    .filter(({ id }) => !absent.agents.includes(id))
    .map(({ secret, ...agent }) => ({
      ...agent,
      baseUrl: normalizeUrl(agent.baseUrl),
      ...(agent.spares && {
        spares: agent.spares.map((s) => ({ ...s, baseUrl: normalizeUrl(s.baseUrl) })),
      }),
      ...(agent.alternatives && {
        alternatives: agent.alternatives.map((a) => ({ ...a, baseUrl: normalizeUrl(a.baseUrl) })),
      }),
      secrets: splitSecrets(secret ?? '').map((key) => new Secret(key)),
    }));
  const workflows = parsed.data.workflows
    .filter(({ enabled }) => enabled)
    .map(({ enabled: _, ...workflow }) => workflow);
  return {
    ok: true,
    registry: withCaps(makeRegistry(agents, workflows, parsed.data.services ?? [], env), parsed.data.caps),
    leftOut: absent,
  };
}

function withSecrets(input: RegistryInput, env: Env): unknown {
  if (!Array.isArray((input as Partial<RegistryInput> | undefined)?.agents)) return input;
  const agents = input.agents.map((agent: Partial<RegistryInput['agents'][number]> | null) => {
    if (typeof agent !== 'object' || agent === null || agent.secret !== undefined) return agent;
    const secret = env[agentVariables(String(agent.id)).secret]?.trim();
    return secret ? { ...agent, secret } : agent;
  });
  return { ...input, agents };
}

interface Issue {
  readonly path: PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly keys?: readonly string[];
}

function shapeProblems(issues: readonly Issue[], given: unknown): Problem[] {
  return issues.filter(notOfSchedule).map((issue) => {
    const { path } = issue;
    const message = issue.message.replace(/^Invalid input: .*received undefined$/, 'is missing');
    const last = path.at(-1);
    if (last === 'secret') {
      const id = String((given as RegistryInput).agents[Number(path[1])]?.id);
      const mend = `Set ${agentVariables(id).secret} to a random value, e.g. from "openssl rand -base64 32"`;
      return { place: formatPlace(path), problem: message, mend };
    }
    if (issue.code === 'unrecognized_keys') {
      return {
        place: formatPlace(path),
        problem: message,
        mend: 'Remove it, or correct its name; docs/configuration.md lists the names',
      };
    }
    return {
      place: formatPlace(path),
      problem: message,
      mend: 'Correct it; docs/configuration.md says what it may be',
    };
  });
}

/** A schedule's own check says the same with better words. */
function notOfSchedule({ path }: Issue): boolean {
  return !(path[0] === 'workflows' && path[2] === 'schedule');
}

const withCaps = (registry: Registry, caps: Caps | undefined): Registry =>
  caps ? Object.freeze({ ...registry, caps: deepFreeze(caps) }) : registry;

function makeRegistry(
  agents: readonly Agent[],
  workflows: readonly Workflow[],
  services: readonly Service[],
  env: Env,
): Registry {
  const agentById = new Map(agents.map((agent) => [agent.id, agent]));
  const workflowById = new Map(workflows.map((workflow) => [workflow.id, workflow]));
  const hookSecrets = new Map(
    workflows.map(({ id, on }) => {
      const variable = on?.webhook?.secret;
      const keys = variable === undefined ? [] : splitSecrets(env[variable] ?? '');
      return [id, keys.map((key) => new Secret(key))];
    }),
  );
  return Object.freeze<Registry>({
    agents: deepFreeze(agents),
    workflows: deepFreeze(workflows),
    services: deepFreeze(services),
    agent: (id) => known(agentById.get(id), 'agent', id),
    workflow: (id) => known(workflowById.get(id), 'workflow', id),
    findAgent: (id) => agentById.get(id),
    findWorkflow: (id) => workflowById.get(id),
    hookSecrets: (id) => hookSecrets.get(id) ?? [],
  });
}

function known<T>(found: T | undefined, what: string, id: string): T {
  if (found === undefined) throw new RangeError(`the registry has no ${what} "${id}"`);
  return found;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
