/** The deployment API: moving the pointers, by strategies, and back. What it does is in `http/deployments.ts`. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { Sha256 } from '../../domain/release/manifest';
import {
  abort,
  agentParams,
  approve,
  deploy,
  deployBody,
  evidenceOf,
  getDeployment,
  promote,
  PromoteBody,
  reasonText,
  retry,
  rollback,
  RollbackBody,
  rolloutParams,
  type Deployment,
} from '../deployments';
import type { AppDeps } from '../deps';
import { json, route } from '../route';
import { name, shape, pageOf, pageQuery } from '../schema';
import { RolloutView, rolloutView } from '../views/release';

const tag = 'releases';
const params = rolloutParams;
const WithReason = { reason: reasonText.optional().describe('For the ledger.') };
const one = { 200: { description: 'As it stands now.', schema: RolloutView } };
const begun = {
  200: { description: 'It is under way; the same again answers the one there is.', schema: RolloutView },
};
const refusals = ['rollout-not-found', 'rollout-refused'] as const;
const deploying = ['agent-not-found', 'release-not-found', 'rollout-refused'] as const;

export const deployAgent = route({
  method: 'post',
  path: '/deployments',
  operationId: 'deployAgent',
  tag,
  summary: 'Deploy a release',
  description: 'Directly, or by the strategy that is given.',
  access: 'operator',
  body: shape('DeployAgent', () => deployBody()),
  responses: begun,
  problems: [...deploying],
  handle: async ({ body, ...caller }, deps) => json(await deploy(body, 'direct', caller, deps)),
});

export const createCanaryDeployment = route({
  method: 'post',
  path: '/deployments/canary',
  operationId: 'createCanaryDeployment',
  tag,
  summary: 'Give a release a rising share of the work, and all of it when it is good enough',
  access: 'operator',
  body: shape('CreateCanaryDeployment', () => deployBody()),
  responses: begun,
  problems: [...deploying],
  handle: async ({ body, ...caller }, deps) => json(await deploy(body, 'canary', caller, deps)),
});

export const createShadowDeployment = route({
  method: 'post',
  path: '/deployments/shadow',
  operationId: 'createShadowDeployment',
  tag,
  summary: 'Have a release do copies of the work without effect, and compare',
  access: 'operator',
  body: shape('CreateShadowDeployment', () => deployBody()),
  responses: begun,
  problems: [...deploying],
  handle: async ({ body, ...caller }, deps) => json(await deploy(body, 'shadow', caller, deps)),
});

export const listRollouts = route({
  method: 'get',
  path: '/rollouts',
  operationId: 'listRollouts',
  tag,
  summary: 'Rollouts, newest first',
  access: 'viewer',
  query: z.object(pageQuery),
  responses: { 200: { description: 'A page.', schema: shape('RolloutPage', () => pageOf(RolloutView)) } },
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
  handle: async ({ params: { rolloutId } }, deps) => json(await getDeployment(rolloutId, deps)),
});

export const watchRollout = route({
  method: 'get',
  path: '/rollouts/:rolloutId/events',
  operationId: 'watchRollout',
  tag,
  summary: 'One rollout as it changes (server-sent events)',
  description:
    'Events `rollout` (a Rollout): the first at once, then one for each change, until it is over or an hour has passed. Whoever comes back is told how it stands first.',
  access: 'viewer',
  params,
  responses: { 200: { description: 'The stream.', contentType: 'text/event-stream' } },
  problems: ['rollout-not-found', 'too-many-streams'],
  handle: async ({ params: { rolloutId }, req, res }, deps) => {
    deps.events.rollouts.check();
    // Who asks for what is not there is told so, and not by a stream that ends.
    await getDeployment(rolloutId, deps);
    if (req.method === 'HEAD') return { kind: 'empty', status: 200 };
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    res.flushHeaders();
    void stream(rolloutId, res, deps);
    return { kind: 'streaming' };
  },
});

const HEARTBEAT_MS = 15_000;

/** Until it is over or nobody reads any more; a store that fails cuts it, and the watcher comes back. */
async function stream(rolloutId: string, res: ServerResponse, deps: AppDeps): Promise<void> {
  const { clock, log, events } = deps;
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  let cancel: () => void = () => undefined;
  const beat = () => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      res.write(': heartbeat\n\n');
      beat();
    });
  };
  beat();
  try {
    const views = events.rollouts.follow(rolloutId, () => getDeployment(rolloutId, deps), gone.signal);
    for await (const view of views) await write(res, view, gone.signal);
    res.end();
  } catch (error) {
    if (!gone.signal.aborted) log.warn({ err: error, rolloutId }, 'the watch of a rollout was cut');
    res.destroy();
  } finally {
    cancel();
  }
}

async function write(res: ServerResponse, view: Deployment, signal: AbortSignal): Promise<void> {
  const isTaken = res.write(`event: rollout\ndata: ${JSON.stringify(view)}\n\n`);
  if (!isTaken) await once(res, 'drain', { signal });
}

export const getRolloutEvidence = route({
  method: 'get',
  path: '/rollouts/:rolloutId/evidence/:sha256',
  operationId: 'getRolloutEvidence',
  tag,
  summary: 'What a verdict of a rollout rests on',
  access: 'viewer',
  params: params.extend({ sha256: Sha256 }),
  responses: {
    200: {
      description: 'As it was kept.',
      schema: shape('RolloutEvidence', () => z.record(z.string(), z.unknown())),
    },
  },
  problems: ['rollout-not-found'],
  handle: async ({ params: { rolloutId, sha256 } }, deps) => json(await evidenceOf(rolloutId, sha256, deps)),
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
  body: name('PromoteCanary', PromoteBody),
  responses: one,
  problems: [...refusals],
  handle: async ({ params: { rolloutId }, body, ...caller }, deps) =>
    json(await promote(rolloutId, body, caller, deps)),
});

export const approveRollout = route({
  method: 'post',
  path: '/rollouts/:rolloutId/approve',
  operationId: 'approveRollout',
  tag,
  summary: 'Say yes to a release, where the policy of the environment asks people',
  description:
    'Each person counts once, and nobody for what they made or began themselves. Aborting it is the no.',
  access: 'approver',
  params,
  body: shape('ApproveRollout', () => z.strictObject(WithReason)),
  bodyOptional: true,
  responses: one,
  problems: [...refusals],
  handle: async ({ params: { rolloutId }, body, ...caller }, deps) =>
    json(await approve(rolloutId, body.reason, caller, deps)),
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
  problems: [...refusals],
  handle: async ({ params: { rolloutId }, ...caller }, deps) => json(await retry(rolloutId, caller, deps)),
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
  body: shape('AbortRollout', () => z.strictObject(WithReason)),
  bodyOptional: true,
  responses: one,
  problems: [...refusals],
  handle: async ({ params: { rolloutId }, body, ...caller }, deps) =>
    json(await abort(rolloutId, body.reason, caller, deps)),
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
  params: agentParams,
  body: name('RollbackDeployment', RollbackBody),
  bodyOptional: true,
  responses: {
    200: {
      description: 'This release works now.',
      schema: shape('RolledBack', () =>
        z.object({ agentId: z.string(), environment: z.string(), releaseId: z.string() }),
      ),
    },
  },
  problems: ['agent-not-found', 'rollout-refused'],
  handle: async ({ params: { agentId }, body, ...caller }, deps) =>
    json(await rollback(agentId, body, caller, deps)),
});
