/** The invariants of the design, checked while a simulation runs and once more when it is over. */
import type { AgentRunResult } from '../../src/contract';
import { fold, projectCapsule, projectRun, verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { CapsuleState } from '../../src/domain/capsule';
import { liveWarm } from '../../src/domain/warm';
import { needsOf } from '../../src/domain/graph';
import { isTerminal, stepOf, type RunState } from '../../src/domain/run';
import { MAX_TICKS, ticksBetween, type Timing } from '../../src/domain/schedule';
import type { Change, CommitResult, Store } from '../../src/store/store';
import type { Cloud } from './cloud';
import { ALTERNATIVE, EVENT, LIMITED, SCHEDULED } from './registry';
import { missingIn } from '../support/ledger-befores';

/** How long a capsule may run without a lease, a linger or a wake under way (invariant 3). */
const UNEXPLAINED_MS = 30_000;
/** To put one to sleep takes a chain of calls that must all succeed: with faults it takes some tries. */
const TRIES_PER_RATE = 40;

/** Calls of the store, besides commits, that change what a pass would find; when a capsule was looked at is not that. */
const CHANGES =
  /^(add|book|clear|end|keep|note(?!Observed)|purge|raise|resolve|acknowledge|save|trim|request|declare)/;

/** More of the same tell nothing new. */
const MAX_VIOLATIONS = 50;

const SETTLED = ['succeeded', 'failed', 'skipped', 'cancelled'];

export class Invariants {
  readonly violations: string[] = [];
  /** The last committed state of every run. */
  readonly runs = new Map<string, RunState>();
  /** Changes of the record and calls that scale, and when the last one was. */
  changes = 0;
  changedAt: number;
  /** How far clocks are from the truth at most: whoever lives by one that is wrong errs by so much. */
  skewMs = 0;
  /** Told of every commit. */
  onCommit: (change: Change) => void = () => undefined;
  onViolation: (violation: string) => void = () => undefined;
  private readonly acknowledged: Array<{ result: AgentRunResult; attempt: number }> = [];
  private readonly unexplainedMs: number;
  private readonly unexplainedSince = new Map<string, number>();
  /** Leases of each capsule, asked for (false) or held (true). */
  private readonly leases = new Map<string, Map<string, boolean>>();
  private readonly waking = new Set<string>();
  /** What each capsule is kept awake for ahead of work. */
  private readonly warm = new Map<string, Pick<CapsuleState, 'warm'>>();
  /** Runs of limited workflows that are under way. */
  private readonly started = new Set<string>();

  constructor(
    private readonly now: () => number,
    /** The longest linger of any agent, which explains an awake capsule. */
    private readonly lingerMs: number,
    /** Probability of each fault. */
    faultRate = 0,
  ) {
    this.changedAt = now();
    this.unexplainedMs = UNEXPLAINED_MS * (1 + TRIES_PER_RATE * faultRate);
  }

  /** The store as the engine sees it, with every commit watched. */
  watch(store: Store): Store {
    const noted = Object.entries(store).map(([name, member]: [string, unknown]) => [
      name,
      typeof member === 'function' && CHANGES.test(name)
        ? (...args: unknown[]) => {
            this.changed();
            return (member as (...a: unknown[]) => unknown)(...args);
          }
        : member,
    ]);
    return {
      ...(Object.fromEntries(noted) as Store),
      commit: async (change) => {
        this.changed();
        const result = await store.commit(change);
        if (result.ok) this.committed(change, result);
        return result;
      },
    };
  }

  /** Something changed that a pass of the sweeper may find. */
  changed(): void {
    this.changes += 1;
    this.changedAt = this.now();
  }

  acknowledge(result: AgentRunResult): void {
    this.acknowledged.push({ result, attempt: result.attempt ?? 1 });
  }

  /** Invariant 3, second half: no scale-down is sent while a lease lives. */
  scaled(capsuleId: string, replicas: number): void {
    this.changed();
    const held = [...(this.leases.get(capsuleId)?.values() ?? [])].filter(Boolean).length;
    if (replicas === 0 && held > 0) this.report(`${capsuleId} was scaled down while ${held} lease(s) lived`);
  }

  /**
   * Invariant 3, first half: called after every event.
   * @param staffed whether any orchestrator lives; without one nobody can put a capsule to sleep.
   */
  checkAwake(cloud: Cloud, staffed: boolean): void {
    for (const id of cloud.capsules.keys()) {
      if (!staffed || cloud.running(id) === 0 || this.isWanted(id)) {
        this.unexplainedSince.delete(id);
        continue;
      }
      const since = this.unexplainedSince.get(id) ?? this.now();
      this.unexplainedSince.set(id, since);
      const forMs = this.now() - since;
      if (forMs > this.unexplainedMs + this.lingerMs + this.skewMs)
        this.report(`${id} ran for ${forMs} ms without a reason`);
    }
  }

  private isWanted(id: string): boolean {
    if ((this.leases.get(id)?.size ?? 0) > 0 || this.waking.has(id)) return true;
    return liveWarm(this.warm.get(id) ?? {}, this.now() - this.skewMs).length > 0;
  }

  /** Invariant 2: every time of the schedule has one run or one recorded skip. */
  async checkTicks(store: Store, schedule: Timing, from: number, until: number): Promise<void> {
    const decided = new Map(
      (await store.ticks(SCHEDULED, MAX_TICKS)).map((tick) => [tick.scheduledFor, tick] as const),
    );
    for (const time of ticksBetween(schedule, from, until, MAX_TICKS)) {
      if (!decided.has(time)) this.report(`nobody decided what is due at ${new Date(time).toISOString()}`);
    }
    const times = new Set<number>();
    for (const { id, trigger } of this.runs.values()) {
      if (trigger.kind !== 'schedule') continue;
      const { scheduledFor } = trigger;
      if (times.has(scheduledFor)) this.report(`run ${id} is the second one of its scheduled time`);
      if (decided.get(scheduledFor)?.runId !== id) this.report(`run ${id} is not the one of its tick`);
      times.add(scheduledFor);
    }
  }

  /** Invariant 1, first half: what was accepted is there. */
  checkAccepted(ids: Iterable<string>): void {
    for (const id of ids) if (!this.runs.has(id)) this.report(`run ${id} was accepted and is missing`);
  }

  /** What can be said only at the end, with faults off and everything drained. */
  async checkAtRest(store: Store, cloud: Cloud): Promise<void> {
    for (const run of this.runs.values()) this.checkRun(run);
    for (const [key, times] of cloud.worked)
      if (times > 1) this.report(`work ${key} was done ${times} times`);
    // What is rolled back is left at once, also by a step whose last attempt hangs there; a failover is not.
    for (const { job, capsules } of cloud.twice)
      if (capsules.includes(ALTERNATIVE)) this.report(`${job} is at work on ${capsules.join(' and ')}`);
    for (const { state, activity } of await store.capsules()) {
      const { held, waiting } = activity;
      const atRest = state.status === 'asleep' && held + waiting === 0 && cloud.running(state.id) === 0;
      if (!atRest)
        this.report(`${state.id} is not at rest: ${state.status}, ${held} held, ${waiting} waiting`);
    }
    await this.checkFamilies(store);
    await this.checkAcknowledged(store);
    await this.checkLedger(store);
  }

  private committed(change: Change, _result: CommitResult): void {
    const { run, leases, capsule } = change;
    this.onCommit(change);
    if (capsule?.state.status === 'waking') this.waking.add(capsule.state.id);
    else if (capsule) this.waking.delete(capsule.state.id);
    if (capsule) this.warm.set(capsule.state.id, capsule.state);
    for (const { op, capsuleId, attempt, stepId } of leases?.changes ?? []) {
      this.count(capsuleId, `${leases?.runId}/${stepId}/${attempt}`, op);
    }
    if (!run) return;
    const before = this.runs.get(run.state.id);
    if (before && isTerminal(before.status) && before.status !== run.state.status) {
      this.report(`run ${before.id} was ${before.status} and became ${run.state.status}`);
    }
    this.checkOrder(run.state);
    this.checkLimit(run.state);
    this.runs.set(run.state.id, run.state);
  }

  private count(capsuleId: string, lease: string, op: 'request' | 'grant' | 'release'): void {
    const known = this.leases.get(capsuleId) ?? new Map<string, boolean>();
    if (op === 'release') known.delete(lease);
    else known.set(lease, op === 'grant');
    this.leases.set(capsuleId, known);
  }

  /** Invariant 6: a step starts only after what it needs is settled, or as many of it succeeded as its join asks. */
  private checkOrder(run: RunState): void {
    for (const [i, step] of run.steps.entries()) {
      const plan = run.plan[i];
      if (!plan || step.attempt === 0) continue;
      const needed = needsOf(run.plan, plan).map((id) => stepOf(run, id)?.status ?? 'pending');
      const succeeded = needed.filter((status) => status === 'succeeded').length;
      const mayBegin =
        plan.atLeast === undefined
          ? needed.every((status) => SETTLED.includes(status))
          : succeeded >= plan.atLeast;
      if (!mayBegin) this.report(`run ${run.id}: step ${step.id} started before its turn`);
    }
  }

  /** No run works for a step that is over, and nothing is waited for by runs that are. */
  private async checkFamilies(store: Store): Promise<void> {
    for (const { id, trigger } of this.runs.values()) {
      if (trigger.kind !== 'step') continue;
      const parent = this.runs.get(trigger.runId);
      if (!parent) this.report(`run ${id} works for run ${trigger.runId}, which there is not`);
    }
    const open = (await store.approvals(1)).items.length + (await store.waitsFor(EVENT, '', 1)).length;
    if (open > 0) this.report('somebody is still waited for, although every run is over');
    const undelivered = await store.undelivered(this.now(), 1);
    if (undelivered.length > 0) this.report(`event ${undelivered[0]?.id} was never delivered`);
    for (const { id, todo } of this.runs.values())
      if (todo) this.report(`run ${id} still owes other runs: ${JSON.stringify(todo)}`);
  }

  /** No more runs of a limited workflow are under way than its limit. */
  private checkLimit({ id, workflowId, status, trigger }: RunState): void {
    if (workflowId !== LIMITED.id || trigger.kind === 'step') return;
    if (status === 'running') this.started.add(id);
    else this.started.delete(id);
    if (this.started.size > LIMITED.limit)
      this.report(`${this.started.size} runs of ${workflowId} are under way`);
  }

  /** Invariants 1 and 4. */
  private checkRun(run: RunState): void {
    if (!isTerminal(run.status)) this.report(`run ${run.id} is still ${run.status}`);
    for (const [i, step] of run.steps.entries()) {
      const limit = run.plan[i]?.attempts ?? 0;
      if (step.attempt > limit)
        this.report(`run ${run.id} step ${step.id}: ${step.attempt} attempts of ${limit}`);
    }
  }

  /** Invariant 5: what was acknowledged is in the record. */
  private async checkAcknowledged(store: Store): Promise<void> {
    for (const { result, attempt } of this.acknowledged) {
      const stored = (await store.payloads(result.runId))?.results ?? [];
      const found = stored.some((r) => r.stepId === result.stepId && r.attempt === attempt);
      if (!found) this.report(`an acknowledged result of run ${result.runId} step ${result.stepId} is lost`);
    }
  }

  /** Invariant 8: the chain is whole, and folding it gives the present. */
  private async checkLedger(store: Store): Promise<void> {
    const chain = await store.ledger(0, Number.MAX_SAFE_INTEGER);
    const verdict = verifyChain(chain);
    if (!verdict.ok) this.report(`the ledger is broken: ${verdict.reason}`);
    const entries = new Map<string, LedgerEntry[]>();
    for (const { body } of chain) {
      const entry = JSON.parse(body) as LedgerEntry;
      const key = `${entry.entity}/${entry.id}`;
      const known = entries.get(key);
      if (known) known.push(entry);
      else entries.set(key, [entry]);
    }
    for (const missing of missingIn(chain).slice(0, 3)) this.report(`the ledger leaves out: ${missing}`);
    const same = (key: string, now: Record<string, unknown>) => {
      const folded = fold(entries.get(key) ?? []);
      const differs = Object.keys({ ...folded, ...now }).find((k) => folded[k] !== now[k]);
      if (differs !== undefined)
        this.report(
          `${key}: the ledger says ${differs}=${String(folded[differs])}, it is ${String(now[differs])}`,
        );
    };
    for (const run of this.runs.values()) same(`run/${run.id}`, projectRun(run));
    for (const { state } of await store.capsules()) {
      if (state.generation > 0) same(`capsule/${state.id}`, projectCapsule(state));
    }
  }

  report(violation: string): void {
    if (this.violations.length >= MAX_VIOLATIONS) return;
    this.violations.push(`at ${this.now()}: ${violation}`);
    this.onViolation(violation);
  }
}
