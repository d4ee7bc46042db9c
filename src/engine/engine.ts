/**
 * The engine: wires the verbs of this folder and offers what the HTTP layer, the queue and the
 * tests call. Everything it starts is undone by `stop()`.
 */
import type { AgentClaim, AgentRunRequest, AgentRunResult } from '../contract';
import type { RerunFrom } from '../domain/rerun';
import type { Refusal } from '../domain/approval/memo';
import { capsulesOf } from '../registry/capsules';
import type { NewEvent } from '../store/store';
import { Alerts } from './alerts';
import { Approvals, type Decision } from './approvals';
import { Overseer } from './approvals/oversight';
import { Breakers } from './breakers';
import { Budgets } from './budgets';
import { ByHand } from './by-hand';
import { Capsules } from './capsules';
import { Children } from './children';
import { declareCapsules } from './declare-capsules';
import type { EngineDeps } from './context';
import { CostBooks } from './costs';
import { Dispatcher } from './dispatch';
import { Doubter } from './doubt';
import { EmergencyStops } from './emergency-stop';
import { Flow } from './flow';
import { Guards } from './guards';
import { Leases, lingerHintMs } from './lease';
import { Passes } from './passes';
import { Performer } from './perform';
import type { Hint } from './ports';
import { Prewarmer } from './prewarm';
import { Protocols } from './protocols';
import { Rates } from './rate';
import { Redeploys } from './redeploy';
import { Releases } from './releases';
import { openRollouts } from './releases/open';
import type { Rollouts } from './releases/rollouts';
import { Runs, type Applied } from './runs';
import { Schedules } from './schedule';
import { Settler, type SettleOutcome } from './settle';
import { Signals, type Announced } from './signals';
import { Sleeper } from './sleep';
import { Sweeper } from './sweep';
import { Tasks } from './tasks';
import { Timetable } from './timetable';
import { Ticker } from './tick';
import { Triggers, type TriggerOptions, type TriggerResult } from './trigger';
import { Followers } from './triggers/followers';
import { Hooks, type HookDelivery, type HookOutcome } from './triggers/hooks';
import { Listeners } from './triggers/listeners';
import { Replays } from './triggers/replays';
import { Waker } from './wake';
import { Watchdog } from './watchdog';

export class Engine {
  readonly tasks: Tasks;
  readonly runs: Runs;
  readonly capsules: Capsules;
  readonly byHand: ByHand;
  readonly schedules: Schedules;
  readonly redeploys: Redeploys;
  readonly replays: Replays;
  readonly alerts: Alerts;
  readonly guards: Guards;
  readonly overseer: Overseer;
  readonly approvals: Approvals;
  readonly emergencyStops: EmergencyStops;
  readonly breakers: Breakers;
  readonly budgets: Budgets;
  readonly protocols: Protocols;
  readonly releases: Releases;
  readonly rollouts: Rollouts;
  private readonly rates: Rates;
  readonly costs: CostBooks;
  private readonly watchdog: Watchdog;
  private readonly leases: Leases;
  private readonly signals: Signals;
  private readonly settler: Settler;
  private readonly waker: Waker;
  private readonly sleeper: Sleeper;
  private readonly ticker: Ticker;
  private readonly prewarmer: Prewarmer;
  private readonly flow: Flow;
  private readonly triggers: Triggers;
  private readonly hooks: Hooks;
  private readonly sweeper: Sweeper;
  private readonly passes: Passes;
  private readonly performer: Performer;

  constructor(private readonly deps: EngineDeps) {
    this.tasks = new Tasks(deps.log);
    this.alerts = new Alerts(deps);
    this.breakers = new Breakers(deps, this.tasks, this.alerts, (id) => this.leases.want(id));
    this.rates = new Rates(deps);
    this.guards = new Guards(deps, this.alerts, () => this.breakers.notClosed);
    this.protocols = new Protocols(deps, () => this.budgets.declare());
    this.overseer = new Overseer(deps, this.alerts, this.protocols);
    this.releases = new Releases(deps, this.tasks);
    this.budgets = new Budgets(
      deps,
      this.alerts,
      this.tasks,
      (id) => this.leases.want(id),
      () => this.protocols.capPercent,
    );
    this.capsules = new Capsules(
      deps,
      this.tasks,
      (state, command) => this.performer.capsule(state, command),
      (capsuleId) => this.prewarmer.nextWorkAt(capsuleId),
    );
    this.runs = new Runs(
      deps,
      this.capsules,
      this.tasks,
      (state, command) => this.performer.run(state, command),
      (freed) => {
        this.leases.freed(freed);
        if (freed.length > 0) this.budgets.moved();
      },
      this.guards,
      this.overseer,
      this.rates,
      this.breakers,
      this.budgets,
      this.releases,
    );
    this.approvals = new Approvals(deps, this.runs);
    this.leases = new Leases(deps, this.runs, this.capsules, this.tasks, this.guards, this.rates);
    const { releases } = this;
    const gates = { guards: this.guards, rates: this.rates, budgets: this.budgets, releases };
    const dispatcher = new Dispatcher(deps, this.runs, this.capsules, gates, () => this.sleeper);
    this.settler = new Settler(deps, this.runs, this.capsules, dispatcher, this.guards);
    const children = new Children(deps, this.runs);
    this.flow = new Flow(deps, this.runs);
    this.triggers = new Triggers(deps, this.runs);
    const listeners = new Listeners(deps, this.triggers);
    this.signals = new Signals(deps, this.runs, (event) => listeners.start(event));
    const followers = new Followers(deps, this.runs, this.triggers);
    this.hooks = new Hooks(deps, this.triggers);
    this.replays = new Replays(deps, this.triggers, this.tasks);
    this.waker = new Waker(deps, this.capsules, this.guards);
    this.sleeper = new Sleeper(deps, this.capsules);
    const { guards, runs, capsules, sleeper, tasks, alerts, breakers } = this;
    this.byHand = new ByHand(deps, capsules, guards, sleeper);
    this.emergencyStops = new EmergencyStops(deps, guards, runs, capsules, sleeper, tasks);
    const doubter = new Doubter(deps, this.runs, this.capsules);
    const timetable = new Timetable(deps.registry);
    this.ticker = new Ticker(deps, this.runs, this.triggers, timetable, this.guards);
    this.prewarmer = new Prewarmer(deps, this.runs, this.capsules, timetable, this.tasks, this.guards, (id) =>
      this.ticker.tick(id),
    );
    this.schedules = new Schedules(deps, this.ticker);
    this.redeploys = new Redeploys(deps);
    this.costs = new CostBooks(deps, this.tasks, this.alerts, () => this.budgets.keys);
    this.watchdog = new Watchdog(deps, this.alerts, this.tasks);
    this.sweeper = new Sweeper(
      deps,
      this.runs,
      this.capsules,
      this.sleeper,
      (id) => this.leases.want(id),
      this.tasks,
    );
    this.rollouts = openRollouts(deps, { releases, runs, capsules, guards, tasks, alerts, breakers });
    const { approvals, overseer, leases, flow, signals, ticker, waker } = this;
    this.performer = new Performer(deps, {
      ...{ leases, dispatcher, doubter, children, signals, approvals },
      ...{ overseer, followers, flow, ticker, waker, sleeper, capsules },
    });
    const { emergencyStops, schedules, budgets, sweeper, prewarmer, replays, costs } = this;
    this.passes = new Passes(deps, tasks, {
      ...{ guards, breakers, emergencyStops, schedules, budgets, sweeper, prewarmer },
      ...{ flow, signals, approvals, overseer, replays, costs, releases },
      protocols: this.protocols,
      rollouts: this.rollouts,
    });
  }

  /** Declares capsules and schedules, and begins to work: queue, ticks, sweeper. */
  async start(): Promise<void> {
    const { registry, store, queue, clock } = this.deps;
    const settings = registry.agents.flatMap((a) =>
      capsulesOf(a).map(({ capsuleId: id }) => ({
        ...{ id, agentId: a.id, slots: a.concurrency, lingerMs: lingerHintMs(a) },
      })),
    );
    await declareCapsules(store, settings, clock.now());
    const capsules = await Promise.all(settings.map(({ id }) => this.capsules.load(id)));
    const awake = capsules.filter((c) => c !== undefined).filter((c) => c.state.status === 'awake');
    await this.watchdog.start();
    await this.releases.sweep();
    await this.protocols.start();
    await this.budgets.declare();
    if (!this.deps.performing) return this.observe();
    await this.schedules.register();
    // What was awake when the last orchestrator went may have been put to sleep since.
    await Promise.all(awake.map(({ state }) => this.sleeper.reconcile(state)));
    await queue.work({
      hint: (hint) => this.onHint(hint),
      tick: async (workflowId) => void (await this.ticker.tick(workflowId)),
    });
    this.prewarmer.start();
    this.passes.start();
  }

  /** Performs nothing: keeps the guards in mind, and ticks on record where it is disabled. */
  private async observe(): Promise<void> {
    if (this.deps.disabled === undefined) this.schedules.leaveToWorkers();
    else await this.schedules.register();
    this.passes.start();
  }

  /** One pass of the sweeper and of the schedules, then everything that follows at once. */
  tick(): Promise<void> {
    return this.passes.all();
  }

  trigger(
    workflowId: string,
    input: Record<string, unknown>,
    options: TriggerOptions,
  ): Promise<TriggerResult> {
    return this.triggers.start(workflowId, input, options);
  }

  rerun(
    runId: string,
    change: { from?: RerunFrom; input?: Record<string, unknown> },
    options: TriggerOptions,
  ) {
    return this.triggers.rerun(runId, change, options);
  }

  cancel(runId: string, reason: string, actor: string): Promise<Applied> {
    return this.runs.apply(runId, { type: 'cancel', reason }, { actor });
  }

  /** A webhook of somebody who proved to be its sender. */
  hook(workflowId: string, delivery: HookDelivery): Promise<HookOutcome> {
    return this.hooks.deliver(workflowId, delivery);
  }

  /** Gives an event to the steps that wait for it, and starts what listens for it. */
  announce(event: NewEvent, actor: string): Promise<Announced> {
    return this.signals.announce(event, actor);
  }

  /** A person's word on a step that waits for it. */
  decide(
    runId: string,
    stepId: string,
    decision: Decision,
    by: string,
    owner = by,
  ): Promise<Applied & { refused?: Refusal }> {
    return this.approvals.decideStep(runId, stepId, decision, { by, owner });
  }

  result(token: string, result: AgentRunResult): Promise<SettleOutcome> {
    return this.settler.result(token, result);
  }

  /** Applies a result that came before, to the attempt it was proved to belong to, as the actor's act. */
  replay(
    attempt: { runId: string; stepId: string; attempt: number },
    result: AgentRunResult,
    actor: string,
  ): Promise<SettleOutcome> {
    return this.settler.apply(attempt, result, actor);
  }

  claim(claim: AgentClaim): Promise<AgentRunRequest | undefined> {
    return this.settler.claim(claim);
  }

  /** Stops taking work and waits for what is in hand; the rest is found by the next sweeper. */
  async stop(deadlineMs: number): Promise<void> {
    this.passes.stop();
    this.prewarmer.stop();
    this.watchdog.stop();
    this.budgets.stop();
    this.waker.stop();
    this.runs.dropDeferred();
    let cancel: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (cancel = this.deps.clock.after(deadlineMs, resolve)));
    // The queue's pause waits for its server, which may be away: the deadline holds for both.
    const idle = this.deps.queue.pause().then(() => this.tasks.idle());
    await Promise.race([idle, late]).finally(cancel);
  }

  private async onHint(hint: Hint): Promise<void> {
    if (hint.kind === 'run') {
      await this.sweeper.run(hint.id);
      await this.flow.pointed(hint.id);
      return this.prewarmer.look(hint.id);
    }
    await this.sweeper.capsule(hint.id);
    await this.leases.lingerAgain(hint.id);
  }
}
