/** Memos and oversight as the API shows them. */
import { z } from 'zod';
import { MEMO_STATES, VERDICTS, type Memo } from '../../domain/approval/memo';
import { RULES } from '../../domain/oversight/rules';
import { isoTime, maybeTime, shape } from '../schema';
import { runLink } from './run';
import { iso, isoOrNull } from './time';

export const ApprovalView = shape('Approval', () =>
  z.object({
    id: z.guid(),
    runId: z.guid(),
    workflowId: z.string(),
    stepId: z.string(),
    agentId: z.string().nullable().describe('The agent that proposes; null for a step of a workflow.'),
    kind: z.enum(['step', 'action']),
    state: z.enum(MEMO_STATES),
    title: z.string().describe('What is asked.'),
    recommendation: z.string(),
    reasons: z.array(z.string()).describe('Why a person is asked.'),
    rules: z.array(z.enum(RULES)).describe('The rules that ask.'),
    risk: z.number().int().describe('0 to 3, as the agent sees it.'),
    costUsd: z.number(),
    onNo: z.string().describe('What happens on no.'),
    actions: z.array(
      z.object({
        type: z.string(),
        platform: z.string().nullable(),
        costUsd: z.number().nullable(),
        recurring: z.boolean(),
        reach: z.number().int().nullable(),
      }),
    ),
    actionCount: z.number().int().describe('How many actions there are; the first 50 are listed.'),
    confidence: z.number().nullable(),
    needsHuman: z.string().nullable().describe("The agent's own words."),
    round: z.number().int().describe('The how-manieth proposal it is.'),
    mayRevise: z.boolean().describe('Whether it can be sent back for another proposal.'),
    quorum: z.number().int().describe('How many people have to approve.'),
    decisions: z.array(
      z.object({
        by: z.string(),
        owner: z.string(),
        verdict: z.enum(VERDICTS),
        comment: z.string().nullable(),
        at: isoTime,
      }),
    ),
    startedBy: z.string().nullable().describe('The person who started the run, who cannot approve.'),
    since: isoTime,
    expiresAt: isoTime.describe('Nobody decided by then: it is a no.'),
    escalatedAt: maybeTime.describe('When more people were told.'),
    decidedAt: maybeTime,
    links: z.object({ self: z.string(), run: z.string(), decide: z.string(), page: z.string() }),
  }),
);

export const approvalView = (memo: Memo): z.infer<typeof ApprovalView> => {
  const { evidence, decisions } = memo;
  return {
    ...{ id: memo.id, runId: memo.runId, workflowId: memo.workflowId, stepId: memo.stepId },
    agentId: memo.agentId ?? null,
    ...{ kind: memo.kind, state: memo.state, title: memo.title, recommendation: memo.recommendation },
    ...{ reasons: memo.reasons, rules: memo.rules, risk: memo.risk, costUsd: memo.costUsd, onNo: memo.onNo },
    actions: evidence.actions.map(({ type, platform, costUsd, recurring, reach }) => ({
      type,
      platform: platform ?? null,
      costUsd: costUsd ?? null,
      recurring: recurring === true,
      reach: reach ?? null,
    })),
    actionCount: evidence.actionCount,
    confidence: evidence.confidence ?? null,
    needsHuman: evidence.needsHuman ?? null,
    ...{ round: memo.round, mayRevise: memo.mayRevise, quorum: memo.quorum },
    decisions: decisions.map(({ comment, at, ...d }) => ({ ...d, comment: comment ?? null, at: iso(at) })),
    startedBy: memo.startedBy ?? null,
    since: iso(memo.requestedAt),
    expiresAt: iso(memo.expiresAt),
    escalatedAt: isoOrNull(memo.escalatedAt),
    decidedAt: isoOrNull(memo.decidedAt),
    links: {
      self: `/approvals/${memo.id}`,
      run: runLink(memo.runId),
      decide: `/approvals/${memo.id}/decision`,
      page: `/approvals/${memo.id}/page`,
    },
  };
};

export const OversightView = shape('Oversight', () =>
  z.object({
    agentId: z.string(),
    mode: z
      .enum(['supervised', 'by-rule', 'autonomous'])
      .nullable()
      .describe('As the registry says; null: it is not overseen, and judged afterwards.'),
    level: z.enum(['supervised', 'autonomous']),
    since: maybeTime,
    reason: z.string().nullable().describe('Why it has this level.'),
    supervisedActions: z.number().int().describe('Successful ones, since the last change or incident.'),
    promoteAfter: z.number().int(),
    incidents: z.number().int().describe('Ever.'),
    lastIncident: z.object({ at: isoTime, text: z.string(), runId: z.guid() }).nullable(),
    known: z.array(z.string()).describe('Types of action it did before.'),
    thresholds: z.object({
      spendUsd: z.number(),
      confidence: z.number(),
      reach: z.number(),
      riskTier: z.number(),
      askTypes: z.array(z.string()).describe('Types of action that are always asked for.'),
    }),
  }),
);
