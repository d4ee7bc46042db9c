/** The agents of this installation, and their redeploys. */
import { z } from 'zod';
import type { Agent } from '../../registry';
import type { Build } from '../../platforms/builds';
import type { PlatformError } from '../../platforms/platform';
import type { BuildReading, RedeployResult } from '../../engine/redeploy';
import { Problem } from '../problems';
import { json, route, type Reply } from '../route';
import { idText, shape, pageOf } from '../schema';
import { BuildDetail, buildLink, BuildView, buildView } from '../views/build';
import { AgentView, agentView } from '../views/capsule';

const tag = 'agents';
const agentParams = z.object({ agentId: idText });
const MAX_LOG_LINES = 500;
/** After that the platform has mostly answered whoever is asking it now. */
const ASKING_RETRY_AFTER_SECONDS = 5;

export const listAgents = route({
  method: 'get',
  path: '/agents',
  operationId: 'listAgents',
  tag,
  summary: 'List the agents of this installation',
  access: 'viewer',
  responses: { 200: { description: 'All of them.', schema: shape('AgentPage', () => pageOf(AgentView)) } },
  problems: [],
  handle: async (_input, { registry }) => json({ items: registry.agents.map(agentView), nextCursor: null }),
});

export const redeploy = route({
  method: 'post',
  path: '/agents/:agentId/redeploy',
  operationId: 'redeployAgent',
  tag,
  summary: "Build and deploy the head of an agent's branch",
  description:
    'Asks the platform for one build and answers when it has begun; follow it at the address in Location. ' +
    'Refused while a job is at work on the agent, unless `force` is set: the new version ends it.',
  access: 'operator',
  params: agentParams,
  body: shape('Redeploy', () =>
    z.strictObject({ force: z.boolean().optional().describe('Also while the agent works. Default: false.') }),
  ),
  bodyOptional: true,
  idempotent: true,
  responses: {
    200: { description: 'The same request with the same key was made before: its build.', schema: BuildView },
    202: {
      description: 'The build that has begun.',
      schema: BuildView,
      headers: { Location: 'Path of the build.' },
    },
  },
  problems: [
    'agent-not-found',
    'agent-at-work',
    'build-under-way',
    'idempotency-key-reused',
    'builds-unsupported',
    'platform-refused',
    'build-uncertain',
  ],
  handle: async ({ params, body, idempotencyKey, actor }, { engine }) => {
    const options = {
      actor,
      force: body.force ?? false,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
    return redeployed(params.agentId, await engine.redeploys.start(params.agentId, options));
  },
});

export const listBuilds = route({
  method: 'get',
  path: '/agents/:agentId/builds',
  operationId: 'listBuilds',
  tag,
  summary: "List an agent's builds, newest first, also those a git push started",
  description: 'As many as the platform lists.',
  access: 'viewer',
  params: agentParams,
  responses: { 200: { description: 'The builds.', schema: shape('BuildPage', () => pageOf(BuildView)) } },
  problems: ['agent-not-found', 'builds-unsupported', 'platform-refused'],
  handle: async ({ params: { agentId } }, { engine }) => {
    const { list } = read(await engine.redeploys.list(agentId));
    return json({ items: list.map((build) => buildView(agentId, build)), nextCursor: null });
  },
});

export const getBuild = route({
  method: 'get',
  path: '/agents/:agentId/builds/:buildId',
  operationId: 'getBuild',
  tag,
  summary: 'A build as the platform tells it now',
  access: 'viewer',
  params: agentParams.extend({ buildId: idText }),
  query: z.object({
    logLines: z.coerce
      .number()
      .int()
      .min(0)
      .max(MAX_LOG_LINES)
      .default(0)
      .describe('How many of the last lines it printed come with it.'),
  }),
  responses: { 200: { description: 'The build.', schema: BuildDetail } },
  problems: ['agent-not-found', 'build-not-found', 'builds-unsupported', 'platform-refused'],
  handle: async ({ params: { agentId, buildId }, query: { logLines } }, { engine }) => {
    const { list } = read(await engine.redeploys.list(agentId));
    const build = list.find(({ id }) => id === buildId);
    if (!build) throw new Problem('build-not-found');
    const log = logLines > 0 ? await engine.redeploys.log(build, logLines) : undefined;
    return json({ ...buildView(agentId, build), log: log ?? null });
  },
});

function read(reading: BuildReading): { agent: Agent; list: Build[] } {
  if (reading.kind === 'read') return reading.value;
  if (reading.kind === 'unknown-agent') throw new Problem('agent-not-found');
  if (reading.kind === 'unsupported') throw new Problem('builds-unsupported');
  throw refused(reading.error);
}

/** Messages of drivers name variables and paths, and never hold a secret. */
const refused = (error: PlatformError): Problem =>
  new Problem('platform-refused', { detail: error.message, cause: error });

function redeployed(agentId: string, result: RedeployResult): Reply {
  switch (result.kind) {
    case 'started':
    case 'repeated': {
      const headers = { Location: buildLink(agentId, result.build.id) };
      return json(buildView(agentId, result.build), result.kind === 'started' ? 202 : 200, headers);
    }
    case 'unknown-agent':
      throw new Problem('agent-not-found');
    case 'unsupported':
      throw new Problem('builds-unsupported');
    case 'key-reused':
      throw new Problem('idempotency-key-reused', {
        detail: 'It was used to redeploy with another `force`.',
      });
    case 'at-work':
      throw new Problem('agent-at-work', { detail: `Jobs at work on ${agentId}: ${result.jobs}.` });
    case 'under-way': {
      const { buildId } = result;
      if (buildId !== undefined) {
        throw new Problem('build-under-way', { detail: `It is build ${buildId}.`, extra: { buildId } });
      }
      const detail = 'Another request is asking the platform for a build of this agent right now.';
      throw new Problem('build-under-way', { detail, retryAfterSeconds: ASKING_RETRY_AFTER_SECONDS });
    }
    case 'refused':
      throw refused(result.error);
    case 'uncertain': {
      const { error } = result;
      throw new Problem('build-uncertain', error ? { detail: error.message, cause: error } : {});
    }
  }
}
