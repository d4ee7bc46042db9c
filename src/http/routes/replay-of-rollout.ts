/** What a rollout would replay: what that would take, and the tasks themselves, for a replay in the sandbox. */
import { z } from 'zod';
import { pastWork } from '../../engine/releases/past-task';
import { deployBody, strategyOf } from '../deployments';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape, runId } from '../schema';
import { PastTaskView, pastTaskView, ReplayTasksView, replayTasksView } from '../views/replay';
import { ReplayForecastView, replayForecastView } from '../views/release';

const tag = 'releases';
const wish = () => deployBody().omit({ reason: true });

export const forecastReplay = route({
  method: 'post',
  path: '/deployments/forecast',
  operationId: 'forecastReplay',
  tag,
  summary: 'Tell what a rollout would replay, how long that takes and what it costs',
  description: 'By what the release that is stable took for the same tasks. Nothing is begun.',
  access: 'viewer',
  body: shape('ForecastReplay', () => wish()),
  responses: { 200: { description: 'The forecast.', schema: ReplayForecastView } },
  problems: ['agent-not-found', 'release-not-found', 'rollout-refused'],
  handle: async ({ body }, deps) => {
    const { of, forecast } = await planned(body, deps);
    return json(replayForecastView(of, forecast) satisfies z.infer<typeof ReplayForecastView>);
  },
});

export const listReplayTasks = route({
  method: 'post',
  path: '/deployments/replay-tasks',
  operationId: 'listReplayTasks',
  tag,
  summary: 'The tasks that a rollout would replay, and what they are judged by',
  description:
    'For `reveille release replay`, which does them in the sandbox, where the folder of the agent is. Nothing is begun.',
  access: 'viewer',
  body: shape('ListReplayTasks', () => wish()),
  responses: { 200: { description: 'The tasks, newest first.', schema: ReplayTasksView } },
  problems: ['agent-not-found', 'release-not-found', 'rollout-refused'],
  handle: async ({ body }, deps) => {
    const { of, forecast } = await planned(body, deps);
    if (!forecast)
      throw new Problem('rollout-refused', {
        detail: 'The strategy replays nothing: add a stage like `- replay: { tasks: 20, where: sandbox }`.',
      });
    const { stable } = await deps.engine.releases.load(of.agentId, of.environment);
    if (stable === undefined)
      throw new Problem('rollout-refused', {
        detail: `${of.agentId} has no stable release in ${of.environment}: there is nothing to compare with.`,
      });
    return json(replayTasksView({ ...of, incumbent: stable }, forecast));
  },
});

export const getPastTask = route({
  method: 'get',
  path: '/runs/:runId/steps/:stepId/attempts/:attempt',
  operationId: 'getPastTask',
  tag: 'runs',
  summary: 'One attempt of an agent: what it was given, what it called and what it delivered',
  description: 'With this the same work can be done once more, elsewhere.',
  access: 'viewer',
  params: z.object({ runId, stepId: idText, attempt: z.coerce.number().int().min(1).max(1_000_000) }),
  responses: { 200: { description: 'The attempt, which is over.', schema: PastTaskView } },
  problems: ['attempt-not-found'],
  handle: async ({ params }, { store }) => {
    const work = await pastWork(store, params);
    if (!work) throw new Problem('attempt-not-found');
    return json(pastTaskView(work));
  },
});

async function planned(
  { agentId, releaseId, environment: named, deployment }: z.infer<ReturnType<typeof wish>>,
  { engine, registry, store }: Pick<AppDeps, 'engine' | 'registry' | 'store'>,
) {
  const environment = named ?? engine.releases.environment;
  if (!registry.findAgent(agentId))
    throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
  if ((await store.release(releaseId))?.agentId !== agentId)
    throw new Problem('release-not-found', { detail: `There is no release ${releaseId} of ${agentId}.` });
  const strategy = strategyOf(deployment ?? { strategy: 'direct' }, 'direct');
  const of = { agentId, environment, releaseId };
  return { of, forecast: await engine.rollouts.forecast({ ...of, strategy }) };
}
