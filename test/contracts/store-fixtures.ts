/** What the store's suite is made of: small runs, capsules and leases, and a look at everything. */
import type { AgentRunResult } from '../../src/contract';
import { asleep, type CapsuleState, type Shift } from '../../src/domain/capsule';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { LedgerAction } from '../../src/domain/ledger/actions';
import type { LeaseChange } from '../../src/store/store';
import type { RunState, RunStatus } from '../../src/domain/run';
import type {
  CapsuleChange,
  CapsuleSetting,
  Change,
  CommitResult,
  Conflict,
  Freed,
  RunChange,
  StepResult,
  Store,
} from '../../src/store/store';

/** The suite's beginning of time, epoch milliseconds. */
export const T0 = 1_700_000_000_000;
export const STEP = 'crawl';
/** More rows than any test writes. */
export const ALL = 10_000;

export const runId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export function newRun(n: number, over: Partial<RunState> = {}): RunState {
  return {
    id: runId(n),
    workflowId: 'audit',
    definition: 'd'.repeat(64),
    plan: [
      {
        id: STEP,
        kind: 'agent',
        agentId: 'crawler',
        timeoutMs: 60_000,
        attempts: 2,
        backoffMs: 100,
        maxBackoffMs: 1_000,
      },
    ],
    trigger: { kind: 'api' },
    status: 'queued',
    steps: [{ id: STEP, status: 'pending', attempt: 0, history: [] }],
    createdAt: T0 + n,
    ...over,
  };
}

/** A run that has come to its end. */
export const over = (run: RunState, status: RunStatus, finishedAt: number): RunState => ({
  ...run,
  status,
  finishedAt,
});

export const entry = (action: LedgerAction, id: string, set: Record<string, unknown> = {}): LedgerEntry => ({
  at: T0,
  actor: 'engine',
  action,
  entity: 'run',
  id,
  set,
});

export const create = (run: RunState, more: Partial<Change> & { dueAt?: number } = {}): Change => {
  const { dueAt, ...rest } = more;
  return {
    at: run.createdAt,
    run: { expect: 0, state: run, input: {}, ...(dueAt !== undefined && { dueAt }) },
    ledger: [entry('run.created', run.id, { status: run.status })],
    ...rest,
  };
};

export const update = (state: RunState, expect: number, more: Partial<RunChange> = {}, at = T0): Change => ({
  at,
  run: { expect, state, ...more },
  ledger: [entry('run.result', state.id, { status: state.status })],
});

export function result(n: number, attempt = 1, more: Partial<AgentRunResult> = {}): StepResult {
  const body = { workflowId: 'audit', stepId: STEP, runId: runId(n), status: 'success' as const };
  return {
    stepId: STEP,
    attempt,
    result: { ...body, output: { pages: n }, durationMs: 5, ...more },
    counted: true,
  };
}

export const lease = (
  op: LeaseChange['op'],
  capsuleId: string,
  attempt = 1,
  generation = 1,
): LeaseChange => ({
  op,
  capsuleId,
  stepId: STEP,
  attempt,
  ...(op === 'grant' && { generation }),
});

/** Lease changes of run `n`, and nothing else. */
export const leases = (n: number, changes: LeaseChange[], at = T0): Change => ({
  at,
  leases: { runId: runId(n), changes },
  ledger: [],
});

export const setting = (id: string, more: Partial<CapsuleSetting> = {}): CapsuleSetting => ({
  id,
  agentId: `agent-${id}`,
  slots: 1,
  lingerMs: 1_000,
  ...more,
});

export function shiftOf(
  id: string,
  generation: number,
  requestedAt: number,
  more: Partial<Shift> = {},
): Shift {
  return { capsuleId: id, agentId: `agent-${id}`, generation, requestedAt, ...more };
}

export function awake(id: string, generation = 1, at = T0): CapsuleState {
  const shift = shiftOf(id, generation, at - 100, { acceptedAt: at - 90, healthyAt: at });
  return { ...asleep(id, `agent-${id}`), status: 'awake', generation, shift };
}

/** A change of a capsule, decided on the version the store has now. */
export async function onCapsule(
  store: Store,
  state: CapsuleState,
  more: Partial<CapsuleChange> = {},
  at = T0,
): Promise<Change> {
  const known = await store.capsule(state.id);
  return { at, capsule: { expect: known?.version ?? 0, state, ...more }, ledger: [] };
}

/** Declares a capsule and has it awake. */
export async function declareAwake(
  store: Store,
  id: string,
  more: Partial<CapsuleSetting> = {},
): Promise<void> {
  await store.declareCapsules([setting(id, more)], T0);
  await committed(store, await onCapsule(store, awake(id)));
}

export async function committed(store: Store, change: Change): Promise<Freed[]> {
  const outcome = await store.commit(change);
  if (!outcome.ok) throw new Error(`unexpected conflict: ${outcome.conflict}`);
  return outcome.freed;
}

export const refused = (conflict: Conflict): CommitResult => ({ ok: false, conflict });

/** Commits and answers the conflict, or `ok`. */
export async function verdict(store: Store, change: Change): Promise<Conflict | 'ok'> {
  const outcome = await store.commit(change);
  return outcome.ok ? 'ok' : outcome.conflict;
}

export async function activityOf(store: Store, id: string) {
  const record = await store.capsule(id);
  if (!record) throw new Error(`no capsule ${id}`);
  return record.activity;
}

/** All that the port lets one read, to compare two stores, or one before and after. */
export async function everything(store: Store, workflows = ['audit', 'other'], now = T0 + 1_000_000) {
  const capsules = await store.capsules();
  const runs = (await store.runs({}, ALL)).items;
  const each = <K, V>(keys: K[], read: (key: K) => Promise<V>) => Promise.all(keys.map(read));
  const ids = capsules.map((c) => c.state.id);
  return {
    runs: await each(runs, (r) => store.run(r.id)),
    payloads: await each(runs, (r) => store.payloads(r.id)),
    open: await each(workflows, (w) => store.openRuns(w, ALL)),
    dueRuns: await store.dueRuns(now, ALL),
    capsules,
    dueCapsules: await store.dueCapsules(now, ALL),
    waiting: await each(ids, (id) => store.waiting(id, ALL)),
    grantable: await each(ids, (id) => store.grantable(id)),
    holders: await each(ids, (id) => store.holders(id)),
    shifts: (await store.shifts({}, ALL)).items,
    ticks: await each(workflows, (w) => store.ticks(w, ALL)),
    lastTicks: await each(workflows, (w) => store.lastTick(w)),
    ledger: await store.ledger(0, ALL),
  };
}
