/**
 * Watches a campaign from outside, beside the invariants of the simulation: what is committed, what is asked
 * of the platform, and what is answered. It keeps its own books and never asks the code that it watches.
 */
import type { AgentRunResult } from '../../src/contract';
import type { CapsuleState } from '../../src/domain/capsule';
import type { RunState, StepState } from '../../src/domain/run';
import type { StepPlan } from '../../src/domain/plan';
import type { Change, Store } from '../../src/store/store';

const MAX_VIOLATIONS = 50;
const OVER = ['succeeded', 'failed', 'cancelled'];

export class Auditor {
  readonly violations: string[] = [];
  private readonly runs = new Map<string, RunState>();
  private readonly capsules = new Map<string, CapsuleState>();
  private readonly slots = new Map<string, number>();
  /** Leases held, by capsule. */
  private readonly held = new Map<string, Set<string>>();
  private readonly waits = new Set<string>();
  private readonly ticks = new Map<string, string>();
  /** The versions that were last written on, by row: each may be written on once. */
  private readonly versions = new Map<string, number>();
  /** Results that were committed. */
  private readonly results = new Set<string>();
  /** In which generation each agent process served. */
  private readonly boots = new Map<string, string>();
  /** Replicas that run, as the world knows it. */
  running: (capsuleId: string) => number = () => 0;

  watch(store: Store): Store {
    return {
      ...store,
      declareCapsules: async (settings, now, entryFor) => {
        for (const { id, slots } of settings) this.slots.set(id, slots);
        await store.declareCapsules(settings, now, entryFor);
      },
      commit: async (change) => {
        const result = await store.commit(change);
        if (result.ok) this.committed(change);
        return result;
      },
    };
  }

  /** The platform is called: only for what the record says at this moment. */
  scaling(capsuleId: string, replicas: number): void {
    const capsule = this.capsules.get(capsuleId);
    const wanted = replicas > 0 ? 'waking' : 'draining';
    if (capsule?.status !== wanted)
      this.report(`${capsuleId} is scaled to ${replicas} while it is ${capsule?.status ?? 'unknown'}`);
    const leases = this.held.get(capsuleId)?.size ?? 0;
    if (replicas === 0 && leases > 0)
      this.report(`${capsuleId} is scaled to 0 while ${leases} lease(s) live`);
  }

  /** A cancel was answered. */
  cancelled(runId: string): void {
    const run = this.runs.get(runId);
    if (run && !OVER.includes(run.status) && !run.ending)
      this.report(`the cancel of run ${runId} was answered and is not in the record`);
  }

  /** An agent was told that its result is kept. */
  acknowledged({ runId, stepId, attempt = 1 }: AgentRunResult): void {
    if (!this.results.has(`${runId}/${stepId}/${attempt}`))
      this.report(`a result of run ${runId} step ${stepId} was acknowledged before it was committed`);
  }

  /** Somebody tried to pass off a result as one of ours. */
  forged(what: string, outcome: string): void {
    if (outcome !== 'refused') this.report(`a result with ${what} was ${outcome}`);
  }

  private committed(change: Change): void {
    const { run, capsule, leases, waits, tick } = change;
    if (run) this.fence(`run ${run.state.id}`, run.expect);
    if (capsule) this.fence(capsule.state.id, capsule.expect);
    for (const { stepId, attempt } of run?.results ?? [])
      this.results.add(`${run?.state.id}/${stepId}/${attempt}`);
    for (const { op, capsuleId, stepId, attempt } of leases?.changes ?? [])
      this.lease(op, capsuleId, `${leases?.runId}/${stepId}/${attempt}`);
    for (const { op, stepId, attempt } of waits?.changes ?? []) {
      const key = `${waits?.runId}/${stepId}/${attempt}`;
      if (op === 'open') this.waits.add(key);
      else this.waits.delete(key);
    }
    if (tick) this.tick(`${tick.workflowId}@${tick.scheduledFor}`, tick.runId ?? tick.action);
    if (capsule) this.capsule(capsule.state);
    if (run) this.run(run.state, change);
  }

  private fence(row: string, expect: number): void {
    const last = this.versions.get(row) ?? -1;
    if (expect <= last) this.report(`${row} was written twice on its version ${expect}`);
    this.versions.set(row, expect);
  }

  private lease(op: 'request' | 'grant' | 'release', capsuleId: string, key: string): void {
    const held = this.held.get(capsuleId) ?? new Set<string>();
    this.held.set(capsuleId, held);
    if (op === 'release') held.delete(key);
    if (op !== 'grant') return;
    held.add(key);
    const slots = this.slots.get(capsuleId) ?? 0;
    if (held.size > slots) this.report(`${capsuleId}: ${held.size} leases are held on ${slots} slot(s)`);
  }

  private tick(tick: string, decision: string): void {
    const known = this.ticks.get(tick);
    if (known !== undefined) this.report(`tick ${tick} was decided as ${known} and as ${decision}`);
    this.ticks.set(tick, decision);
  }

  private capsule(now: CapsuleState): void {
    const { id, status, generation, bootId } = now;
    const before = this.capsules.get(id);
    this.capsules.set(id, now);
    if (generation < (before?.generation ?? 0)) this.report(`${id} went back to generation ${generation}`);
    const running = this.running(id);
    if (status === 'asleep' && before && before.status !== 'asleep' && running > 0)
      this.report(`${id} is written down as asleep while ${running} replica(s) run`);
    if (status !== 'awake' || bootId === undefined) return;
    const serves = `${id} in generation ${generation}`;
    const served = this.boots.get(bootId) ?? serves;
    this.boots.set(bootId, served);
    if (served !== serves) this.report(`the process that served ${served} is taken for ${serves}`);
  }

  private run(now: RunState, change: Change): void {
    const before = this.runs.get(now.id);
    this.runs.set(now.id, now);
    if (before && OVER.includes(before.status) && now.status !== before.status)
      this.report(`run ${now.id} was ${before.status} and became ${now.status}`);
    if (!before && now.trigger.kind === 'schedule') {
      const decided = this.ticks.get(`${now.workflowId}@${now.trigger.scheduledFor}`);
      if (decided !== now.id) this.report(`run ${now.id} began for a tick that is decided as ${decided}`);
    }
    for (const step of now.steps) {
      const plan = now.plan.find((p) => p.id === step.id);
      if (plan) this.step(now, step, plan, before, change.at);
    }
    for (const { stepId, attempt, counted, result } of change.run?.results ?? [])
      if (counted && before) this.counted(before, stepId, attempt, result);
    if (before && change.ledger.length === 0) this.report(`run ${now.id} changed without a ledger entry`);
  }

  private step(run: RunState, step: StepState, plan: StepPlan, before: RunState | undefined, at: number) {
    const name = `run ${run.id} step ${step.id}`;
    const old = before?.steps.find((s) => s.id === step.id);
    const attempts = new Set(step.history.map((h) => h.attempt));
    if (attempts.size < step.history.length) this.report(`${name}: an attempt ended twice`);
    if (step.history.length > plan.attempts)
      this.report(`${name}: ${step.history.length} attempts of ${plan.attempts}`);
    const fresh = step.status === 'backing-off' && old?.status !== 'backing-off';
    if (fresh) this.pause(name, plan, step.attempt, (step.dueAt ?? Infinity) - at);
    this.open(run, step, plan);
    if (old && OVER.includes(old.status) && step.status !== old.status)
      this.report(`${name} was ${old.status} and became ${step.status}`);
  }

  /** What a step has under way is in the books: its lease, its wait, no more children than allowed. */
  private open(
    { id: runId }: RunState,
    { id, status, attempt, capsuleId, children }: StepState,
    plan: StepPlan,
  ) {
    const key = `${runId}/${id}/${attempt}`;
    const holds = status === 'dispatching' || status === 'running';
    if (holds !== (this.held.get(capsuleId ?? '')?.has(key) ?? false))
      this.report(`run ${runId} step ${id} is ${status} ${holds ? 'without a' : 'with a'} lease`);
    const waits = status === 'parked' && (plan.kind === 'event' || plan.kind === 'approval');
    if (waits !== this.waits.has(key))
      this.report(
        `run ${runId} step ${id} is ${status} and ${waits ? 'nobody knows' : 'still'} what it waits for`,
      );
    const width = plan.kind === 'runs' ? (plan.forEach?.concurrency ?? 1) : 0;
    const underWay = (children ?? '').split('r').length - 1;
    if (underWay > width) this.report(`run ${runId} step ${id}: ${underWay} children at once of ${width}`);
  }

  private pause(name: string, plan: StepPlan, attempt: number, ms: number): void {
    const growth = plan.backoff === 'fixed' ? 1 : 2 ** (attempt - 1);
    const full = Math.min(plan.maxBackoffMs, plan.backoffMs * growth);
    if (ms > full || ms < Math.floor(full / 2))
      this.report(`${name}: a pause of ${ms} ms where ${full} are due`);
  }

  /** A result counts for the attempt in hand alone, once. */
  private counted(before: RunState, stepId: string, attempt: number, result: AgentRunResult): void {
    const step = before.steps.find((s) => s.id === stepId);
    const open = ['waiting', 'dispatching', 'running', 'parked'].includes(step?.status ?? '');
    const own = (result.attempt ?? attempt) === attempt && step?.attempt === attempt;
    if (open && own) return;
    const told = `attempt ${step?.attempt} is ${step?.status}`;
    this.report(
      `run ${before.id} step ${stepId}: a result of attempt ${result.attempt} counted while ${told}`,
    );
  }

  private report(violation: string): void {
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(violation);
  }
}
