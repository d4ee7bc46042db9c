/** Breakers of agents: which are open, and closing one by hand. */
import { z } from 'zod';
import { closedBreaker } from '../../domain/breaker';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape } from '../schema';
import { BreakerView, breakerView } from '../views/breaker';

const tag = 'safety';
/** Agents of one installation. */
const MAX_AGENTS = 1_000;

export const listBreakers = route({
  method: 'get',
  path: '/breakers',
  operationId: 'listBreakers',
  tag,
  summary: 'The breakers of the agents that have one',
  access: 'viewer',
  responses: {
    200: {
      description: 'By agent.',
      schema: shape('BreakerList', () => z.object({ items: z.array(BreakerView) })),
    },
  },
  problems: [],
  handle: async (_request, { store, registry }) => {
    const known = new Map((await store.breakers(MAX_AGENTS)).map((b) => [b.agentId, b]));
    const agents = registry.agents.filter((agent) => agent.breaker);
    return json({ items: agents.map(({ id }) => breakerView(known.get(id) ?? closedBreaker(id))) });
  },
});

export const resetBreaker = route({
  method: 'post',
  path: '/agents/:agentId/breaker/reset',
  operationId: 'resetBreaker',
  tag,
  summary: 'Close the breaker of an agent',
  description:
    'Forgets what was counted, and lets the work of the agent go on in its order. Doing it once more changes nothing.',
  access: 'operator',
  params: z.object({ agentId: idText }),
  responses: { 200: { description: 'It is closed.', schema: BreakerView } },
  problems: ['breaker-not-found'],
  handle: async ({ params, actor }, { engine }) => {
    const state = await engine.breakers.reset(params.agentId, actor);
    if (!state) throw new Problem('breaker-not-found');
    return json(breakerView(state));
  },
});
