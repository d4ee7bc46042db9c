/** What people are asked, and their word on it. */
import { z } from 'zod';
import { MEMO_STATES, VERDICTS, type Refusal } from '../../domain/approval/memo';
import type { ProblemCode } from '../problem-catalogue';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape, pageOf, pageQuery, runId } from '../schema';
import { ApprovalView, approvalView } from '../views/approval';

const tag = 'approvals';

const comment = z.string().trim().min(1).max(2_000);
export const memoParams = z.object({ id: z.guid().toLowerCase() });

const PROBLEM_OF: Record<Refusal, ProblemCode> = {
  decided: 'nothing-to-decide',
  own: 'own-approval',
  voted: 'voted-already',
  'nothing-to-revise': 'nothing-to-revise',
  'comment-missing': 'invalid-request',
};

/** Why a vote does not count, as a problem. */
export function refused(why: Refusal): Problem {
  if (why !== 'comment-missing') return new Problem(PROBLEM_OF[why]);
  const error = { field: 'body.comment', message: 'say what should be different' };
  return new Problem('invalid-request', { detail: `${error.field}: ${error.message}`, errors: [error] });
}

export const listApprovals = route({
  method: 'get',
  path: '/approvals',
  operationId: 'listApprovals',
  tag,
  summary: 'What waits for a decision, newest first',
  access: 'viewer',
  query: z.object({
    ...pageQuery,
    state: z
      .enum([...MEMO_STATES, 'any'])
      .default('requested')
      .describe('`any`: those that are over, too.'),
    agentId: idText.optional(),
    runId: runId.optional(),
  }),
  responses: { 200: { description: 'A page.', schema: shape('ApprovalPage', () => pageOf(ApprovalView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const { state, agentId, runId: run, limit, cursor } = query;
    const filter = {
      ...(state !== 'any' && { state }),
      ...(agentId !== undefined && { agentId }),
      ...(run !== undefined && { runId: run }),
    };
    const { items, nextCursor } = await store.memos(filter, limit, cursor);
    return json({ items: items.map(approvalView), nextCursor });
  },
});

export const getApproval = route({
  method: 'get',
  path: '/approvals/:id',
  operationId: 'getApproval',
  tag,
  summary: 'One decision memo',
  access: 'viewer',
  params: memoParams,
  responses: { 200: { description: 'The memo.', schema: ApprovalView } },
  problems: ['approval-not-found'],
  handle: async ({ params }, { store }) => {
    const memo = await store.memo(params.id);
    if (!memo) throw new Problem('approval-not-found');
    return json(approvalView(memo));
  },
});

export const decideApproval = route({
  method: 'post',
  path: '/approvals/:id/decision',
  operationId: 'decideApproval',
  tag,
  summary: 'Approve, reject or send back what is asked',
  description:
    'Each person has one vote. One rejection, or one wish for a revision, decides; an approval needs the quorum. ' +
    'The person who started the run cannot approve.',
  access: 'approver',
  params: memoParams,
  body: shape('MemoDecision', () =>
    z.strictObject({
      verdict: z.enum(VERDICTS),
      comment: comment.optional().describe('Told to the agent; needed to send something back.'),
    }),
  ),
  responses: { 200: { description: 'Your word is recorded; the memo as it is now.', schema: ApprovalView } },
  problems: ['approval-not-found', 'nothing-to-decide', 'own-approval', 'voted-already', 'nothing-to-revise'],
  handle: async ({ params, body, actor, principal }, { engine }) => {
    const { verdict } = body;
    const said = body.comment === undefined ? {} : { comment: body.comment };
    const vote = { by: actor, owner: principal?.owner ?? actor, verdict, ...said };
    const decided = await engine.approvals.decide(params.id, vote);
    if (decided.kind === 'unknown') throw new Problem('approval-not-found');
    if (decided.kind === 'refused') throw refused(decided.why);
    return json(approvalView(decided.memo));
  },
});

export const decideStep = route({
  method: 'post',
  path: '/runs/:runId/steps/:stepId/decision',
  operationId: 'decideStep',
  tag,
  summary: 'Approve or decline what a step waits for',
  description: 'The same as a decision on its approval, for those who know the step.',
  access: 'approver',
  params: z.object({ runId, stepId: idText }),
  body: shape('Decision', () => z.strictObject({ approve: z.boolean(), comment: comment.optional() })),
  responses: {
    200: {
      description: 'The decision is recorded and the run goes on.',
      schema: shape('DecisionTaken', () =>
        z.object({ runId: z.guid(), stepId: z.string(), approved: z.boolean() }),
      ),
    },
  },
  problems: ['run-not-found', 'nothing-to-decide', 'own-approval', 'voted-already'],
  handle: async ({ params, body, actor, principal }, { engine }) => {
    const { approve } = body;
    const decision = { approve, ...(body.comment !== undefined && { comment: body.comment }) };
    const { runId: id, stepId } = params;
    const decided = await engine.decide(id, stepId, decision, actor, principal?.owner);
    if (decided.outcome === 'unknown-run') throw new Problem('run-not-found');
    if (decided.outcome !== 'changed') throw refused(decided.refused ?? 'decided');
    return json({ runId: id, stepId, approved: approve });
  },
});
