import { route } from '../route';

export const metrics = route({
  method: 'get',
  path: '/metrics',
  operationId: 'getMetrics',
  tag: 'operation',
  summary: 'Figures for Prometheus',
  access: 'viewer',
  tellsOutages: true,
  responses: { 200: { description: 'The exposition format.', contentType: 'text/plain' } },
  problems: [],
  handle: async (_input, { metrics: figures }) => ({
    kind: 'text',
    type: figures.contentType,
    body: await figures.text(),
  }),
});
