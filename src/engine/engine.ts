/**
 * The engine: wires the verbs of this folder and offers what the HTTP layer, the queue and the
 * tests call. Everything it starts is undone by `stop()`.
 */
import type { AgentClaim, AgentRunRequest, AgentRunResult } from '../contract';
import type { CapsuleState } from '../domain/capsule';
import type { CapsuleCommand } from '../domain/decide-capsule';
import type { RunCommand } from '../domain/decide-run';
import type { RunState } from '../domain/run';
import { admit } from '../guards/admit';
import type { Freed } from '../store/store';
import { Capsules } from './capsules';
import type { EngineDeps } from './context';
import { Dispatcher } from './dispatch';
import { Doubter } from './doubt';
import type { Hint } from './ports';
import { Runs, type Applied } from './runs';
import { Schedules } from './schedule';
import { Settler, type SettleOutcome } from './settle';
import { Sleeper } from './sleep';
import { Sweeper } from './sweep';
import { Tasks } from './tasks';
import { Ticker } from './tick';
import { Triggers, type TriggerOptions, type TriggerResult } from './trigger';
import { Waker } from './wake';

export class Engine {
  readonly tasks: Tasks;
  readonly runs: Runs;
  readonly capsules: Capsules;
  readonly schedules: Schedules;
  private readonly dispatcher: Dispatcher;
  private readonly settler: Settler;
  private readonly waker: Waker;
  private readonly sleeper: Sleeper;
  private readonly doubter: Doubter;
  private readonly ticker: Ticker;
  private readonly triggers: Triggers;
  private readonly sweeper: Sweeper;
  /** By capsule: until when a look at the end of its linger is asked for. Past that the hint is lost. */
  private readonly lingering = new Map<string, number>();
  private cancelSweep: () => void = () => undefined;
  private stopping = false;

  constructor(private readonly deps: EngineDeps) {
    this.tasks = new Tasks(deps.log);
    this.capsules = new Capsules(deps, this.tasks, (state, command) => this.performCapsule(state, command));
    this.runs = new Runs(
      deps,
      this.capsules,
      this.tasks,
      (state, command) => this.performRun(state, command),
      (freed) => this.onFreed(freed),
    );
    this.dispatcher = new Dispatcher(deps, this.runs, this.capsules);
    this.settler = new Settler(deps, this.runs, this.capsules, this.dispatcher);
    this.waker = new Waker(deps, this.capsules);
    this.sleeper = new Sleeper(deps, this.capsules);
    this.doubter = new Doubter(deps, this.runs, this.capsules);
    this.triggers = new Triggers(deps, this.runs);
    this.ticker = new Ticker(deps, this.runs, this.triggers);
    this.schedules = new Schedules(deps, this.ticker);
    this.sweeper = new Sweeper(deps, this.runs, this.capsules, this.sleeper, (id) => this.want(id));
  }

  /** Declares capsules and schedules, and begins to work: queue, ticks, sweeper. */
  async start(): Promise<void> {
    const { registry, store, queue, clock } = this.deps;
    const settings = registry.agents.map((a) => ({
      id: a.capsuleId,
      agentId: a.id,
      slots: a.concurrency,
      lingerMs: a.lingerSeconds * 1_000,
    }));
    await store.declareCapsules(settings, clock.now());
    const awake = (await Promise.all(settings.map(({ id }) => this.capsules.load(id)))).filter(
      (record) => record?.state.status === 'awake',
    );
    if (!this.deps.performing) return this.schedules.leaveToWorkers();
    await this.schedules.register();
    // What was awake when the last orchestrator went may have been put to sleep since.
    for (const record of awake) if (record) await this.sleeper.reconcile(record.state);
    await queue.work({
      hint: (hint) => this.onHint(hint),
      tick: (workflowId) => this.ticker.tick(workflowId),
    });
    this.sweepLater();
  }

  /** One pass of the sweeper and of the schedules, then everything that follows at once. */
  async tick(): Promise<void> {
    await this.schedules.pass();
    await this.sweeper.pass();
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
    change: { fromStep?: string; input?: Record<string, unknown> },
    options: TriggerOptions,
  ) {
    return this.triggers.rerun(runId, change, options);
  }

  cancel(runId: string, reason: string, actor: string): Promise<Applied> {
    return this.runs.apply(runId, { type: 'cancel', reason }, { actor });
  }

  result(token: string, result: AgentRunResult): Promise<SettleOutcome> {
    return this.settler.result(token, result);
  }

  claim(claim: AgentClaim): Promise<AgentRunRequest | undefined> {
    return this.settler.claim(claim);
  }

  /** Stops taking work and waits for what is in hand; the rest is found by the next sweeper. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping = true;
    this.cancelSweep();
    this.runs.dropDeferred();
    let cancel: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (cancel = this.deps.clock.after(deadlineMs, resolve)));
    // The queue's pause waits for its server, which may be away: the deadline holds for both.
    const idle = this.deps.queue.pause().then(() => this.tasks.idle());
    await Promise.race([idle, late]).finally(cancel);
  }

  private sweepLater(): void {
    this.cancelSweep = this.deps.clock.after(this.deps.limits.sweepMs, () => {
      if (this.stopping) return;
      this.tasks.spawn('sweep', () => this.tick().finally(() => !this.stopping && this.sweepLater()));
    });
  }

  private async onHint(hint: Hint): Promise<void> {
    if (hint.kind === 'run') return this.sweeper.run(hint.id);
    this.lingering.delete(hint.id);
    await this.sweeper.capsule(hint.id);
    const record = await this.capsules.load(hint.id);
    const idle = record && record.activity.held + record.activity.waiting === 0;
    // Still awake: more work was done since the hint was asked for.
    if (idle && record.state.status === 'awake') this.lingerLater(hint.id, record.activity.idleSince);
  }

  private performRun(run: RunState, command: RunCommand): Promise<unknown> {
    switch (command.type) {
      case 'wake':
        return this.want(command.capsuleId);
      case 'send':
        return this.dispatcher.send(run, command);
      case 'check':
        return this.dispatcher.check(run, command);
      case 'cancel-agent':
        return this.dispatcher.cancel(run, command);
      case 'doubt':
        return this.doubter.doubt(command);
      case 'finished':
        return this.ticker.release(run.workflowId);
    }
  }

  private performCapsule(capsule: CapsuleState, command: CapsuleCommand): Promise<unknown> {
    switch (command.type) {
      case 'scale-up':
        return this.waker.wake(capsule);
      case 'scale-down':
        return this.sleeper.scaleDown(capsule);
      case 'verify':
        return this.sleeper.verify(capsule);
      case 'evict':
        return this.doubter.evict(capsule, command.reason);
      case 'grant':
        return this.grant(capsule.id);
      case 'fail-waiting':
        return this.failWaiting(capsule.id, command.reason);
      case 'retry':
        return this.deps.queue.hint(
          { kind: 'capsule', id: capsule.id },
          Math.max(0, command.at - this.deps.clock.now()),
        );
    }
  }

  /** A step may wait: wake the capsule if the guards let it, or serve it at once if it is awake. */
  private async want(capsuleId: string): Promise<void> {
    const record = await this.capsules.load(capsuleId);
    if (!record) return;
    if (record.state.status === 'awake') return this.grant(capsuleId);
    const verdict = admit(record.state, record.activity, this.deps.clock.now());
    if (verdict.verdict === 'proceed') await this.capsules.apply(capsuleId, { type: 'demand' });
    else this.deps.log.debug({ capsule: capsuleId, ...verdict }, 'not woken');
  }

  private async grant(capsuleId: string): Promise<void> {
    const [requests, record] = await Promise.all([
      this.deps.store.grantable(capsuleId),
      this.capsules.load(capsuleId),
    ]);
    if (record?.state.status !== 'awake') return;
    if (record.activity.held + record.activity.waiting === 0) this.lingerLater(capsuleId);
    const { generation, bootId } = record.state;
    const boot = bootId === undefined ? {} : { bootId };
    await Promise.all(
      requests.map(({ runId, stepId }) =>
        this.runs.apply(runId, { type: 'slot', stepId, generation, ...boot }),
      ),
    );
  }

  private async failWaiting(capsuleId: string, reason: string): Promise<void> {
    for (const { runId, stepId, attempt } of await this.deps.store.waiting(
      capsuleId,
      this.deps.limits.sweepBatch,
    )) {
      await this.runs.apply(runId, { type: 'wake-failed', stepId, attempt, reason });
    }
  }

  private onFreed(freed: Freed[]): void {
    if (!this.deps.performing) return;
    for (const { capsuleId, held, waiting } of freed) {
      if (waiting > 0) this.tasks.spawn('grant', () => this.grant(capsuleId));
      else if (held === 0) this.lingerLater(capsuleId);
    }
  }

  /** Looks again when the linger will be over. One hint at a time; one that comes early asks for the next. */
  private lingerLater(capsuleId: string, idleSince = this.deps.clock.now()): void {
    const capsule = this.capsules.peek(capsuleId);
    const now = this.deps.clock.now();
    if (!capsule || now < (this.lingering.get(capsuleId) ?? 0)) return;
    const end = idleSince + this.deps.registry.agent(capsule.agentId).lingerSeconds * 1_000;
    if (end < now) return; // The sweeper's: whatever keeps it awake is not the linger.
    this.lingering.set(capsuleId, end);
    this.tasks.spawn('linger', () => this.deps.queue.hint({ kind: 'capsule', id: capsuleId }, end - now));
  }
}
