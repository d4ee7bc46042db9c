/** Messages to people: what waits, what was told, and a test. */
import { z } from 'zod';
import { CHANNEL_NAMES } from '../../domain/notification';
import { json, route } from '../route';
import { shape, pageOf, pageQuery } from '../schema';
import { NotificationView, notificationView, NotifyTestView, testView } from '../views/notification';

const tag = 'operation';
const DEFAULT_TEXT = 'Somebody wanted to see whether messages of this installation arrive.';

export const listNotifications = route({
  method: 'get',
  path: '/notifications',
  operationId: 'listNotifications',
  tag,
  summary: 'Messages to people, newest first',
  description: 'One for each channel that is told. Those that are done are kept for a week.',
  access: 'viewer',
  query: z.object({
    ...pageQuery,
    waiting: z
      .enum(['true', 'false'])
      .optional()
      .describe('`true`: not told yet; `false`: told or given up; left out: both.'),
  }),
  responses: {
    200: { description: 'A page.', schema: shape('NotificationPage', () => pageOf(NotificationView)) },
  },
  problems: [],
  handle: async ({ query }, { store }) => {
    const filter = query.waiting === undefined ? {} : { waiting: query.waiting === 'true' };
    const { items, nextCursor } = await store.notifications(filter, query.limit, query.cursor);
    return json({ items: items.map(notificationView), nextCursor });
  },
});

export const testNotifications = route({
  method: 'post',
  path: '/notifications/test',
  operationId: 'testNotifications',
  tag,
  summary: 'Send a test message, and see whether it arrives',
  description: 'At once, to every channel that is configured or to one; it is neither kept nor tried again.',
  access: 'operator',
  body: shape('NotifyTestRequest', () =>
    z.strictObject({
      channel: z.enum(CHANNEL_NAMES).optional().describe('Left out: all.'),
      text: z.string().min(1).max(1_000).optional(),
    }),
  ),
  bodyOptional: true,
  responses: {
    200: { description: 'What came of it; nothing where no channel is configured.', schema: NotifyTestView },
  },
  problems: [],
  handle: async ({ body }, { notifier }) =>
    json(testView((await notifier?.test(body.text ?? DEFAULT_TEXT, body.channel)) ?? [])),
});
