/**
 * Wakes capsules ahead of their work: the first steps' before each scheduled time, later steps' while earlier
 * ones work. What a capsule is kept awake for is in its state; timers here only make it punctual, and every
 * pass finds the same again from the record.
 */
import type { CapsuleState, Warm, WarmFor } from '../domain/capsule';
import {
  firstAgents,
  isAwaited,
  learnSteps,
  pipelineWishes,
  wishFor,
  type StepTimes,
  type WarmWish,
} from '../domain/prewarm';
import { overlapDecision } from '../domain/schedule';
import { isTerminal, type RunState } from '../domain/run';
import { liveWarm, warmId } from '../domain/warm';
import { admit } from '../guards/admit';
import { planFor, type Workflow } from '../registry';
import type { Capsules } from './capsules';
import type { EngineDeps } from './context';
import type { Guards } from './guards';
import type { Runs } from './runs';
import type { Tasks } from './tasks';
import type { Slot, Timetable } from './timetable';
import { Timers } from './timers';

/** How many of a workflow's last runs its steps' times are learned from, and for how long that is taken as known. */
const LEARNED_RUNS = 20;
const LEARNED_FOR_MS = 60_000;
/** Open runs of a workflow that are looked after at a start, and when an overlap is judged. */
const MAX_OPEN = 100;
/** While the gate holds a prewarm, it is asked again after this long. */
const ASK_AGAIN_MS = 250;

export class Prewarmer {
  private readonly timers: Timers;
  /** Runs under way whose later steps this process looks after, with what it wishes for them. */
  private readonly following = new Map<string, WarmWish[]>();
  private readonly learned = new Map<string, { times: StepTimes; until: number }>();
  private readonly onRun = (run: RunState): void => this.heard(run);

  constructor(
    private readonly deps: EngineDeps,
    private readonly runs: Runs,
    private readonly capsules: Capsules,
    private readonly timetable: Timetable,
    private readonly tasks: Tasks,
    private readonly guards: Pick<Guards, 'facts' | 'environment'>,
    /** Decides what is due of a workflow's schedule. */
    private readonly tick: (workflowId: string) => Promise<unknown>,
  ) {
    this.timers = new Timers(deps.clock, tasks);
  }

  /** Only a hint to look: a run that nobody tells of is found by the next pass. */
  start(): void {
    if (this.deps.registry.workflows.some((w) => w.prewarm !== 'off')) this.deps.events.on('run', this.onRun);
    this.tasks.spawn('prewarm', () => this.pass());
  }

  stop(): void {
    this.deps.events.off('run', this.onRun);
    this.timers.clear();
  }

  /** When the next work for a capsule is known to come, if any is. */
  nextWorkAt(capsuleId: string): number | undefined {
    const now = this.deps.clock.now();
    const wishes = [...this.following.values()].flat().filter((w) => w.capsuleId === capsuleId);
    const times = [
      ...wishes.map((w) => w.expectedAt),
      ...this.timetable
        .next(now)
        .filter(({ workflow }) => this.firstCapsules(workflow).includes(capsuleId))
        .map(({ startsAt }) => startsAt),
    ];
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Whatever should be awake soon, and whatever is awake for nothing any more. */
  async pass(): Promise<void> {
    const { registry, clock, limits } = this.deps;
    // Twice the pause between two passes, so that none falls between them.
    const horizon = clock.now() + 2 * Math.max(limits.sweepMs, limits.sweepIdleMs ?? 0);
    if (registry.workflows.some((w) => w.prewarm !== 'off')) await this.review();
    for (const slot of this.timetable.next(clock.now())) this.schedule(slot, horizon);
    for (const workflow of registry.workflows) if (workflow.prewarm === 'pipeline') await this.find(workflow);
  }

  /** A run was changed, by this process or another. */
  async look(runId: string): Promise<void> {
    if (this.following.size === 0 && !this.deps.registry.workflows.some((w) => w.prewarm !== 'off')) return;
    const run = (await this.runs.get(runId))?.state;
    if (run) this.heard(run);
  }

  private heard(run: RunState): void {
    const mode = this.deps.registry.findWorkflow(run.workflowId)?.prewarm;
    if (mode === undefined || mode === 'off') return;
    this.tasks.spawn('prewarm', () => this.follow(run, mode === 'pipeline'));
  }

  private async follow(run: RunState, pipeline: boolean): Promise<void> {
    await this.coolDone(run);
    if (!pipeline || isTerminal(run.status)) {
      this.following.delete(run.id);
      return;
    }
    const times = await this.timesOf(run.workflowId);
    const wishes = pipelineWishes(
      run,
      { times, capsuleOf: (id) => this.capsuleOf(id) },
      this.deps.clock.now(),
    );
    const before = this.following.get(run.id) ?? [];
    this.following.set(run.id, wishes);
    for (const { for: what } of before) this.timers.cancel(warmId(what));
    for (const wish of wishes)
      this.timers.set(warmId(wish.for), wish.wakeAt, 'prewarm', () =>
        this.warm(wish, async () => !(await this.isOver(wish))),
      );
  }

  /** Lets go of what was kept for steps that have begun or will not come, and for the tick that began the run. */
  private async coolDone(run: RunState): Promise<void> {
    const { trigger, workflowId } = run;
    for (const { agentId } of run.plan.filter((s) => s.kind === 'agent')) {
      const capsule = this.capsuleOf(agentId);
      for (const { for: what } of capsule?.warm ?? []) {
        const began =
          trigger.kind === 'schedule' &&
          warmId(what) === warmId({ workflowId, scheduledFor: trigger.scheduledFor });
        const settled = 'runId' in what && what.runId === run.id && !isAwaited(run, what.stepId);
        if (capsule && (began || settled)) await this.cool(capsule.id, what);
      }
    }
  }

  /** Looks after runs that were begun elsewhere, or before this process. */
  private async find(workflow: Workflow): Promise<void> {
    for (const { id, status } of await this.deps.store.openRuns(workflow.id, MAX_OPEN)) {
      if (status === 'running' && !this.following.has(id)) await this.look(id);
    }
  }

  /** Lets go of what nobody told of: claims whose run or tick is over. */
  private async review(): Promise<void> {
    for (const { state } of await this.capsules.all()) {
      for (const warm of state.warm ?? []) {
        if (await this.isOver(warm)) await this.cool(state.id, warm.for);
      }
    }
    for (const id of [...this.following.keys()]) {
      const run = (await this.runs.get(id))?.state;
      if (!run || isTerminal(run.status)) this.following.delete(id);
    }
  }

  private async isOver({ for: what }: Pick<Warm, 'for'>): Promise<boolean> {
    // A person's wish ends with its time, and not before; who keeps a release awake lets go of it.
    if ('by' in what || 'releaseId' in what) return false;
    if ('runId' in what) return !isAwaited((await this.runs.get(what.runId))?.state, what.stepId);
    const workflow = this.deps.registry.findWorkflow(what.workflowId);
    if (!workflow?.schedule || workflow.schedule.enabled === false) return true;
    return ((await this.deps.store.lastTick(what.workflowId)) ?? 0) >= what.scheduledFor;
  }

  /** A scheduled time to come: its capsules are woken before it, and it is decided on its moment. */
  private schedule({ workflow, scheduledFor, startsAt }: Slot, horizon: number): void {
    const { prewarm, id, schedule } = workflow;
    const punctual = prewarm !== 'off' || startsAt !== scheduledFor;
    if (punctual && startsAt <= horizon)
      // A timer may be a millisecond early.
      this.timers.set(`${id}@${startsAt}`, startsAt + 1, 'tick', () => this.tick(id));
    if (prewarm === 'off' || !schedule) return;
    for (const capsuleId of this.firstCapsules(workflow)) {
      const capsule = this.capsules.peek(capsuleId);
      const wish = capsule && wishFor(capsule, { workflowId: id, scheduledFor }, startsAt);
      if (!wish || wish.wakeAt > horizon) continue;
      const key = `${capsuleId} for ${warmId(wish.for)}`;
      this.timers.set(key, wish.wakeAt, 'prewarm', () => this.warm(wish, () => this.willFire(workflow)));
    }
  }

  /** Whether a run under way would keep the tick from starting one at once. */
  private async willFire(workflow: Workflow): Promise<boolean> {
    const open = await this.deps.store.openRuns(workflow.id, MAX_OPEN);
    const queued = open.filter((r) => r.status === 'queued').length;
    const { action } = overlapDecision(workflow.schedule?.overlap ?? 'skip', open.length - queued, queued);
    return action === 'fire' || action === 'replace';
  }

  /** Through the gate; where it holds, asked again until the work is there. */
  private async warm(wish: WarmWish, stillWanted: () => Promise<boolean>): Promise<void> {
    const { clock, log } = this.deps;
    const { capsuleId, until, reason } = wish;
    const record = await this.capsules.load(capsuleId);
    const now = clock.now();
    if (!record || now >= until || !(await stillWanted())) return;
    if (liveWarm(record.state, now).some((w) => warmId(w.for) === warmId(wish.for) && w.until >= until))
      return;
    const { state: capsule, activity } = record;
    const { environment, facts } = this.guards;
    const scope = { agentId: capsule.agentId, workflowId: await this.workflowOf(wish.for), environment };
    const verdict = admit({ ...facts, capsule, activity, scope, now, purpose: 'prewarm' });
    if (verdict.verdict === 'proceed') {
      await this.capsules.apply(capsuleId, { type: 'prewarmed', for: wish.for, until, reason });
      return;
    }
    log.debug({ capsule: capsuleId, ...verdict }, 'not woken ahead of work');
    const again = now + ASK_AGAIN_MS;
    if (verdict.verdict === 'refuse' || again >= wish.expectedAt) return;
    this.timers.set(`${capsuleId} for ${warmId(wish.for)}`, again, 'prewarm', () =>
      this.warm(wish, stillWanted),
    );
  }

  private async workflowOf(what: WarmFor): Promise<string | undefined> {
    if ('workflowId' in what) return what.workflowId;
    return 'runId' in what ? (await this.runs.get(what.runId))?.state.workflowId : undefined;
  }

  private async cool(capsuleId: string, what: WarmFor): Promise<void> {
    const reason = 'what it was woken ahead for has come, or will not come';
    const { state, changed } = await this.capsules.apply(capsuleId, { type: 'cooled', for: what, reason });
    if (changed && state.status === 'awake') await this.capsules.apply(capsuleId, { type: 'idle' });
  }

  private async timesOf(workflowId: string): Promise<StepTimes> {
    const now = this.deps.clock.now();
    const known = this.learned.get(workflowId);
    if (known && now < known.until) return known.times;
    const { items } = await this.deps.store.runs({ workflowId, status: 'succeeded' }, LEARNED_RUNS);
    const times = learnSteps(items);
    // Until something is learned, each run may be the first to teach it.
    this.learned.set(workflowId, { times, until: items.length > 0 ? now + LEARNED_FOR_MS : now });
    return times;
  }

  private capsuleOf(agentId: string): CapsuleState | undefined {
    const agent = this.deps.registry.findAgent(agentId);
    return agent && this.capsules.peek(agent.capsuleId);
  }

  private firstCapsules(workflow: Workflow): string[] {
    const { registry } = this.deps;
    return firstAgents(planFor(workflow, registry)).map((id) => registry.agent(id).capsuleId);
  }
}
