import { json, route } from '../route';
import { name, pageOf } from '../schema';
import { AgentView, agentView } from '../views/capsule';

export const listAgents = route({
  method: 'get',
  path: '/agents',
  operationId: 'listAgents',
  tag: 'agents',
  summary: 'List the agents of this installation',
  access: 'key',
  responses: { 200: { description: 'All of them.', schema: name('AgentPage', pageOf(AgentView)) } },
  problems: [],
  handle: async (_input, { registry }) => json({ items: registry.agents.map(agentView), nextCursor: null }),
});
