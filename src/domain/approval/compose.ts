/** Writes memos: what people read before they decide. */
import { createHash } from 'node:crypto';
import type { AgentRunResult } from '../../contract';
import { costOf } from '../oversight/bounds';
import type { Finding, Oversight } from '../oversight/rules';
import type { AgentStep, ApprovalStep } from '../plan';
import type { RunState, StepState } from '../run';
import type { Memo } from './memo';

/** Actions that a memo lists; it says how many there are. */
const MAX_LISTED = 50;
/** What agents write is cut: a memo is read on a telephone. */
const MAX_TEXT = 1_000;

export const memoText = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;

type About = Pick<RunState, 'id' | 'workflowId' | 'startedBy'>;

/** The same for the same attempt, whoever decides: a UUID (version 8). */
export function memoId(runId: string, stepId: string, attempt: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(['memo', runId, stepId, attempt]))
    .digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `a${hash.slice(17, 20)}`];
  return [...groups, hash.slice(20, 32)].join('-');
}

interface StepAsk {
  run: About;
  step: StepState;
  plan: ApprovalStep;
  now: number;
}

export function stepMemo({ run, step, plan, now }: StepAsk): Memo {
  return {
    ...begun(run, step, now),
    kind: 'step',
    title: plan.title,
    recommendation: `Say whether workflow ${run.workflowId} goes on.`,
    reasons: [`Step ${step.id} of the workflow asks for a person's word.`],
    ...{ risk: 0, costUsd: 0, rules: [] },
    onNo: 'The step fails, and what needs it is not done.',
    evidence: { actions: [], actionCount: 0 },
    ...{ round: 1, mayRevise: false },
    expiresAt: now + plan.timeoutMs,
    ...(plan.escalateMs !== undefined && { escalateAt: now + plan.escalateMs }),
    quorum: plan.quorum ?? 1,
  };
}

interface ActionAsk {
  run: About;
  step: StepState;
  plan: AgentStep;
  result: AgentRunResult;
  found: readonly Finding[];
  oversight: Oversight;
  now: number;
}

export function actionMemo({ run, step, plan, result, found, oversight, now }: ActionAsk): Memo {
  const { actions = [], confidence, riskTier, needsHuman } = result;
  const { settings } = oversight;
  const round = step.revision?.round ?? 1;
  const mayRevise = round < settings.maxRounds;
  const types = [...new Set(actions.map((a) => a.type))];
  const what = types.length === 0 ? 'go on' : types.slice(0, 5).join(', ');
  return {
    ...begun(run, step, now),
    kind: 'action',
    agentId: plan.agentId,
    title: memoText(`May ${plan.agentId} ${what}?`),
    recommendation: memoText(recommendationOf(result)),
    reasons: found.map(({ text }) => text),
    risk: riskTier ?? 0,
    costUsd: costOf(actions),
    onNo:
      settings.onReject === 'fail' || !mayRevise
        ? 'Nothing is done, and the step fails.'
        : 'Nothing is done; the agent is told why and proposes something else.',
    evidence: {
      actions: actions.slice(0, MAX_LISTED).map(summary),
      actionCount: actions.length,
      ...(confidence !== undefined && { confidence }),
      ...(needsHuman !== undefined && { needsHuman: memoText(needsHuman) }),
    },
    rules: found.map(({ rule }) => rule),
    round,
    mayRevise,
    expiresAt: now + settings.expireSeconds * 1_000,
    escalateAt: now + settings.escalateSeconds * 1_000,
    quorum: settings.quorum,
  };
}

/** The agent's own words where it has some. */
function recommendationOf({ output, actions = [] }: AgentRunResult): string {
  const { recommendation } = output;
  if (typeof recommendation === 'string' && recommendation.trim() !== '') return recommendation;
  return actions.length === 1 ? 'Let it do this one thing.' : `Let it do these ${actions.length} things.`;
}

function begun({ id: runId, workflowId, startedBy }: About, { id: stepId, attempt }: StepState, now: number) {
  return {
    id: memoId(runId, stepId, attempt),
    ...{ runId, workflowId, stepId, attempt },
    requestedAt: now,
    ...(startedBy !== undefined && { startedBy }),
    state: 'requested' as const,
    decisions: [],
  };
}

const summary = ({
  type,
  platform,
  costUsd,
  recurring,
  reach,
}: NonNullable<AgentRunResult['actions']>[number]) => ({
  type: memoText(type),
  ...(platform !== undefined && { platform: memoText(platform) }),
  ...(costUsd !== undefined && { costUsd }),
  ...(recurring !== undefined && { recurring }),
  ...(reach !== undefined && { reach }),
});
