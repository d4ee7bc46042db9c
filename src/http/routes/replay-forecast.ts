/** What a rollout would replay, and what that would take, before anything begins. */
import type { z } from 'zod';
import { deployBody, strategyOf } from '../deployments';
import { Problem } from '../problems';
import { json, route } from '../route';
import { name } from '../schema';
import { ReplayForecastView, replayForecastView } from '../views/release';

export const forecastReplay = route({
  method: 'post',
  path: '/deployments/forecast',
  operationId: 'forecastReplay',
  tag: 'releases',
  summary: 'Tell what a rollout would replay, how long that takes and what it costs',
  description: 'By what the release that is stable took for the same tasks. Nothing is begun.',
  access: 'viewer',
  body: name('ForecastReplay', deployBody().omit({ reason: true })),
  responses: { 200: { description: 'The forecast.', schema: ReplayForecastView } },
  problems: ['agent-not-found', 'release-not-found', 'rollout-refused'],
  handle: async ({ body }, { engine, registry, store }) => {
    const { agentId, releaseId, environment = engine.releases.environment } = body;
    if (!registry.findAgent(agentId))
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    if ((await store.release(releaseId))?.agentId !== agentId)
      throw new Problem('release-not-found', { detail: `There is no release ${releaseId} of ${agentId}.` });
    const strategy = strategyOf(body.deployment ?? { strategy: 'direct' }, 'direct');
    const of = { agentId, environment, releaseId };
    const forecast = await engine.rollouts.forecast({ ...of, strategy });
    return json(replayForecastView(of, forecast) satisfies z.infer<typeof ReplayForecastView>);
  },
});
