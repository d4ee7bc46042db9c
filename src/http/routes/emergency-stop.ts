/** The emergency stop, and how far it has come. */
import { z } from 'zod';
import { STOP_MODES } from '../../domain/guard/emergency-stop';
import { derivedId } from '../../engine/derived-id';
import { Problem } from '../problems';
import { json, route } from '../route';
import { shape } from '../schema';
import { EmergencyStopView, emergencyStopView } from '../views/switch';
import { switchMessage } from './switches';

const tag = 'safety';
const MAX_DRAIN_SECONDS = 86_400;
const MAX_VERIFY_SECONDS = 3_600;

export const startEmergencyStop = route({
  method: 'post',
  path: '/emergency-stop',
  operationId: 'startEmergencyStop',
  tag,
  summary: 'Stop everything',
  description:
    'Sets the global switch, cancels what runs (or lets it finish), revokes callback tokens, scales every capsule ' +
    'to zero and reads each back. Answered once nothing more is woken or sent; the rest is followed under `links.self`.',
  access: 'operator',
  body: shape('StartEmergencyStop', () =>
    z.strictObject({
      mode: z.enum(STOP_MODES).default('cancel').describe('`drain`: what agents are at work on may finish.'),
      message: switchMessage.describe('Why, for everybody who finds something held.'),
      drainSeconds: z
        .number()
        .int()
        .min(1)
        .max(MAX_DRAIN_SECONDS)
        .default(300)
        .describe('With `drain`: then it is cancelled.'),
      verifySeconds: z
        .number()
        .int()
        .min(1)
        .max(MAX_VERIFY_SECONDS)
        .default(120)
        .describe('After that the report says `incomplete`, and the stop goes on.'),
    }),
  ),
  idempotent: true,
  responses: {
    202: {
      description: 'Nothing more is woken or sent.',
      schema: EmergencyStopView,
      headers: { Location: 'Path of the report.' },
    },
  },
  problems: ['idempotency-key-reused'],
  handle: async ({ body, actor, idempotencyKey }, { engine, clock }) => {
    const { mode, message, drainSeconds, verifySeconds } = body;
    const request = { mode, message, drainMs: drainSeconds * 1_000, verifyMs: verifySeconds * 1_000 };
    const id = idempotencyKey === undefined ? undefined : derivedId('emergency-stop', actor, idempotencyKey);
    const stop = await engine.emergencyStops.begin(request, actor, id);
    if (stop.mode !== mode || stop.message !== message) throw new Problem('idempotency-key-reused');
    const view = emergencyStopView(stop, clock.now());
    return json(view, 202, { Location: view.links.self });
  },
});

export const getEmergencyStop = route({
  method: 'get',
  path: '/emergency-stop/:stopId',
  operationId: 'getEmergencyStop',
  tag,
  summary: 'How far an emergency stop has come',
  access: 'viewer',
  params: z.object({ stopId: z.guid().toLowerCase() }),
  responses: { 200: { description: 'The report, live.', schema: EmergencyStopView } },
  problems: ['emergency-stop-not-found'],
  handle: async ({ params }, { store, clock }) => {
    const known = await store.stop(params.stopId);
    if (!known) throw new Problem('emergency-stop-not-found');
    return json(emergencyStopView(known.stop, clock.now()));
  },
});
