/** What comes back from agents: results by webhook, and claims of agents that start up. */
import type { AgentClaim, AgentRunRequest, AgentRunResult } from '../contract';
import { agentStepOf, stepOf } from '../domain/run';
import { capsulesOf } from '../registry/capsules';
import type { LeaseRequest } from '../store/store';
import type { Callback } from './callbacks';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Dispatcher } from './dispatch';
import type { Guards } from './guards';
import type { Runs } from './runs';

export type SettleOutcome =
  | { kind: 'settled' | 'duplicate' | 'late' }
  | { kind: 'refused'; reason: 'forged' | 'expired' | 'revoked' | 'mismatch' | 'unknown-run' };

/** How many waiting steps a claim tries before it answers that there is no work. */
const MAX_CLAIM_TRIES = 10;

export class Settler {
  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly dispatcher: Dispatcher,
    private readonly guards: Guards,
  ) {}

  /**
   * Takes a result that came with a callback token. Resolves only once it is durable.
   * @throws when the store does not answer: the agent has to send it again.
   */
  async result(token: string, result: AgentRunResult): Promise<SettleOutcome> {
    const verdict = this.deps.callbacks.verify(token, this.deps.clock.now());
    if (!verdict.ok) return { kind: 'refused', reason: verdict.reason };
    return this.apply(verdict.callback, result, `callback:${verdict.callback.stepId}`);
  }

  /**
   * Takes a result for an attempt that it was proved to belong to, now or before.
   * @param actor who brings it, for the ledger
   * @throws when the store does not answer
   */
  async apply(
    { runId, stepId, attempt }: Pick<Callback, 'runId' | 'stepId' | 'attempt'>,
    result: AgentRunResult,
    actor: string,
  ): Promise<SettleOutcome> {
    const same =
      result.runId === runId && result.stepId === stepId && (result.attempt ?? attempt) === attempt;
    if (!same) return { kind: 'refused', reason: 'mismatch' };
    const applied = await this.runs.apply(
      runId,
      { type: 'result', stepId, attempt, result },
      { result: { stepId, attempt, result }, actor },
    );
    if (applied.outcome === 'changed') return { kind: 'settled' };
    if (applied.outcome === 'duplicate' || applied.outcome === 'late') return { kind: applied.outcome };
    return { kind: 'refused', reason: 'unknown-run' };
  }

  /**
   * An agent in startup mode asks for its job; that is also its ready signal. The caller has
   * checked its secret. Answers undefined when there is nothing to do for it.
   */
  async claim({ agentId, bootId }: AgentClaim): Promise<AgentRunRequest | undefined> {
    const capsuleId = await this.capsuleOf(agentId, bootId);
    // The answer hands a job over: it passes the gate like one that is sent.
    if ((await this.guards.permit({ agentId })).verdict !== 'proceed') return undefined;
    const [record, waiting] = await Promise.all([
      this.capsules.load(capsuleId),
      this.deps.store.grantable(capsuleId),
    ]);
    if (!record || record.state.formerBootIds.includes(bootId)) return undefined;
    const { generation } = record.state;
    const at = this.deps.clock.now();
    // Both are decided at once, so that one durable commit holds them. A lease that gets there before
    // the capsule is awake is refused, and asked for again below.
    const [{ state }, claimed] = await Promise.all([
      this.capsules.apply(
        capsuleId,
        { type: 'healthy', generation, bootId, at },
        { withhold: 'grant', loaded: record },
      ),
      this.claimWaiting(waiting, capsuleId, generation, bootId),
    ]);
    if (claimed) return claimed;
    if (state.status !== 'awake' || state.generation !== generation) return undefined;
    const still = await this.deps.store.grantable(capsuleId);
    return (
      (await this.claimWaiting(still, capsuleId, generation, bootId)) ??
      (await this.claimGranted(capsuleId, bootId))
    );
  }

  /** Which of its agent's capsules a process is on: the one it is known on, else the one that is being woken. */
  private async capsuleOf(agentId: string, bootId: string): Promise<string> {
    const agent = this.deps.registry.agent(agentId);
    const capsules = capsulesOf(agent);
    if (capsules.length === 1) return agent.capsuleId;
    const loaded = await Promise.all(capsules.map(({ capsuleId }) => this.capsules.load(capsuleId)));
    const states = loaded.flatMap((record) => record?.state ?? []);
    const own =
      states.find((s) => s.bootId === bootId && s.status === 'awake') ??
      states.find((s) => s.status === 'waking');
    return own?.id ?? agent.capsuleId;
  }

  private async claimWaiting(waiting: LeaseRequest[], capsuleId: string, generation: number, bootId: string) {
    let claimed: AgentRunRequest | undefined;
    for (const { runId, stepId } of waiting.slice(0, MAX_CLAIM_TRIES)) {
      const options = claimed ? {} : { withhold: 'send' as const };
      const { outcome } = await this.runs.apply(
        runId,
        { type: 'slot', stepId, generation, bootId, capsuleId },
        options,
      );
      if (outcome === 'changed' && !claimed) claimed = await this.handOver({ runId, stepId }, bootId);
    }
    return claimed;
  }

  /** The orchestrator was quicker: the job is granted already, and its `POST /run` may be on its way. */
  private async claimGranted(capsuleId: string, bootId: string): Promise<AgentRunRequest | undefined> {
    for (const lease of (await this.deps.store.holders(capsuleId)).slice(0, MAX_CLAIM_TRIES)) {
      const request = await this.handOver(lease, bootId);
      if (request) return request;
    }
    return undefined;
  }

  private async handOver({ runId, stepId }: Pick<LeaseRequest, 'runId' | 'stepId'>, bootId: string) {
    const run = (await this.runs.get(runId))?.state;
    const step = run && stepOf(run, stepId);
    if (!run || step?.status !== 'dispatching') return undefined;
    const request = await this.dispatcher.request(run, stepId);
    const { agentId } = agentStepOf(run, stepId);
    if ((await this.guards.permit({ agentId, workflowId: run.workflowId })).verdict !== 'proceed')
      return undefined;
    this.runs.defer(runId, { type: 'accepted', stepId, attempt: step.attempt, bootId }, 0);
    this.deps.log.debug({ run: runId, step: stepId, agent: agentId }, 'job claimed');
    return request;
  }
}
