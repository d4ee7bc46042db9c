/** What runs wait for: events that happen elsewhere. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { json, route } from '../route';
import { idText, jsonObject, shape } from '../schema';

const tag = 'runs';

export const postEvent = route({
  method: 'post',
  path: '/events',
  operationId: 'postEvent',
  tag,
  summary: 'Tell of an event that steps may wait for, and that may start workflows',
  description:
    'Its payload becomes the output of every step that waits for an event of this name, with this key or any. A ' +
    'step that begins to wait later still finds it, if its run was there already. Workflows that listen for it (`on.event`) ' +
    'are started, each once. The same id again changes nothing.',
  access: 'operator',
  body: shape('Event', () =>
    z.strictObject({
      id: z.guid().toLowerCase().optional().describe('Chosen by the sender, so that it may be sent again.'),
      name: idText,
      key: z.string().max(500).default('').describe('Which one: an order number, a commit.'),
      payload: jsonObject.default({}),
    }),
  ),
  responses: {
    202: {
      description: 'It is kept, and delivered.',
      schema: shape('EventAccepted', () =>
        z.object({
          id: z.guid(),
          delivered: z.number().int().describe('How many steps waited for it.'),
          started: z.array(z.guid()).describe('The runs it started.'),
        }),
      ),
    },
  },
  problems: [],
  handle: async ({ body, actor }, { engine }) => {
    const event = { ...body, id: body.id ?? randomUUID() };
    return json({ id: event.id, ...(await engine.announce(event, actor)) }, 202);
  },
});
