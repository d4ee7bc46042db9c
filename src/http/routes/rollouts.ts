/** The deployment API: moving the pointers, by strategies, and back. */
import { z } from 'zod';
import { Sha256 } from '../../domain/release/manifest';
import { isRolloutOver, type Rollout, type RolloutEvent } from '../../domain/rollout/rollout';
import { parseStrategy } from '../../domain/rollout/parse-strategy';
import type { Strategy, StrategyName } from '../../domain/rollout/strategy';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, jsonObject, name, pageOf, pageQuery } from '../schema';
import { RolloutView, rolloutView } from '../views/release';
import { switchMessage } from './switches';

const tag = 'releases';
const params = z.object({ rolloutId: z.guid().toLowerCase() });
const reason = switchMessage.optional().describe('For the ledger.');
const wish = {
  agentId: idText,
  environment: idText.optional().describe('Left out: the one this installation works by.'),
  releaseId: Sha256,
  reason,
};
const one = { 200: { description: 'As it stands now.', schema: RolloutView } };
const begun = {
  200: { description: 'It is under way; the same again answers the one there is.', schema: RolloutView },
};
const problems = ['agent-not-found', 'release-not-found', 'rollout-refused'] as const;

/** As people write it in YAML or JSON. */
const deployment = jsonObject.describe(
  '`{ strategy, stages, rollback_on, duration, compare }`, as docs/releases.md writes them; left out: the defaults.',
);

export const deployAgent = route({
  method: 'post',
  path: '/deployments',
  operationId: 'deployAgent',
  tag,
  summary: 'Deploy a release',
  description: 'Directly, or by the strategy that is given.',
  access: 'operator',
  body: name('DeployAgent', z.strictObject({ ...wish, deployment: deployment.optional() })),
  responses: begun,
  problems: [...problems],
  handle: async ({ body, actor }, deps) => begin(body, 'direct', actor, deps),
});

export const createCanaryDeployment = route({
  method: 'post',
  path: '/deployments/canary',
  operationId: 'createCanaryDeployment',
  tag,
  summary: 'Give a release a rising share of the work, and all of it when it is good enough',
  access: 'operator',
  body: name('CreateCanaryDeployment', z.strictObject({ ...wish, deployment: deployment.optional() })),
  responses: begun,
  problems: [...problems],
  handle: async ({ body, actor }, deps) => begin(body, 'canary', actor, deps),
});

export const createShadowDeployment = route({
  method: 'post',
  path: '/deployments/shadow',
  operationId: 'createShadowDeployment',
  tag,
  summary: 'Have a release do copies of the work without effect, and compare',
  access: 'operator',
  body: name('CreateShadowDeployment', z.strictObject({ ...wish, deployment: deployment.optional() })),
  responses: begun,
  problems: [...problems],
  handle: async ({ body, actor }, deps) => begin(body, 'shadow', actor, deps),
});

export const listRollouts = route({
  method: 'get',
  path: '/rollouts',
  operationId: 'listRollouts',
  tag,
  summary: 'Rollouts, newest first',
  access: 'viewer',
  query: z.object(pageQuery),
  responses: { 200: { description: 'A page.', schema: name('RolloutPage', pageOf(RolloutView)) } },
  problems: [],
  handle: async ({ query: { limit, cursor } }, { store }) => {
    const { items, nextCursor } = await store.rollouts(limit, cursor);
    return json({ items: items.map((r) => rolloutView(r)), nextCursor });
  },
});

export const getRollout = route({
  method: 'get',
  path: '/rollouts/:rolloutId',
  operationId: 'getRollout',
  tag,
  summary: 'One rollout, with its verdicts and how its canary stands now',
  access: 'viewer',
  params,
  responses: one,
  problems: ['rollout-not-found'],
  handle: async ({ params: { rolloutId } }, deps) => json(await viewOf(await known(rolloutId, deps), deps)),
});

export const promoteCanary = route({
  method: 'post',
  path: '/rollouts/:rolloutId/promote',
  operationId: 'promoteCanary',
  tag,
  summary: 'Answer for what a stage could not tell, and go on',
  description: 'Only while it is paused: what has not been judged yet is not cut short.',
  access: 'approver',
  params,
  body: name('PromoteCanary', z.strictObject({ reason: switchMessage })),
  responses: one,
  problems: ['rollout-not-found', 'rollout-refused'],
  handle: async ({ params: { rolloutId }, body, actor, principal }, deps) => {
    const { store, clock } = deps;
    const rollout = await known(rolloutId, deps);
    const created = (await store.release(rollout.candidate))?.createdBy;
    if (principal && created === principal.id)
      throw new Problem('rollout-refused', {
        detail: 'Who made a release does not answer for it: ask somebody else.',
      });
    const verdict = {
      ...{ verdict: 'pass' as const, reason: body.reason, evidence: [], at: clock.now(), by: actor },
    };
    return change(rollout, { type: 'accept', verdict }, 'paused', { actor, reason: body.reason }, deps);
  },
});

export const retryRollout = route({
  method: 'post',
  path: '/rollouts/:rolloutId/retry',
  operationId: 'retryRollout',
  tag,
  summary: 'Have the stage that could not tell done once more',
  access: 'operator',
  params,
  responses: one,
  problems: ['rollout-not-found', 'rollout-refused'],
  handle: async ({ params: { rolloutId }, actor }, deps) =>
    change(await known(rolloutId, deps), { type: 'retry' }, 'paused', { actor }, deps),
});

export const abortRollout = route({
  method: 'post',
  path: '/rollouts/:rolloutId/abort',
  operationId: 'abortRollout',
  tag,
  summary: 'End a rollout and put the pointers back',
  description: 'Wins over whatever else is under way. Aborting it once more changes nothing.',
  access: 'operator',
  params,
  body: name('AbortRollout', z.strictObject({ reason })),
  bodyOptional: true,
  responses: one,
  problems: ['rollout-not-found', 'rollout-refused'],
  handle: async ({ params: { rolloutId }, body, actor }, deps) => {
    const rollout = await known(rolloutId, deps);
    if (rollout.status === 'done')
      throw new Problem('rollout-refused', {
        detail: `It is done: POST /agents/${rollout.agentId}/rollback goes back.`,
      });
    const why = body.reason ?? 'aborted by a person';
    const state = await deps.engine.rollouts.apply(
      rolloutId,
      { type: 'abort', reason: why },
      { actor, reason: why },
    );
    return json(await viewOf(state ?? rollout, deps));
  },
});

export const rollbackDeployment = route({
  method: 'post',
  path: '/agents/:agentId/rollback',
  operationId: 'rollbackDeployment',
  tag,
  summary: 'Go back to the last good release, at once',
  description:
    'Moves a pointer, from any state. What is in hand ends where it is; a rollout under way is aborted.',
  access: 'operator',
  params: z.object({ agentId: idText }),
  body: name('RollbackDeployment', z.strictObject({ environment: wish.environment, reason })),
  bodyOptional: true,
  responses: {
    200: {
      description: 'This release works now.',
      schema: name(
        'RolledBack',
        z.object({ agentId: z.string(), environment: z.string(), releaseId: z.string() }),
      ),
    },
  },
  problems: ['agent-not-found', 'rollout-refused'],
  handle: async ({ params: { agentId }, body, actor }, { engine, registry }) => {
    if (!registry.findAgent(agentId))
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    const environment = body.environment ?? engine.releases.environment;
    const why = body.reason === undefined ? {} : { reason: body.reason };
    const done = await engine.rollouts.rollback(agentId, environment, { actor, ...why });
    if (done.kind === 'nothing')
      throw new Problem('rollout-refused', {
        detail: `There is no release of ${agentId} in ${environment} to go back to.`,
      });
    return json({ agentId, environment, releaseId: done.releaseId });
  },
});

interface Wish {
  agentId: string;
  environment?: string | undefined;
  releaseId: string;
  reason?: string | undefined;
  deployment?: Record<string, unknown> | undefined;
}

async function begin(body: Wish, fallback: StrategyName, actor: string, deps: AppDeps) {
  const { engine } = deps;
  const { agentId, releaseId, environment = engine.releases.environment } = body;
  const strategy = strategyOf(body.deployment ?? { strategy: fallback }, fallback);
  const by = { actor, ...(body.reason !== undefined && { reason: body.reason }) };
  const answer = await engine.rollouts.begin({ agentId, environment, releaseId, strategy }, by);
  switch (answer.kind) {
    case 'begun':
      return json(rolloutView(answer.rollout));
    case 'unknown-agent':
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    case 'unknown-release':
      throw new Problem('release-not-found', { detail: `There is no release ${releaseId} of ${agentId}.` });
    case 'under-way':
      return refused(`A rollout of ${agentId} in ${environment} is under way: wait for it, or abort it.`);
    case 'is-stable':
      return refused(`It is stable in ${environment} already.`);
    case 'no-stable':
      return refused(
        `${agentId} has no release in ${environment} to compare it with: deploy the first directly.`,
      );
    case 'not-promoted':
      return refused(`The policy of ${environment} takes only what is stable in ${answer.from}.`);
  }
}

function strategyOf(document: Record<string, unknown>, wanted: StrategyName): Strategy {
  const inner = 'deployment' in document ? (document['deployment'] as Record<string, unknown>) : document;
  const named =
    wanted !== 'direct' && inner?.['strategy'] === undefined ? { ...inner, strategy: wanted } : inner;
  const parsed = parseStrategy(named);
  if (!parsed.ok) {
    const errors = parsed.problems.map((p) => ({ field: `body.deployment.${p.at}`, message: p.message }));
    throw new Problem('invalid-request', { detail: `${errors[0]?.field}: ${errors[0]?.message}`, errors });
  }
  if (wanted !== 'direct' && parsed.strategy.name !== wanted)
    refused(`The strategy is ${parsed.strategy.name}: POST it to /deployments.`);
  return parsed.strategy;
}

function refused(detail: string): never {
  throw new Problem('rollout-refused', { detail });
}

async function known(id: string, { store }: AppDeps): Promise<Rollout> {
  const found = await store.rollout(id);
  if (!found) throw new Problem('rollout-not-found', { detail: `There is no rollout ${id}.` });
  return found.state;
}

async function change(
  rollout: Rollout,
  event: RolloutEvent,
  needed: Rollout['status'],
  by: { actor: string; reason?: string },
  deps: AppDeps,
) {
  if (rollout.status !== needed)
    refused(
      `It is ${rollout.status}${isRolloutOver(rollout.status) ? ', and over' : ''}; only one that is ${needed} takes that.`,
    );
  const state = await deps.engine.rollouts.apply(rollout.id, event, by);
  return json(await viewOf(state ?? rollout, deps));
}

const viewOf = async (rollout: Rollout, { engine }: AppDeps) =>
  rolloutView(rollout, await engine.rollouts.judgement(rollout));
