/** Sends a job to an agent, and asks after jobs that are under way. */
import type { AgentRunRequest, AgentStatus } from '../contract';
import { agentStepOf, planOf, stepOf, type RunState, type StepState } from '../domain/run';
import { replayCalls } from '../domain/rollout/replay-calls';
import { stepInput } from '../domain/step-input';
import { traceparentOf } from '../domain/trace';
import type { RunCommand } from '../domain/decide-run';
import { addressOf } from '../registry/capsules';
import type { Budgets } from './budgets';
import type { Capsules } from './capsules';
import type { GuardScope } from '../domain/guard/switch';
import type { EngineDeps } from './context';
import type { SendAnswer } from './ports';
import type { Guards } from './guards';
import type { Rates } from './rate';
import type { Releases } from './releases';
import { resultOf } from './releases/past-task';
import type { Runs } from './runs';
import type { Sleeper } from './sleep';
import { Turns } from './turns';

/** How long after its attempt's deadline a late result is still let in, to be recorded. */
const LATE_RESULT_MS = 3_600_000;
/** An accepted job is committed with its result when that comes at once. */
const ACCEPT_DELAY_MS = 25;
/** How often a job whose connection took too long is tried again at once; the connection is kept. */
const MAX_UNSENT = 5;
/** Jobs on their way to one address at once: fewer than connections, as a permit ends while one is waited for. */
const MAX_SENDING = 128;

type About<T extends RunCommand['type']> = Extract<RunCommand, { type: T }>;

/** What a job passes on its way, and what is told of it. */
interface Gates {
  guards: Guards;
  rates: Pick<Rates, 'hold'>;
  budgets: Pick<Budgets, 'past'>;
  releases: Pick<Releases, 'begun'>;
}

/** Who looks whether a capsule runs what it should. */
type Looker = () => Pick<Sleeper, 'reconcile'>;

export class Dispatcher {
  private readonly turns = new Turns(MAX_SENDING);

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly gates: Gates,
    private readonly looker: Looker,
  ) {}

  /** Sends a job in its turn. One that waited too long for it stands in line for its capsule again, with its attempt. */
  async send(run: RunState, command: About<'send'>): Promise<void> {
    const { clock, limits } = this.deps;
    const { origin } = new URL(this.baseUrl(run, command.stepId));
    const askedAt = clock.now();
    await this.turns.run(origin, async (hasWaited) => {
      if (hasWaited && !(await this.stands(run, command))) return;
      const late = clock.now() - askedAt > limits.claimMs - limits.sendTimeoutMs;
      if (hasWaited && late) await this.holdBack(run, command, 'too many jobs were on their way there');
      else await this.sendNow(run, command);
    });
  }

  /** Whether it is still to be sent: a run goes on while a job waits for its turn, and the sweeper may have it sent anew. */
  private async stands(run: RunState, { stepId }: About<'send'>): Promise<boolean> {
    const now = await this.runs.get(run.id);
    const [is, was] = [now && stepOf(now.state, stepId), stepOf(run, stepId)];
    if (is?.status !== 'dispatching') return false;
    return is.attempt === was?.attempt && is.grantedAt === was.grantedAt && is.sends === was.sends;
  }

  /** Nothing left this process: the attempt stays, and is nobody's fault. */
  private async holdBack(run: RunState, { stepId, attempt }: About<'send'>, reason: string): Promise<void> {
    await this.runs.apply(run.id, { type: 'held', stepId, attempt, reason });
  }

  private async sendNow(run: RunState, command: About<'send'>): Promise<void> {
    const { agents, limits } = this.deps;
    const { stepId, attempt } = command;
    const request = await this.request(run, stepId);
    if (!request) return;
    const scope = { workflowId: run.workflowId, agentId: agentStepOf(run, stepId).agentId };
    const answer = await this.guarded(scope, (mayBegin) =>
      agents.run(this.baseUrl(run, stepId), request, limits.sendTimeoutMs, mayBegin),
    );
    if (answer.kind === 'held') {
      await this.holdBack(run, command, answer.reason);
    } else if (answer.kind === 'accepted') {
      this.runs.defer(run.id, { type: 'accepted', stepId, attempt }, ACCEPT_DELAY_MS);
    } else {
      if (answer.kind === 'busy' && answer.retryAfterMs !== undefined)
        await this.gates.rates.hold(scope.agentId, answer.retryAfterMs);
      await this.runs.apply(run.id, { type: 'send-failed', stepId, attempt, failure: answer });
      if (answer.kind === 'unreachable') await this.look(run, stepId);
    }
  }

  /**
   * Nobody is there: somebody else may have put the capsule to sleep. Found now, the attempt waits for the next
   * shift; left to the next sweep, a busy process might have used up its sends before.
   */
  private async look(run: RunState, stepId: string): Promise<void> {
    const capsuleId = stepOf(run, stepId)?.capsuleId;
    const capsule = capsuleId === undefined ? undefined : (await this.capsules.load(capsuleId))?.state;
    if (capsule?.status === 'awake') await this.looker().reconcile(capsule);
  }

  /** Sends if the guards let it, and only while they do: a connection may take longer than a permit lasts. */
  private async guarded(
    scope: GuardScope,
    send: (mayBegin: () => boolean) => Promise<SendAnswer>,
  ): Promise<Exclude<SendAnswer, { kind: 'not-sent' }> | { kind: 'held'; reason: string }> {
    for (let tries = 0; tries < MAX_UNSENT; tries += 1) {
      const verdict = await this.gates.guards.permit(scope);
      if (verdict.verdict !== 'proceed') return { kind: 'held', reason: verdict.reason };
      const answer = await send(() => this.gates.guards.mayBegin(scope));
      if (answer.kind !== 'not-sent') return answer;
    }
    return { kind: 'held', reason: 'there was no connection while it might be sent' };
  }

  /** The request for a step's attempt in hand; undefined once retention removed the run's input. */
  async request(run: RunState, stepId: string): Promise<AgentRunRequest | undefined> {
    const { callbacks } = this.deps;
    const step = stepOf(run, stepId);
    const payloads = await this.runs.payloads(run.id);
    if (!step || !payloads) return undefined;
    const { attempt, deadline = this.deps.clock.now() } = step;
    const expiresAt = deadline + LATE_RESULT_MS;
    const request: AgentRunRequest = {
      workflowId: run.workflowId,
      stepId,
      runId: run.id,
      input: {
        ...stepInput(run.plan, stepId, payloads.input, payloads.outputs, run.ending?.error),
        ...wordsFor(step),
      },
      config: {
        webhookUrl: callbacks.url({
          runId: run.id,
          stepId,
          attempt,
          expiresAt,
          issuedAt: step.grantedAt ?? 0,
        }),
        timeoutSeconds: planOf(run, stepId).timeoutMs / 1_000,
        attempt,
        traceparent: traceparentOf(run.id, stepId, attempt),
        ...(step.dryRun && { dryRun: true }),
        ...(await this.replayed(run)),
        ...(step.releaseId !== undefined && { releaseId: step.releaseId }),
      },
    };
    this.gates.releases.begun(request, run, agentStepOf(run, stepId));
    return request;
  }

  /** Of a copy: of what it is one, and what that one called and got. */
  private async replayed({ trigger }: RunState): Promise<Partial<AgentRunRequest['config']>> {
    if (trigger.kind !== 'shadow') return {};
    const { of, attempt, unrecorded } = trigger;
    const stored = await this.deps.store.payloads(of);
    const calls = replayCalls(stored && resultOf(stored, trigger)?.toolCalls);
    return {
      replayOf: `${of}/${attempt}`,
      ...(calls && { replayCalls: calls }),
      ...(unrecorded && { unrecorded }),
    };
  }

  /** Asks the agent how a running job stands: finds lost webhooks and lost jobs. */
  async check(run: RunState, { stepId, attempt }: About<'check'>): Promise<void> {
    const { agents, limits, log } = this.deps;
    const { concurrency } = this.deps.registry.agent(agentStepOf(run, stepId).agentId);
    // The plainest of agents knows the bare path alone, and needs no more for its one job.
    const job = concurrency > 1 ? { runId: run.id, stepId } : undefined;
    const answer = await agents.status(this.baseUrl(run, stepId), limits.statusTimeoutMs, job);
    if (answer.kind === 'silent') {
      const { detail } = answer;
      log.warn({ run: run.id, step: stepId, detail }, 'agent did not tell its status');
      await this.runs.apply(run.id, { type: 'checked', stepId, attempt, answered: false, detail });
      return;
    }
    const { last } = answer.status;
    if (last?.runId === run.id && last.stepId === stepId && (last.attempt ?? attempt) === attempt) {
      log.info({ run: run.id, step: stepId }, 'result taken from the status: its webhook was lost');
      await this.runs.apply(
        run.id,
        { type: 'result', stepId, attempt, result: last },
        { result: { stepId, attempt, result: last }, actor: `agent:${agentStepOf(run, stepId).agentId}` },
      );
      return;
    }
    await this.compare(run, stepId, attempt, answer.status);
  }

  /** What a status without the result says: still at it, or the job is lost. */
  private async compare(run: RunState, stepId: string, attempt: number, status: AgentStatus): Promise<void> {
    const step = stepOf(run, stepId);
    if (!step) return;
    await this.noteBoot(step, status.bootId);
    const { concurrency } = this.deps.registry.agent(agentStepOf(run, stepId).agentId);
    const past = this.gates.budgets.past(run, stepId, status.current);
    // Its agent is told to stop; what it used counts with its result, however late that comes.
    if (past !== undefined)
      return void (await this.runs.apply(run.id, { type: 'cancel', reason: past, unless: 'ending' }));
    const reason = lostReason(status, { runId: run.id, stepId, bootId: step.bootId, concurrency });
    await this.runs.apply(
      run.id,
      reason === undefined
        ? { type: 'checked', stepId, attempt, answered: true }
        : { type: 'lost', stepId, attempt, reason },
    );
  }

  /** The next jobs must be looked for in the process that is there now. */
  private async noteBoot(
    { capsuleId, generation, bootId: known }: StepState,
    bootId?: string,
  ): Promise<void> {
    if (capsuleId === undefined || generation === undefined || bootId === undefined || bootId === known)
      return;
    await this.capsules.apply(capsuleId, { type: 'rebooted', generation, bootId });
  }

  async cancel(run: RunState, { stepId, capsuleId }: About<'cancel-agent'>): Promise<void> {
    const { agents, limits } = this.deps;
    const url = this.baseUrl(run, stepId, capsuleId);
    await agents.cancel(url, { runId: run.id, stepId }, limits.statusTimeoutMs);
  }

  private baseUrl(run: RunState, stepId: string, capsuleId = stepOf(run, stepId)?.capsuleId): string {
    return addressOf(this.deps.registry.agent(agentStepOf(run, stepId).agentId), capsuleId);
  }
}

/** What people said of what the agent proposed. */
function wordsFor({ grant, revision }: StepState): Record<string, unknown> {
  if (grant?.memo) {
    const { id: memoId, ...word } = grant.memo;
    return { approval: { memoId, ...word } };
  }
  return revision ? { revision } : {};
}

interface Job {
  runId: string;
  stepId: string;
  /** The process that was there when the job was granted. */
  bootId: string | undefined;
  concurrency: number;
}

/** Why the agent no longer has the job, or undefined while it may still have it. */
function lostReason({ current, bootId: now }: AgentStatus, job: Job): string | undefined {
  const { runId, stepId, bootId, concurrency } = job;
  // At work on it. The process may be another than at the grant: it was replaced before the job was sent.
  if (current?.runId === runId && current.stepId === stepId) return undefined;
  if (bootId === undefined || now === undefined) return undefined;
  if (now !== bootId) return 'the agent was restarted while it had the job';
  // A status names one job and one result: an agent that takes several may have this one, or have
  // finished it and be about to deliver. Doing it twice is worse than waiting for its deadline.
  return concurrency > 1 ? undefined : 'the agent has no record of the job';
}
