/** Protocols by which agents are trusted step by step. */
import { z } from 'zod';
import { PolicySchema } from '../../domain/protocol/policy';
import type { Protocol } from '../../domain/protocol/protocol';
import { derivedId } from '../../engine/derived-id';
import type { HandlerDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape } from '../schema';
import { ProtocolView, protocolView } from '../views/protocol';
import { switchMessage } from './switches';

const tag = 'approvals';
const params = z.object({ protocolId: z.guid().toLowerCase() });
/** The newest; older ones are in the ledger. */
const MAX_LISTED = 50;
const MAX_AGENTS = 1_000;

const viewOf = async (protocol: Protocol, { engine, clock }: HandlerDeps) =>
  protocolView(protocol, await engine.protocols.findings(protocol), clock.now());

export const listProtocols = route({
  method: 'get',
  path: '/protocols',
  operationId: 'listProtocols',
  tag,
  summary: 'Protocols, newest first',
  access: 'viewer',
  responses: {
    200: {
      description: 'The newest fifty.',
      schema: shape('ProtocolList', () => z.object({ items: z.array(ProtocolView) })),
    },
  },
  problems: [],
  handle: async (_input, deps) => {
    const items = [];
    for (const protocol of await deps.store.protocols(MAX_LISTED)) items.push(await viewOf(protocol, deps));
    return json({ items });
  },
});

export const startProtocol = route({
  method: 'post',
  path: '/protocols',
  operationId: 'startProtocol',
  tag,
  summary: 'Begin a protocol',
  description:
    'From now on its phases say what agents may do without asking, by the calendar of `BUDGET_TIME_ZONE`; after the ' +
    'last one it is judged. One runs at a time, so the same request again begins no second one.',
  access: 'admin',
  body: shape('StartProtocol', () =>
    z.strictObject({
      policy: PolicySchema,
      agents: z
        .array(idText)
        .min(1)
        .max(MAX_AGENTS)
        .optional()
        .describe('Whom it binds; left out: all agents that are overseen.'),
    }),
  ),
  idempotent: true,
  responses: {
    201: { description: 'It has begun.', schema: ProtocolView },
    200: { description: 'The same Idempotency-Key began it before.', schema: ProtocolView },
  },
  problems: ['not-overseen', 'protocol-running', 'idempotency-key-reused'],
  handle: async ({ body, actor, idempotencyKey }, deps) => {
    const id = idempotencyKey === undefined ? undefined : derivedId('protocol', actor, idempotencyKey);
    const started = await deps.engine.protocols.begin(body.policy, body.agents, actor, id);
    if (started.kind === 'key-reused') throw new Problem('idempotency-key-reused');
    if (started.kind === 'busy') throw new Problem('protocol-running');
    if (started.kind === 'not-overseen') {
      const who =
        started.agents.length === 0 ? 'No agent is overseen.' : `Not overseen: ${started.agents.join(', ')}.`;
      throw new Problem('not-overseen', { detail: who });
    }
    return json(await viewOf(started.protocol, deps), started.kind === 'known' ? 200 : 201);
  },
});

export const getProtocol = route({
  method: 'get',
  path: '/protocols/:protocolId',
  operationId: 'getProtocol',
  tag,
  summary: 'How a protocol goes, or what came of it',
  access: 'viewer',
  params,
  responses: { 200: { description: 'Its phase, and each of its criteria.', schema: ProtocolView } },
  problems: ['protocol-not-found'],
  handle: async ({ params: { protocolId } }, deps) => {
    const known = await deps.store.protocol(protocolId);
    if (!known) throw new Problem('protocol-not-found');
    return json(await viewOf(known.protocol, deps));
  },
});

export const stopProtocol = route({
  method: 'post',
  path: '/protocols/:protocolId/stop',
  operationId: 'stopProtocol',
  tag,
  summary: 'End a protocol without a verdict',
  description: 'Its agents are trusted as they were before it. Stopping it once more changes nothing.',
  access: 'admin',
  params,
  body: shape('StopProtocol', () =>
    z.strictObject({ reason: switchMessage.optional().describe('For the ledger.') }),
  ),
  bodyOptional: true,
  responses: { 200: { description: 'It is over.', schema: ProtocolView } },
  problems: ['protocol-not-found'],
  handle: async ({ params: { protocolId }, body, actor }, deps) => {
    const protocol = await deps.engine.protocols.stop(protocolId, actor, body.reason);
    if (!protocol) throw new Problem('protocol-not-found');
    return json(await viewOf(protocol, deps));
  },
});
