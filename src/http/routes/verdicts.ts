/** The validation pipeline: what its stages came to, told by whoever has the agent's folder. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { MAX_PART_BYTES, sha256, Sha256 } from '../../domain/release/manifest';
import { holdsSecret } from '../../domain/release/static-check';
import { IsolatedReplay } from '../../domain/rollout/isolated-replay';
import { boundsOf } from '../../domain/release/permissions';
import { usesOf, type AgentUse } from '../../domain/release/uses';
import {
  latestOf,
  REPORTED_STAGES,
  type AgentSchemas,
  type StageVerdict,
} from '../../domain/release/validation';
import { VERDICTS } from '../../domain/rollout/verdict';
import { planFor } from '../../registry';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, jsonObject, name, shape } from '../schema';
import {
  AgentUsesView,
  agentUsesView,
  ProfileBody,
  SchemasBody,
  VerdictView,
  verdictView,
} from '../views/verdict';

const tag = 'releases';
const params = z.object({ releaseId: Sha256 });
/** Verdicts of one release that are looked at. */
const MAX_VERDICTS = 200;

export const reportVerdict = route({
  method: 'post',
  path: '/releases/:releaseId/verdicts',
  operationId: 'reportVerdict',
  tag,
  summary: 'Tell what a stage of the validation pipeline came to',
  description:
    'As `reveille release validate` and `reveille release replay` do, where the folder of the agent is. The newest verdict of a stage counts. `report` is kept under its hash as evidence.',
  access: 'operator',
  params,
  body: shape('ReportVerdict', () =>
    z.strictObject({
      stage: z.enum(REPORTED_STAGES),
      verdict: z.enum(VERDICTS),
      reason: z.string().trim().min(1).max(4_000),
      durationMs: z.number().min(0),
      report: jsonObject.describe('What it rests on.'),
      profile: ProfileBody.optional(),
      schemas: SchemasBody.optional(),
    }),
  ),
  bodyLimit: 'webhook',
  responses: { 200: { description: 'It is on record.', schema: VerdictView } },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId }, body, actor }, deps) => {
    const { store, clock } = deps;
    await known(releaseId, deps);
    const { stage, verdict, reason, durationMs, report, profile, schemas } = body;
    if (stage === 'replay') await replayOf(report, deps);
    const content = Buffer.from(JSON.stringify({ stage, verdict, reason, report }));
    if (content.length > MAX_PART_BYTES) refuse('report', `is over ${MAX_PART_BYTES} bytes`);
    if (holdsSecret(content.toString('utf8'))) refuse('report', 'holds what looks like a key: take it out');
    const kept: StageVerdict = {
      ...{ id: randomUUID(), releaseId, stage, verdict, reason, durationMs, at: clock.now(), by: actor },
      evidence: sha256(content),
      ...(profile && { profile }),
      ...(schemas && { schemas: schemas as AgentSchemas }),
    };
    await store.addVerdict(kept, content, (was) => ({
      ...{ at: kept.at, actor, action: 'release.judged', entity: 'release', id: releaseId, reason },
      set: { [stage]: verdict },
      ...(was && { was: { [stage]: was } }),
    }));
    deps.metrics.observeValidation(kept);
    return json(verdictView(kept));
  },
});

export const listVerdicts = route({
  method: 'get',
  path: '/releases/:releaseId/verdicts',
  operationId: 'listVerdicts',
  tag,
  summary: 'What the stages of the validation pipeline came to, newest first',
  access: 'viewer',
  params,
  responses: {
    200: {
      description: `The last ${MAX_VERDICTS}.`,
      schema: shape('ReleaseVerdictList', () => z.object({ items: z.array(VerdictView) })),
    },
  },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId } }, deps) => {
    await known(releaseId, deps);
    return json({ items: (await deps.store.verdictsOf(releaseId, MAX_VERDICTS)).map(verdictView) });
  },
});

export const getVerdictEvidence = route({
  method: 'get',
  path: '/releases/:releaseId/evidence/:sha256',
  operationId: 'getVerdictEvidence',
  tag,
  summary: 'What a verdict of the validation pipeline rests on',
  access: 'viewer',
  params: params.extend({ sha256: Sha256 }),
  responses: { 200: { description: 'As it was told.', schema: name('VerdictEvidence', jsonObject) } },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId, sha256: hash } }, { store }) => {
    const verdicts = await store.verdictsOf(releaseId, MAX_VERDICTS);
    const content = verdicts.some((v) => v.evidence === hash) ? await store.releasePart(hash) : undefined;
    if (!content)
      throw new Problem('release-not-found', {
        detail: `No verdict of ${releaseId} rests on ${hash}: GET /releases/${releaseId}/verdicts lists them.`,
      });
    return json(JSON.parse(content.toString('utf8')) as Record<string, unknown>);
  },
});

export const getAgentUses = route({
  method: 'get',
  path: '/agents/:agentId/uses',
  operationId: 'getAgentUses',
  tag,
  summary: 'How the workflows use an agent: what they give it, and what they read of what it gives',
  access: 'viewer',
  params: z.object({ agentId: idText }),
  responses: { 200: { description: 'By workflow and step.', schema: AgentUsesView } },
  problems: ['agent-not-found'],
  handle: async ({ params: { agentId } }, deps) => {
    const { registry } = deps;
    if (!registry.findAgent(agentId))
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    const all = registry.workflows.flatMap((workflow) =>
      usesOf({
        ...{ id: workflow.id, input: workflow.input, plan: planFor(workflow, registry) },
        isScheduled: workflow.schedule?.enabled ?? false,
        isTriggered: workflow.on !== undefined,
      }),
    );
    const concerned = (use: AgentUse) =>
      use.agentId === agentId || use.after.some((a) => a.agentId === agentId);
    const uses = all.filter(concerned);
    const env = await deps.engine.releases.load(agentId, deps.engine.releases.environment);
    const bounds = boundsOf(registry.findAgent(agentId), env);
    return json(agentUsesView(uses, await schemasOf(uses, deps), bounds));
  },
});

/** What is known of the agents in question: told when their stable releases were validated. */
async function schemasOf(uses: readonly AgentUse[], { store, engine }: AppDeps) {
  const ids = uses.flatMap((u) => [u.agentId, ...u.after.flatMap((a) => a.agentId ?? [])]);
  const found = new Map<string, AgentSchemas>();
  for (const id of new Set(ids)) {
    const stable = (await store.environment(id, engine.releases.environment))?.stable;
    if (stable === undefined) continue;
    const schemas = latestOf(await store.verdictsOf(stable, MAX_VERDICTS)).get('contract')?.schemas;
    if (schemas) found.set(id, schemas);
  }
  return found;
}

/** A replay is judged by whose tasks they were, and by what was asked for. */
async function replayOf(report: unknown, { store }: AppDeps): Promise<void> {
  const read = IsolatedReplay.safeParse(report);
  if (!read.success) return refuse('report', `is that of no replay: ${z.prettifyError(read.error)}`);
  if (!(await store.release(read.data.against)))
    refuse('report.against', `there is no release ${read.data.against}`);
}

async function known(id: string, { store }: AppDeps): Promise<void> {
  if (!(await store.release(id)))
    throw new Problem('release-not-found', { detail: `There is no release ${id}.` });
}

function refuse(field: string, message: string): never {
  const at = `body.${field}`;
  throw new Problem('invalid-request', { detail: `${at}: ${message}`, errors: [{ field: at, message }] });
}
