/**
 * The one way a run changes: load, decide, commit, then act. A commit that loses a race is decided
 * anew on what won; events of one run are taken one after the other.
 */
import {
  type CapsuleView,
  type RunCommand,
  type RunContext,
  type RunDecision,
  type RunEvent,
  type RunOutcome,
} from '../domain/decide-run';
import type { RunData } from '../domain/condition';
import { readsData } from '../domain/plan';
import type { RunState } from '../domain/run';
import type { Change, CommitResult, Conflict, Freed, StepResult, Versioned } from '../store/store';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import { decideAll, type Combined } from './decide-all';
import { entering } from './flow';
import type { Hint } from './ports';
import { Deferred } from './deferred';
import type { Overseer } from './approvals/oversight';
import type { Breakers } from './breakers';
import type { Budgets } from './budgets';
import type { Guards } from './guards';
import type { Rates } from './rate';
import type { Releases } from './releases';
import { dataOf, grown, keepable, payloadsOf, type Payloads } from './payloads';
import { RunCache, type Cached } from './run-cache';
import { due, runChange, type Decided } from './run-change';
import { settledResult } from './settled';
import { KeyedMutex, type Tasks } from './tasks';

/** Who cannot have a lease at once for one of these waits for it. */
const STANDS_IN_LINE: readonly Conflict[] = ['busy', 'capsule', 'held'];

export type RunCommandHandler = (run: RunState, command: RunCommand) => Promise<unknown>;

export interface Applied {
  outcome: RunOutcome | 'unknown-run';
  state?: RunState;
}

export interface NewRun extends Pick<Change, 'tick' | 'idempotencyKey'> {
  hold?: boolean;
  /** Within the bounds of its workflow; what is left out is the workflow's. */
  priority?: number;
  actor: string;
  /** Results taken over from another run. */
  results?: StepResult[];
}

export interface ApplyOptions {
  /** What an agent delivered; stored with the change, or alone if it came late. */
  result?: Omit<StepResult, 'counted'>;
  /** Who caused it, for the ledger. */
  actor?: string;
  /** A command that the caller performs itself. */
  withhold?: RunCommand['type'];
}

interface Asked extends ApplyOptions {
  /** Events that waited for this one. */
  earlier: RunEvent[];
  event: RunEvent;
  /** Whether a lease may be taken without waiting in line. */
  direct: boolean;
}

export class Runs {
  private readonly cache = new RunCache();
  private readonly mutex = new KeyedMutex();
  private readonly deferred: Deferred;

  constructor(
    private readonly deps: EngineDeps,
    private readonly capsules: Capsules,
    private readonly tasks: Tasks,
    private readonly perform: RunCommandHandler,
    /** Called after a commit that released leases. */
    private readonly onFreed: (freed: Freed[]) => void,
    private readonly guards: Pick<Guards, 'heldBack'>,
    private readonly overseer: Pick<Overseer, 'of' | 'prepare'>,
    private readonly rates: Pick<Rates, 'taking' | 'isShared'>,
    private readonly breakers: Pick<Breakers, 'ended'>,
    private readonly budgets: Pick<Budgets, 'money' | 'heldBack'>,
    private readonly releases: Pick<Releases, 'prepare' | 'of' | 'readsInput' | 'ended' | 'failover'>,
  ) {
    this.deferred = new Deferred(deps.clock, (id, event) =>
      this.tasks.spawn('deferred event', () => this.apply(id, event)),
    );
  }

  /**
   * Commits a new run together with what belongs to its creation, and starts it unless it is held: by the
   * caller, or by its workflow's flow control, which is asked next.
   * @param extra.hold leave it queued: an earlier run of the workflow has to end first.
   */
  create(run: RunState, input: Record<string, unknown>, extra: NewRun): Promise<CommitResult> {
    return this.mutex.run(run.id, () => this.commitNew(run, input, extra));
  }

  /** What is known of a run without asking the store, or else the store's word. */
  async get(id: string): Promise<Versioned<RunState> | undefined> {
    return this.cache.get(id) ?? this.deps.store.run(id);
  }

  /** Input and outputs of a run so far; undefined once retention removed them. */
  async payloads(id: string): Promise<Payloads | undefined> {
    const kept = this.cache.get(id)?.payloads;
    if (kept) return kept;
    const stored = await this.deps.store.payloads(id);
    return stored && payloadsOf(stored);
  }

  /** Applies an event to a run. */
  async apply(id: string, event: RunEvent, options: ApplyOptions = {}): Promise<Applied> {
    const from = this.deps.clock.now();
    const applied = await this.mutex.run(id, () => this.applyNow(id, event, options));
    const settled = settledResult(applied, options, this.deps.clock.now() - from);
    if (settled) this.deps.events.emit('settled', settled);
    return applied;
  }

  /**
   * Applies an event soon, or together with the next event of the same run: saves a commit for
   * what need not be durable at once.
   */
  defer(id: string, event: RunEvent, delayMs: number): void {
    this.deferred.add(id, event, delayMs);
  }

  /** Gives up what was deferred; what it would have told is found out again by the sweeper. */
  dropDeferred(): void {
    this.deferred.drop();
  }

  private async applyNow(id: string, event: RunEvent, options: ApplyOptions): Promise<Applied> {
    const earlier = this.deferred.take(id);
    let direct = true;
    for (let attempt = 0; attempt < this.deps.limits.maxConflicts; attempt += 1) {
      const known = this.cache.get(id) ?? (await this.deps.store.run(id));
      if (!known) return { outcome: 'unknown-run' };
      const tried = await this.tryOnce(known, { earlier, event, direct, ...options });
      if (typeof tried === 'object') return tried;
      this.cache.forget(id);
      // The slot was taken, or the capsule fell asleep: who wanted to take it directly waits in line.
      if (tried === 'taken') direct = false;
    }
    throw new Error(`run ${id}: lost ${this.deps.limits.maxConflicts} races in a row`);
  }

  /** Decides on the run as it is known and commits; `stale` and `taken` ask for another try. */
  private async tryOnce(known: Cached, asked: Asked): Promise<Applied | 'stale' | 'taken'> {
    const { earlier, event, direct, result, actor, withhold } = asked;
    const fromCache = this.cache.get(known.state.id) === known;
    await this.overseer.prepare(known.state, event);
    await this.releases.prepare(known.state);
    const context = this.context(direct, known.state, await this.dataFor(known.state));
    const decision = decideAll(known.state, [...earlier, event], context);
    const { outcome, changedEarlier, state } = decision;
    if (outcome !== 'changed' && outcome !== 'late' && !changedEarlier) {
      // No commit tells us that another process moved the run on: what does not fit may fit that.
      return outcome === 'unchanged' && fromCache ? 'stale' : { outcome, state: known.state };
    }
    const results = toStore(decision, result);
    const committed = await this.deps.store.commit(this.change(known, { decision, event, results, actor }));
    if (!committed.ok) {
      if (committed.conflict === 'run') return 'stale';
      // Whoever offered the slot gives up; a run that is not to start yet stays in line.
      const over = event.type === 'slot' || committed.conflict === 'flow';
      if (!over) return 'taken';
      this.cache.forget(known.state.id);
      return { outcome: 'unchanged', state: known.state };
    }
    const next = { version: known.version + 1, payloads: grown(known.payloads, results) };
    this.committed(next, decision, committed.freed, withhold);
    this.breakers.ended(known.state, state, results);
    this.releases.ended(known.state, state, { results, acts: decision.acts });
    return { outcome, state };
  }

  private async commitNew(
    made: RunState,
    input: Record<string, unknown>,
    extra: NewRun,
  ): Promise<CommitResult> {
    const { hold, actor, priority, results = [], ...rest } = extra;
    const { run: fresh, deduplicate } = await entering(this.deps, made, input, { hold, priority });
    const events: RunEvent[] = hold || fresh.flow ? [] : [{ type: 'start' }];
    let committed: CommitResult = { ok: false, conflict: 'busy' };
    await this.releases.prepare(fresh);
    for (const direct of [true, false]) {
      const data = dataOf(payloadsOf({ input, results }));
      const decision = decideAll(fresh, events, this.context(direct, fresh, data));
      if (fresh.flow) decision.commands = [{ type: 'admit' }];
      const event: RunEvent = { type: 'start' };
      const change = this.change({ state: fresh, version: 0 }, { decision, event, results: [], actor });
      const state = decision.state;
      const run = { expect: 0, state, input, results, ...due(state) };
      committed = await this.deps.store.commit({
        ...change,
        ...rest,
        run,
        ...(deduplicate && { deduplicate }),
      });
      const payloads = keepable(payloadsOf({ input, results }));
      if (committed.ok) this.committed({ version: 1, payloads }, decision, committed.freed);
      if (committed.ok || !STANDS_IN_LINE.includes(committed.conflict)) break;
    }
    return committed;
  }

  /** What the conditions of a plan look at, where it has any. */
  private async dataFor(run: RunState): Promise<RunData | undefined> {
    if (!readsData(run.plan) && !this.releases.readsInput(run)) return undefined;
    const payloads = await this.payloads(run.id);
    return payloads && dataOf(payloads);
  }

  private context(direct: boolean, run: RunState, data: RunData | undefined): RunContext {
    const { id, workflowId } = run;
    const { clock, random, limits, performing } = this.deps;
    const capsuleOf = (agentId: string, named?: string): CapsuleView =>
      this.capsules.view(agentId, direct && !this.rates.isShared(agentId, named), named);
    const heldBack = (agentId: string) =>
      this.guards.heldBack({ agentId, workflowId }) ?? this.budgets.heldBack(id);
    const oversight = (agentId: string) => this.overseer.of(agentId);
    return {
      now: clock.now(),
      random,
      limits,
      performing,
      capsuleOf,
      failover: this.releases.failover,
      releaseOf: (agentId, before) => this.releases.of(agentId, before, run, data?.input),
      heldBack,
      oversight,
      ...(data && { data }),
    };
  }

  private change(known: Versioned<RunState>, decided: Omit<Decided, 'at'>): Change {
    const { state, leases } = decided.decision;
    const { result, ...change } = runChange(known, { ...decided, at: this.deps.clock.now() });
    return {
      ...change,
      ...(leases.length > 0 && {
        leases: { runId: state.id, workflowId: state.workflowId, changes: this.rates.taking(leases) },
      }),
      ...this.budgets.money(known.state, state, leases, result),
    };
  }

  private committed(
    next: Omit<Cached, 'state'>,
    { state, commands }: RunDecision,
    freed: Freed[],
    withhold?: RunCommand['type'],
  ): void {
    this.cache.remember({ ...next, state });
    this.deps.events.emit('run', state);
    this.onFreed(freed);
    if (!this.deps.performing) this.handOver(state, commands, freed);
    for (const command of commands) {
      const mine = this.deps.performing ? command.type !== withhold : command.type === 'cancel-agent';
      if (!mine) continue;
      const about = { run: state.id, ...('stepId' in command && { step: command.stepId }) };
      this.tasks.spawn(`run ${command.type}`, () => this.perform(state, command), about);
    }
    if (this.deps.performing) this.hintPauses(state, commands);
  }

  /**
   * Leaves the rest to a worker: it looks at the run, and at the capsules that the run asked for or
   * let go of. An agent that is to stop is told from here, as no record asks for that.
   */
  private handOver(state: RunState, commands: RunCommand[], freed: Freed[]): void {
    const wanted = commands.flatMap((c) => (c.type === 'wake' ? [c.capsuleId] : []));
    const capsules = new Set([...wanted, ...freed.map((f) => f.capsuleId)]);
    const hints: Hint[] = [
      { kind: 'run', id: state.id },
      ...[...capsules].map((id) => ({ kind: 'capsule' as const, id })),
    ];
    for (const hint of hints) this.tasks.spawn('hand over', () => this.deps.queue.hint(hint, 0));
  }

  /** Asks the queue for a call at the end of a pause; everything else is the sweeper's. */
  private hintPauses(state: RunState, commands: RunCommand[]): void {
    for (const { id, status, dueAt } of state.steps) {
      const resend = status === 'dispatching' && !commands.some((c) => c.type === 'send' && c.stepId === id);
      if (dueAt === undefined || !(status === 'backing-off' || resend)) continue;
      const delay = Math.max(0, dueAt - this.deps.clock.now());
      this.tasks.spawn('hint', () => this.deps.queue.hint({ kind: 'run', id: state.id }, delay));
    }
  }
}

/** What an agent delivered and what was said instead of one; a proposal counts only once it is approved. */
function toStore(decision: Combined, delivered: Omit<StepResult, 'counted'> | undefined): StepResult[] {
  const counted = decision.outcome === 'changed' && !decision.proposal;
  const words = decision.words.map((word) => ({ ...word, counted: true }));
  return [...(delivered ? [{ ...delivered, counted }] : []), ...words];
}
