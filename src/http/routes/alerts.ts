/** What somebody should know of: alerts, open and over. */
import { z } from 'zod';
import { Problem } from '../problems';
import { json, route } from '../route';
import { shape, pageOf, pageQuery } from '../schema';
import { AlertView, alertView } from '../views/alert';

const tag = 'operation';

export const listAlerts = route({
  method: 'get',
  path: '/alerts',
  operationId: 'listAlerts',
  tag,
  summary: 'Alerts, newest first',
  description: 'Resolved ones are kept as long as runs are (RUN_RETENTION_DAYS).',
  access: 'viewer',
  query: z.object({
    ...pageQuery,
    open: z
      .enum(['true', 'false'])
      .optional()
      .describe('`true`: what is wrong now; `false`: what is over; left out: both.'),
  }),
  responses: { 200: { description: 'A page.', schema: shape('AlertPage', () => pageOf(AlertView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const filter = query.open === undefined ? {} : { open: query.open === 'true' };
    const { items, nextCursor } = await store.alerts(filter, query.limit, query.cursor);
    return json({ items: items.map(alertView), nextCursor });
  },
});

export const acknowledgeAlert = route({
  method: 'post',
  path: '/alerts/:alertId/acknowledge',
  operationId: 'acknowledgeAlert',
  tag,
  summary: 'Say that you have seen an alert',
  description:
    'It stays open until what it tells of is over. Who was first stays; the same again is no error.',
  access: 'operator',
  params: z.object({ alertId: z.guid().toLowerCase() }),
  responses: { 200: { description: 'The alert, with who saw it.', schema: AlertView } },
  problems: ['alert-not-found'],
  handle: async ({ params, actor }, { engine }) => {
    const alert = await engine.alerts.acknowledge(params.alertId, actor);
    if (!alert) throw new Problem('alert-not-found');
    return json(alertView(alert));
  },
});
