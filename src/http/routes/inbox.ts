/** The inbox: what agents delivered, with a verdict, for people who write agents. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AgentRunResult } from '../../contract';
import type { LedgerEntry } from '../../domain/ledger';
import { examine } from '../../inbox/examine';
import type { InboxRecorder } from '../../inbox/recorder';
import { DELIVERY_VERDICTS, type Delivery } from '../../store/deliveries';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { knownSecrets, OWN_BINS, WEBHOOK_BIN } from '../record';
import { json, route } from '../route';
import { shape, pageOf, pageQuery } from '../schema';
import {
  deliverySummary,
  DeliverySummaryView,
  deliveryView,
  DeliveryView,
  isReplayable,
} from '../views/delivery';

const tag = 'inbox';

const binName = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'is 1 to 64 letters, digits, dots, dashes and underscores');
/** OpenAPI knows a path by its form alone, so the bin and the delivery share the name of their place. */
const delivery = z.object({ id: z.guid().toLowerCase().describe('The delivery.') });

export const deliver = route({
  method: 'post',
  path: '/inbox/:id',
  operationId: 'deliverToInbox',
  tag,
  summary: 'Send anything to a bin of the inbox',
  description:
    'For an agent that is tried out: give it this address as its `config.webhookUrl`. Anybody may send, and ' +
    'it changes nothing. A bin with the name of an agent checks signatures by the secret of that agent.',
  access: 'inbox',
  params: z.object({
    id: binName
      .refine((bin) => !OWN_BINS.includes(bin), {
        message: 'is what comes to /webhook or /hooks; choose another name',
      })
      .describe('The bin: any name; it is there once something is sent to it.'),
  }),
  anyBody: true,
  bodyLimit: 'webhook',
  responses: {
    200: {
      description: 'It is in the inbox.',
      schema: shape('DeliveryTaken', () => z.object({ id: z.guid() })),
    },
  },
  problems: ['invalid-request', 'body-too-large', 'unsupported-media-type'],
  handle: async ({ params, req, rawBody }, deps) => {
    const id = randomUUID();
    const { method, originalUrl: path, headers } = req;
    const keys = deps.registry.findAgent(params.id)?.secrets.map((secret) => secret.reveal()) ?? [];
    const receivedAt = deps.clock.now();
    const answer = { status: 200, text: '' };
    const raw = { bin: params.id, receivedAt, method, path, headers, body: rawBody, answer };
    const taken = inboxOf(deps).record({
      bytes: rawBody.length,
      examine: () => examine(raw, { id, keys, secrets: knownSecrets(deps) }),
    });
    if (!taken) throw new Problem('unavailable', { retryAfterSeconds: 1 });
    return json({ id });
  },
});

export const listDeliveries = route({
  method: 'get',
  path: '/inbox',
  operationId: 'listDeliveries',
  tag,
  summary: 'List what was delivered, newest first',
  description:
    'Everything that came to /webhook and /webhook/claim is in the bin `webhook`, also what was refused.',
  access: 'viewer',
  query: z.object({
    bin: binName.optional(),
    verdict: z.enum(DELIVERY_VERDICTS).optional(),
    ...pageQuery,
  }),
  responses: {
    200: {
      description: 'A page of deliveries.',
      schema: shape('DeliveryPage', () => pageOf(DeliverySummaryView)),
    },
  },
  problems: ['inbox-off'],
  handle: async ({ query: { bin, verdict, limit, cursor } }, deps) => {
    await inboxOf(deps).flush(); // what this process was sent a moment ago is in the answer
    const filter = { ...(bin !== undefined && { bin }), ...(verdict !== undefined && { verdict }) };
    const page = await deps.store.deliveries(filter, limit, cursor);
    return json({ items: page.items.map(deliverySummary), nextCursor: page.nextCursor });
  },
});

export const clearInbox = route({
  method: 'delete',
  path: '/inbox',
  operationId: 'clearInbox',
  tag,
  summary: 'Remove the deliveries of a bin, or all',
  access: 'operator',
  query: z.object({ bin: binName.optional() }),
  responses: {
    200: {
      description: 'They are gone.',
      schema: shape('InboxCleared', () => z.object({ removed: z.number().int() })),
    },
  },
  problems: ['inbox-off'],
  handle: async ({ query: { bin }, actor }, deps) => {
    await inboxOf(deps).flush();
    const at = deps.clock.now();
    const entryFor = (removed: number): LedgerEntry => ({
      ...{ at, actor, action: 'inbox.cleared', entity: 'inbox', id: bin ?? 'all' },
      set: { removed },
    });
    return json({ removed: await deps.store.clearDeliveries(bin, entryFor) });
  },
});

export const getDelivery = route({
  method: 'get',
  path: '/inbox/:id',
  operationId: 'getDelivery',
  tag,
  summary: 'A delivery with its headers and its body',
  access: 'viewer',
  params: delivery,
  responses: { 200: { description: 'The delivery.', schema: DeliveryView } },
  problems: ['inbox-off', 'delivery-not-found'],
  handle: async ({ params }, deps) => json(deliveryView(await existing(params.id, deps))),
});

export const replayDelivery = route({
  method: 'post',
  path: '/inbox/:id/replay',
  operationId: 'replayDelivery',
  tag,
  summary: 'Apply an authentic result again',
  description:
    'As if it came to /webhook once more, for the attempt its token named, as your act in the ledger. What ' +
    'was known stays a duplicate, what is late stays late. To send a delivery elsewhere: `reveille inbox replay --to`.',
  access: 'operator',
  params: delivery,
  responses: {
    200: {
      description: 'What came of it, as POST /webhook says it.',
      schema: shape('DeliveryReplayed', () =>
        z.object({
          status: z.enum(['settled', 'duplicate', 'late']),
          runId: z.guid(),
          stepId: z.string(),
          attempt: z.number().int(),
        }),
      ),
    },
  },
  problems: ['inbox-off', 'delivery-not-found', 'delivery-not-replayable', 'run-not-found'],
  handle: async ({ params, actor }, deps) => {
    const found = await existing(params.id, deps);
    const { proved } = found;
    if (!proved || !isReplayable(found)) {
      throw new Problem('delivery-not-replayable', { detail: whyNot(found) });
    }
    const result = AgentRunResult.parse(JSON.parse(found.body.toString('utf8')));
    const outcome = await deps.engine.replay(proved, result, actor);
    if (outcome.kind === 'refused') {
      throw outcome.reason === 'unknown-run'
        ? new Problem('run-not-found')
        : new Problem('delivery-not-replayable', { detail: 'It names another attempt than its token.' });
    }
    return json({ status: outcome.kind, ...proved });
  },
});

function whyNot({ bin, proved, shape, signature, bodyState }: Delivery): string {
  if (bin !== WEBHOOK_BIN) return 'It came to a bin, where nobody waits for a result.';
  if (shape.kind === 'unchecked') return `There is no result in it: ${shape.reason}.`;
  if (signature.kind === 'invalid') return `Its signature did not hold: ${signature.reason}.`;
  if (!proved) return 'It came without a valid token.';
  if (shape.kind === 'differs') return 'It is not a result: see its differences.';
  return bodyState === 'cut' ? 'It was too large to be kept whole.' : 'A secret was taken out of its body.';
}

/** @throws Problem where it is off */
function inboxOf({ inbox }: AppDeps): InboxRecorder {
  if (!inbox) throw new Problem('inbox-off');
  return inbox;
}

async function existing(id: string, deps: AppDeps): Promise<Delivery> {
  await inboxOf(deps).flush();
  const found = await deps.store.delivery(id);
  if (!found) throw new Problem('delivery-not-found');
  return found;
}
