/** How far an agent is trusted. */
import { z } from 'zod';
import { NOTHING_YET, sinceChange } from '../../domain/oversight/level';
import type { HandlerDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape } from '../schema';
import { OversightView } from '../views/approval';
import { iso, isoOrNull } from '../views/time';

const tag = 'approvals';
const params = z.object({ agentId: idText });

async function viewOf(agentId: string, { store, engine, registry }: HandlerDeps) {
  const agent = registry.findAgent(agentId);
  if (!agent) throw new Problem('agent-not-found');
  const standing = await store.standing(agentId);
  const { level, counts, lastIncident, known } = standing;
  const { level: now, settings, thresholds } = engine.overseer.judging(agentId, standing);
  return {
    agentId,
    mode: agent.oversight?.mode ?? null,
    level: now,
    since: isoOrNull(level?.since),
    reason: level?.reason ?? null,
    supervisedActions: sinceChange(counts, level ?? { base: NOTHING_YET }).supervisedActions,
    promoteAfter: settings.promoteAfter,
    incidents: counts.incidents,
    lastIncident: lastIncident ? { ...lastIncident, at: iso(lastIncident.at) } : null,
    known,
    thresholds: { ...thresholds, askTypes: [...thresholds.askTypes] },
  };
}

export const getOversight = route({
  method: 'get',
  path: '/agents/:agentId/oversight',
  operationId: 'getOversight',
  tag,
  summary: 'How far an agent is trusted, and why',
  access: 'viewer',
  params,
  responses: { 200: { description: 'Its level and what counts for it.', schema: OversightView } },
  problems: ['agent-not-found'],
  handle: async ({ params: { agentId } }, deps) => json(await viewOf(agentId, deps)),
});

export const setOversight = route({
  method: 'post',
  path: '/agents/:agentId/oversight',
  operationId: 'setOversight',
  tag,
  summary: 'Make an agent supervised or autonomous by hand',
  description:
    'What it proposed before stays as it is. What is counted for the next change begins anew. An agent whose registry ' +
    'entry says `supervised` stays so.',
  access: 'admin',
  params,
  body: shape('SetOversight', () =>
    z.strictObject({
      level: z.enum(['supervised', 'autonomous']),
      reason: z
        .string()
        .trim()
        .min(1)
        .max(500)
        .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters')
        .describe('For the ledger.'),
    }),
  ),
  responses: { 200: { description: 'Its level and what counts for it.', schema: OversightView } },
  problems: ['agent-not-found', 'not-overseen'],
  handle: async ({ params: { agentId }, body, actor }, deps) => {
    const agent = deps.registry.findAgent(agentId);
    if (!agent) throw new Problem('agent-not-found');
    if (!agent.oversight) throw new Problem('not-overseen');
    await deps.engine.overseer.set(agentId, body.level, body.reason, actor);
    return json(await viewOf(agentId, deps));
  },
});
