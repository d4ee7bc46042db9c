/**
 * The agents' breakers at work: counts how tasks end, opens, lets one task through when the time is over, and
 * takes its verdict. The state is the record's, so that all orchestrators count together; what a process that died
 * left undone is found by the next pass.
 */
import {
  breakerEntry,
  breakerText,
  closedBreaker,
  decideBreaker,
  endedTask,
  endedTasks,
  resetHint,
  type BreakerEvent,
  type BreakerRules,
  type BreakerState,
  type EndedTask,
  type TaskRef,
} from '../../domain/breaker';
import { isActive, stepOf, type RunState } from '../../domain/run';
import { capsulesOf } from '../../registry/capsules';
import type { StepResult } from '../../store/store';
import type { Alerts } from '../alerts';
import type { EngineDeps } from '../context';
import { KeyedMutex, type Tasks } from '../tasks';

/** Who opens and closes them, for the ledger. */
const ACTOR = 'engine';
/** As many as an installation may have agents. */
const MAX_BREAKERS = 1_000;
/** Writes of one breaker that others were quicker at; the next task or pass tries again. */
const MAX_RACES = 20;

type Deps = Pick<EngineDeps, 'store' | 'registry' | 'clock' | 'log'>;

/** What changed a breaker, and how it ended, in words. */
interface By {
  event: BreakerEvent;
  actor: string;
  how?: string | undefined;
}

/** Rules under which nothing is ever counted: what is left of an agent that has no breaker any more. */
const NO_RULES: BreakerRules = {
  ...{ consecutiveFailures: Infinity, windowTasks: 1, windowMinutes: 1, minTasks: 1 },
  ...{ openSeconds: 1, maxOpenSeconds: 1 },
};

export class Breakers {
  /** As they were last read, those that are not closed. */
  private known: ReadonlyMap<string, BreakerState> = new Map();
  private readonly mutex = new KeyedMutex();
  private swept = false;
  /** Told of each one that is open, once or more often: what opened it may be taken back. */
  onOpen: (state: BreakerState) => Promise<void> = async () => undefined;

  constructor(
    private readonly deps: Deps,
    private readonly tasks: Tasks,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
    /** Serves those who wait for a capsule. */
    private readonly want: (capsuleId: string) => Promise<void>,
  ) {}

  /** Those that are not closed, as far as this process knows. */
  get notClosed(): ReadonlyMap<string, BreakerState> {
    return this.known;
  }

  /** Takes what a commit ended into account, apart from the run's own way. */
  ended(before: RunState, after: RunState, results: readonly StepResult[]): void {
    const { registry } = this.deps;
    if (!registry.agents.some((a) => a.breaker)) return;
    const resultOf = ({ stepId, attempt }: TaskRef) =>
      results.find((r) => r.stepId === stepId && r.attempt === attempt)?.result;
    for (const one of endedTasks(before, after, resultOf))
      if (registry.findAgent(one.agentId)?.breaker) this.tasks.spawn('breaker', () => this.count(one));
  }

  /**
   * Closes a breaker, and forgets what was counted. Answers it, or undefined where the agent has none.
   * @param how in words, for the alert
   */
  async reset(agentId: string, actor: string, how = `reset by ${actor}`): Promise<BreakerState | undefined> {
    if (!this.deps.registry.findAgent(agentId)?.breaker) return undefined;
    return this.apply(agentId, { type: 'reset' }, actor, how);
  }

  /** What the clock and the record say: who may be tried, and which trials are over that nobody told of. */
  async sweep(): Promise<void> {
    const { registry, store } = this.deps;
    // What an installation without breakers has left of them is let go of once.
    if (this.swept && !registry.agents.some((a) => a.breaker)) return;
    const all = await store.breakers(MAX_BREAKERS);
    this.known = new Map(all.filter((b) => b.status !== 'closed').map((b) => [b.agentId, b]));
    for (const state of this.known.values()) {
      try {
        await this.look(state);
      } catch (error) {
        this.deps.log.error({ err: error, agent: state.agentId }, 'a breaker could not be looked at');
      }
    }
    this.swept = true;
  }

  private async look(state: BreakerState): Promise<void> {
    const { agentId, status, until = 0, trial } = state;
    if (!this.deps.registry.findAgent(agentId)?.breaker) {
      await this.apply(agentId, { type: 'reset' }, ACTOR, 'the agent has no breaker any more');
    } else if (status === 'open' && this.deps.clock.now() >= until) {
      await this.apply(agentId, { type: 'due' }, ACTOR);
    } else if (status === 'open') {
      // Who saw it open may have died before it told.
      await this.onOpen(state);
    } else if (trial) {
      await this.lookAtTrial(agentId, trial);
    }
  }

  /** The process that saw it end may have died before it told. */
  private async lookAtTrial(agentId: string, ref: TaskRef): Promise<void> {
    const run = (await this.deps.store.run(ref.runId))?.state;
    const step = run && stepOf(run, ref.stepId);
    const record = step?.history.find((r) => r.attempt === ref.attempt);
    if (run && record) {
      const ended = endedTask(run, ref, record);
      await (ended ? this.count(ended) : this.apply(agentId, { type: 'trial-void', ref }, ACTOR));
    } else if (!step || !isActive(step.status) || step.status === 'waiting' || step.attempt !== ref.attempt) {
      await this.apply(agentId, { type: 'trial-void', ref }, ACTOR);
    }
  }

  private async count({ agentId, ref, task }: EndedTask): Promise<void> {
    const { store, registry } = this.deps;
    const capsuleId = registry.findAgent(agentId)?.capsuleId;
    const releaseId =
      task.releaseId ??
      (capsuleId === undefined ? undefined : (await store.capsule(capsuleId))?.state.release);
    const release = releaseId === undefined ? {} : { releaseId };
    await this.apply(agentId, { type: 'task', task, ref, ...release }, ACTOR);
  }

  private apply(agentId: string, event: BreakerEvent, actor: string, how?: string): Promise<BreakerState> {
    return this.mutex.run(agentId, () => this.applyNow(agentId, event, actor, how));
  }

  private async applyNow(
    agentId: string,
    event: BreakerEvent,
    actor: string,
    how?: string,
  ): Promise<BreakerState> {
    const { store, clock, registry } = this.deps;
    const rules = registry.findAgent(agentId)?.breaker ?? NO_RULES;
    for (let race = 0; race < MAX_RACES; race += 1) {
      const { state: before, version } = (await store.breaker(agentId)) ?? {
        state: closedBreaker(agentId),
        version: 0,
      };
      const at = clock.now();
      const after = decideBreaker(before, event, rules, at);
      if (after === before) return before;
      const entry = breakerEntry(before, after, { at, actor, event });
      if (!(await store.saveBreaker(after, version, entry))) continue;
      await this.changed(before, after, { event, actor, how });
      return after;
    }
    throw new Error(`breaker of agent ${agentId}: lost ${MAX_RACES} races in a row`);
  }

  private async changed(
    before: BreakerState,
    after: BreakerState,
    { event, actor, how = 'the task on trial went well' }: By,
  ): Promise<void> {
    const { agentId, status } = after;
    const known = new Map(this.known);
    if (status === 'closed') known.delete(agentId);
    else known.set(agentId, after);
    this.known = known;
    if (before.status === status) return;
    const subject = { kind: 'breaker-open', subject: agentId } as const;
    if (status === 'open') {
      const message = `${sentence(breakerText(after) ?? '')}. Its work waits in line and is kept. Find out what is wrong with it; ${resetHint(agentId)} lets its work go on at once.`;
      const about = 'ref' in event ? { runId: event.ref.runId } : {};
      await this.alerts.raise({ ...subject, ...about, message }, actor);
      // Beside the turn of this breaker, which what is done about it may take.
      this.tasks.spawn('open breaker', () => this.onOpen(after));
    } else if (status === 'closed') {
      await this.alerts.resolve(subject, how, actor);
    }
    const agent = this.deps.registry.findAgent(agentId);
    if (status === 'open' || !agent) return;
    for (const { capsuleId } of capsulesOf(agent)) await this.want(capsuleId);
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
