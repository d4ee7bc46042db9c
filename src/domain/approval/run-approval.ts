/**
 * How a run asks people: the moves of an approval step, and of an agent that proposes before it acts. Every
 * dispatch and every wait for a word is an attempt of its own number, so that a webhook's token, the idempotency
 * key and the history speak of one thing each; proposals and waits are not counted as tries.
 */
import type { AgentRunResult } from '../../contract';
import type { Act } from '../oversight/act';
import { beyond, boundsOf, costOf } from '../oversight/bounds';
import { judge, judgeAfterwards, type Oversight } from '../oversight/rules';
import type { AgentStep, ApprovalStep } from '../plan';
import { RunDraft } from '../run-draft';
import type { RunOutcome } from '../run-events';
import { planOf, type RunError, type StepState } from '../run';
import { actionMemo, memoText, stepMemo } from './compose';
import { decideMemo, lastWord, memoDueAt, type Memo, type Vote } from './memo';

export abstract class RunApproval extends RunDraft {
  protected abstract begin(step: StepState): void;
  protected abstract succeed(step: StepState, durationMs?: number): RunOutcome;
  protected abstract attemptFailed(step: StepState, error: RunError, durationMs?: number): 'changed';

  /** Begins an agent's attempt: overseen, it proposes until it is granted to act. */
  protected propose(step: StepState, agentId: string): void {
    const plan = planOf(this.run, step.id);
    const isShadow = plan.kind === 'agent' && plan.shadowOf !== undefined;
    if (isShadow || (this.overseen(agentId)?.watched && !step.grant)) step.dryRun = true;
    else delete step.dryRun;
    this.seekLease(step, agentId);
  }

  /** Takes a proposal: it goes on by itself, or a person is asked. */
  protected proposed(step: StepState, plan: AgentStep, result: AgentRunResult): RunOutcome {
    const oversight = this.overseen(plan.agentId);
    const found = oversight ? judge(result, oversight) : [];
    this.proposal = true;
    this.endAttempt(step, 'success', undefined, result.durationMs);
    this.pass(step);
    delete step.dryRun;
    const bounds = boundsOf(result.actions);
    if (!oversight || found.length === 0) {
      step.grant = { bounds };
      delete step.revision;
      this.begin(step);
      return 'changed';
    }
    this.open(step);
    step.status = 'parked';
    const { run } = this;
    const memo = actionMemo({ run, step, plan, result, found, oversight, now: this.context.now });
    this.ask(step, { ...memo, bounds });
    return 'changed';
  }

  /** Asks for the word that a workflow's approval step waits for; the step is parked. */
  protected askForStep(step: StepState, plan: ApprovalStep): void {
    this.ask(step, stepMemo({ run: this.run, step, plan, now: this.context.now }));
  }

  /** Counts what an agent did for real, and how its task went, and notes where it went beyond what it may. */
  protected acted(step: StepState, { agentId }: AgentStep, result: AgentRunResult): void {
    const oversight = this.overseen(agentId);
    const { actions = [] } = result;
    if (!oversight) return;
    const wrong = wrongIn(step, result, oversight);
    const isPlain = actions.length === 0 && wrong.length === 0;
    if (isPlain && !oversight.watched) return;
    const act: Act = {
      ...{ agentId, runId: this.run.id, stepId: step.id, attempt: step.attempt, at: this.context.now },
      actions: actions.length,
      types: [...new Set(actions.map((a) => a.type))],
      supervised: step.grant?.memo !== undefined && result.status === 'success',
      costUsd: costOf(actions),
      level: oversight.level,
      succeeded: result.status === 'success',
      ...(result.confidence !== undefined && { confidence: result.confidence }),
      ...(wrong.length > 0 && { incident: memoText(`${agentId} ${wrong.join('; ')}`) }),
    };
    this.acts.push(act);
    if (!isPlain) this.commands.push({ type: 'weigh', act });
  }

  /** A person's word. What does not count changes nothing. */
  protected vote(step: StepState, vote: Vote): RunOutcome {
    if (step.status !== 'parked' || !step.memo) return 'unchanged';
    const decision = decideMemo(step.memo, { type: 'vote', vote }, this.context.now);
    if (decision.kind !== 'changed') return 'unchanged';
    const { memo, what } = decision;
    this.noteMemo(step, memo, what !== 'voted');
    const plan = planOf(this.run, step.id);
    if (what === 'voted') return 'changed';
    if (plan.kind === 'approval') return this.wordOnStep(step, memo);
    if (plan.kind === 'agent') this.wordOnProposal(step, memo, plan.agentId);
    return 'changed';
  }

  /** Time passed for a memo. Answers whether the step itself is due by now. */
  protected memoDue(step: StepState): boolean {
    const { now } = this.context;
    const decision = decideMemo(step.memo as Memo, { type: 'due' }, now);
    if (decision.kind !== 'changed') return step.deadline !== undefined && now >= step.deadline;
    this.noteMemo(step, decision.memo);
    if (decision.what !== 'expired') {
      step.dueAt = memoDueAt(decision.memo);
      return false;
    }
    if (decision.memo.kind === 'step') return true;
    this.attemptFailed(step, { kind: 'declined', message: 'nobody decided in time on what it proposed' });
    return false;
  }

  private ask(step: StepState, memo: Memo): void {
    if (memo.kind === 'action') this.pass(step);
    step.deadline = memo.expiresAt;
    step.dueAt = memoDueAt(memo);
    this.noteMemo(step, memo);
  }

  private wordOnStep(step: StepState, memo: Memo): RunOutcome {
    const approved = memo.state === 'approved';
    const { by, comment } = lastWord(memo);
    const output = { approved, by, ...(comment !== undefined && { comment }) };
    const durationMs = this.context.now - memo.requestedAt;
    const { id: runId, workflowId } = this.run;
    const base = { workflowId, runId, stepId: step.id, attempt: step.attempt, output, durationMs };
    const error = declined(memo);
    const result = approved
      ? { ...base, status: 'success' as const }
      : { ...base, status: 'error' as const, error };
    this.words.push({ stepId: step.id, attempt: step.attempt, result });
    if (!approved) return this.attemptFailed(step, { kind: 'declined', message: error }, durationMs);
    this.delivered[step.id] = output;
    return this.succeed(step, durationMs);
  }

  private wordOnProposal(step: StepState, memo: Memo, agentId: string): void {
    const { id, round, state, bounds = {} } = memo;
    const word = lastWord(memo);
    const again = this.overseen(agentId)?.settings.onReject === 'propose-again' && memo.mayRevise;
    if (state === 'rejected' && !again) {
      this.attemptFailed(step, { kind: 'declined', message: declined(memo) });
      return;
    }
    this.endAttempt(step, state === 'approved' ? 'success' : 'declined');
    if (state === 'approved') {
      step.grant = { bounds, memo: { id, ...word } };
      delete step.revision;
    } else {
      const verdict = state === 'rejected' ? 'reject' : 'revise';
      step.revision = { memoId: id, verdict, ...word, round: round + 1 };
    }
    this.begin(step);
  }

  /** An attempt that was no try of the work itself. */
  private pass(step: StepState): void {
    step.uncounted = (step.uncounted ?? 0) + 1;
  }

  private overseen(agentId: string): Oversight | undefined {
    return this.context.oversight?.(agentId);
  }
}

/** What was granted holds; without a proposal the rules are asked afterwards. */
function wrongIn(step: StepState, result: AgentRunResult, oversight: Oversight): string[] {
  if (step.grant) return beyond(step.grant.bounds, result.actions);
  return judgeAfterwards(result, oversight).map(({ text }) => `acted without asking: ${text}`);
}

function declined(memo: Memo): string {
  const { by, comment } = lastWord(memo);
  return `declined by ${by}${comment === undefined ? '' : `: ${comment}`}`;
}
