/** What runs wait for: events that happen elsewhere, and people's decisions. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, isoTime, jsonObject, name, pageOf, pageQuery, runId } from '../schema';
import { runLink } from '../views/run';
import { iso } from '../views/time';

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
  body: name(
    'Event',
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
      schema: name(
        'EventAccepted',
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

const ApprovalView = name(
  'Approval',
  z.object({
    runId: z.guid(),
    stepId: z.string(),
    title: z.string().describe('What is asked.'),
    since: isoTime,
    links: z.object({ run: z.string(), decide: z.string() }),
  }),
);

export const listApprovals = route({
  method: 'get',
  path: '/approvals',
  operationId: 'listApprovals',
  tag,
  summary: 'Steps that wait for a decision, newest first',
  access: 'viewer',
  query: z.object(pageQuery),
  responses: { 200: { description: 'A page.', schema: name('ApprovalPage', pageOf(ApprovalView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const { items, nextCursor } = await store.approvals(query.limit, query.cursor);
    const views = items.map((wait) => ({
      runId: wait.runId,
      stepId: wait.stepId,
      title: wait.name,
      since: iso(wait.since),
      links: { run: runLink(wait.runId), decide: `${runLink(wait.runId)}/steps/${wait.stepId}/decision` },
    }));
    return json({ items: views, nextCursor });
  },
});

export const decideStep = route({
  method: 'post',
  path: '/runs/:runId/steps/:stepId/decision',
  operationId: 'decideStep',
  tag,
  summary: 'Approve or decline what a step waits for',
  access: 'approver',
  params: z.object({ runId, stepId: idText }),
  body: name(
    'Decision',
    z.strictObject({ approve: z.boolean(), comment: z.string().min(1).max(2_000).optional() }),
  ),
  responses: {
    200: {
      description: 'The decision is recorded and the run goes on.',
      schema: name('DecisionTaken', z.object({ runId: z.guid(), stepId: z.string(), approved: z.boolean() })),
    },
  },
  problems: ['run-not-found', 'nothing-to-decide'],
  handle: async ({ params, body, actor }, { engine }) => {
    const { approve, comment } = body;
    const decision = { approve, ...(comment !== undefined && { comment }) };
    const { outcome } = await engine.decide(params.runId, params.stepId, decision, actor);
    if (outcome === 'unknown-run') throw new Problem('run-not-found');
    if (outcome !== 'changed') throw new Problem('nothing-to-decide');
    return json({ runId: params.runId, stepId: params.stepId, approved: approve });
  },
});
