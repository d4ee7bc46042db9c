/**
 * Checks of a registry that a schema cannot make: names that must match, be unique or agree. They
 * read a tolerant view of the data, so that a mistake of shape in one place hides none in another.
 */
import { z } from 'zod';
import { permits } from '../domain/release/permissions';
import { closest, validateSchedule, type Problem } from '../domain/schedule';
import { checkNesting, checkSteps, SeenStep, type Names } from './check-steps';
import { checkTriggers, SeenOn } from './check-triggers';
import { leftOut } from './installed';
import { timeoutOf } from './step-schema';
import { urlProblem } from './url';
import { AGENT_VARIABLE_PREFIXES, agentVariables, type Env } from './variables';

const text = z.string().trim().catch('');
const SeenAgent = z
  .looseObject({
    id: text,
    capsuleId: z.string().trim().optional().catch(undefined),
    baseUrl: z.string().trim().optional().catch(undefined),
    uses: z.array(text).catch([]),
    permissions: z.array(z.string().catch('')).catch([]),
    spares: z.array(z.looseObject({ capsuleId: text }).catch({ capsuleId: '' })).catch([]),
    alternatives: z.array(z.looseObject({ capsuleId: text }).catch({ capsuleId: '' })).catch([]),
  })
  .catch({ id: '', uses: [], permissions: [], spares: [], alternatives: [] });
const SeenWorkflow = z
  .looseObject({
    id: text,
    steps: z.array(SeenStep).catch([]),
    onFailure: z.array(SeenStep).catch([]),
    finally: z.array(SeenStep).catch([]),
    schedule: z.unknown().optional(),
    on: SeenOn,
    enabled: z.boolean().optional().catch(undefined),
    timeoutSeconds: z.number().optional().catch(undefined),
  })
  .catch({ id: '', steps: [], onFailure: [], finally: [], schedule: undefined });
const Seen = z.looseObject({
  agents: z.array(SeenAgent).catch([]),
  workflows: z.array(SeenWorkflow).catch([]),
  services: z.array(z.looseObject({ id: text }).catch({ id: '' })).catch([]),
});
type SeenAgent = z.infer<typeof SeenAgent>;
type SeenWorkflow = z.infer<typeof SeenWorkflow>;

/** Every mistake but those of shape. */
export function checkRegistry(input: unknown, env: Env): Problem[] {
  const seen = Seen.safeParse(input);
  if (!seen.success) return [];
  const { agents, workflows, services } = seen.data;
  const agentIds = agents.map((agent) => agent.id).filter((id) => id !== '');
  const workflowIds = workflows.map((workflow) => workflow.id).filter((id) => id !== '');
  const absent = new Set(leftOut(seen.data).agents);
  return [
    ...duplicates(agents, placesOf(agents, 'agents'), 'id', 'agent'),
    ...duplicates(agents, placesOf(agents, 'agents'), 'capsuleId', 'capsule'),
    ...agents.flatMap((agent, i) => checkSpares(agent, `agents[${i}]`, agents)),
    ...agents.flatMap((agent, i) => (absent.has(agent.id) ? [] : checkAgent(agent, `agents[${i}]`, env))),
    ...agents.flatMap((agent, i) => checkPermissions(agent, `agents[${i}].permissions`)),
    ...duplicates(services, placesOf(services, 'services'), 'id', 'service'),
    ...agents.flatMap((agent, i) =>
      checkUses(
        agent,
        `agents[${i}]`,
        services.map((s) => s.id),
      ),
    ),
    ...duplicates(workflows, placesOf(workflows, 'workflows'), 'id', 'workflow'),
    ...workflows.flatMap((workflow, i) =>
      checkWorkflow(workflow, `workflows[${i}]`, { agents: agentIds, workflows: workflowIds }),
    ),
    ...checkNesting(workflows, 'workflows'),
    ...checkTriggers(workflows, 'workflows', env),
  ];
}

/** Where each item of a list stands. */
const placesOf = (items: readonly unknown[], list: string): string[] => items.map((_, i) => `${list}[${i}]`);

function duplicates<K extends string>(
  items: readonly Readonly<Partial<Record<K, unknown>>>[],
  places: readonly string[],
  key: K,
  what: string,
): Problem[] {
  const first = new Map<unknown, number>();
  return items.flatMap((item, i) => {
    const value = item[key];
    const earlier = first.get(value);
    if (value === undefined || value === '') return [];
    if (earlier === undefined) {
      first.set(value, i);
      return [];
    }
    return {
      place: `${places[i]}.${key}`,
      problem: `the ${what} "${String(value)}" is already at ${places[earlier]}`,
      mend: key === 'id' ? 'Give each an id of its own' : 'Give each agent a capsule of its own',
    };
  });
}

/** A capsule that two use is put to sleep by one while the other works on it. */
function checkSpares(agent: SeenAgent, place: string, agents: readonly SeenAgent[]): Problem[] {
  const all = agents.flatMap((a) => [a, ...a.spares, ...a.alternatives].map((c) => c.capsuleId));
  return (['spares', 'alternatives'] as const).flatMap((list) =>
    agent[list].flatMap(({ capsuleId }, i) =>
      capsuleId === '' || all.filter((id) => id === capsuleId).length < 2
        ? []
        : {
            place: `${place}.${list}[${i}].capsuleId`,
            problem: `the capsule "${capsuleId}" is named twice`,
            mend:
              list === 'spares' ? 'Give each spare a capsule of its own' : 'Give each alternative its own',
          },
    ),
  );
}

/** A rule that says nothing is a rule that was meant to say something else. */
function checkPermissions({ permissions }: SeenAgent, place: string): Problem[] {
  return permissions.flatMap((one, i) => {
    const by = permissions.find((other, k) => (other === one ? k < i : other !== '' && permits(other, one)));
    return by === undefined || one === ''
      ? []
      : {
          place: `${place}[${i}]`,
          problem: by === one ? `"${one}" is named twice` : `"${one}" is permitted by "${by}" already`,
          mend: by === one ? 'Name it once' : 'Leave one of the two out',
        };
  });
}

function checkAgent({ id, capsuleId, baseUrl }: SeenAgent, place: string, env: Env): Problem[] {
  const problems: Problem[] = [];
  const variables = agentVariables(id);
  if (capsuleId === '') {
    problems.push({
      place: `${place}.capsuleId`,
      problem: `the agent "${id}" has no capsule`,
      mend: `Set ${variables.capsuleId} to the capsule's id${lookalike(variables.capsuleId, AGENT_VARIABLE_PREFIXES.capsuleId, env)}`,
    });
  }
  if (baseUrl === undefined) return problems;
  const wrong = urlProblem(baseUrl);
  if (wrong) {
    problems.push({
      place: `${place}.baseUrl`,
      problem: `the base URL of the agent "${id}" ${wrong}`,
      mend: `Set ${variables.baseUrl} to the agent's own address, e.g. https://agent.example.com`,
    });
  } else if (env.NODE_ENV === 'production' && !env[variables.baseUrl]?.trim() && isLoopback(baseUrl)) {
    problems.push({
      place: `${place}.baseUrl`,
      problem: `the agent "${id}" would be looked for on this machine`,
      mend: `Set ${variables.baseUrl} to the agent's address${lookalike(variables.baseUrl, AGENT_VARIABLE_PREFIXES.baseUrl, env)}`,
    });
  }
  return problems;
}

/** A variable that is set and looks like the missing one: most likely a slip. */
function lookalike(wanted: string, prefix: string, env: Env): string {
  const set = Object.keys(env).filter(
    (name) => name.startsWith(prefix) && name !== wanted && env[name]?.trim(),
  );
  const name = closest(
    wanted.slice(prefix.length),
    set.map((n) => n.slice(prefix.length)),
  );
  return name === undefined ? '' : ` (${prefix}${name} is set: is that a slip?)`;
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

function checkWorkflow(workflow: SeenWorkflow, place: string, names: Names): Problem[] {
  const { steps, onFailure, schedule, timeoutSeconds } = workflow;
  const all = [...steps, ...onFailure, ...workflow.finally];
  const lists = { steps, onFailure, finally: workflow.finally };
  const places = Object.entries(lists).flatMap(([key, list]) => placesOf(list, `${place}.${key}`));
  return [
    ...duplicates(all, places, 'id', 'step'),
    ...checkSteps(steps, [], `${place}.steps`, names),
    ...checkSteps(onFailure, steps, `${place}.onFailure`, names),
    ...checkSteps(workflow.finally, [...steps, ...onFailure], `${place}.finally`, names),
    ...(schedule === undefined ? [] : checkSchedule(schedule, `${place}.schedule`)),
    ...(timeoutSeconds !== undefined && all.some((step) => timeoutOf(step) > timeoutSeconds)
      ? [
          {
            place: `${place}.timeoutSeconds`,
            problem: 'a step may take longer than the whole run',
            mend: "Raise it, or lower the step's timeoutSeconds",
          },
        ]
      : []),
  ];
}

/** `enabled` is the registry's; the rest is the schedule's. */
function checkSchedule(schedule: unknown, place: string): Problem[] {
  if (typeof schedule !== 'object' || schedule === null) return validateSchedule(schedule, place);
  const { enabled, ...rest } = schedule as Record<string, unknown>;
  const problems = validateSchedule(rest, place);
  if (enabled !== undefined && typeof enabled !== 'boolean') {
    problems.push({
      place: `${place}.enabled`,
      problem: 'is neither true nor false',
      mend: 'Write true or false',
    });
  }
  return problems;
}

function checkUses({ uses }: SeenAgent, place: string, services: readonly string[]): Problem[] {
  return uses.flatMap((id, i) =>
    services.includes(id)
      ? []
      : [
          {
            place: `${place}.uses[${i}]`,
            problem: `there is no service "${id}"`,
            mend: `Declare it in services, e.g. { id: '${id}', perMinute: 60 }, or remove it`,
          },
        ],
  );
}
