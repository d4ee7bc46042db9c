/** The rules of `002_commit.sql`, on maps: check first, then write, so that a conflict leaves no trace. */
import { chainHash, ledgerBody } from '../../domain/ledger';
import { isTerminal } from '../../domain/run';
import { replaceUnstorable, storableJson } from '../json';
import type {
  CapsuleChange,
  Change,
  LeaseChange,
  CommitResult,
  Freed,
  RunChange,
  StepResult,
} from '../store';
import { applyActs, applyMemos } from './approvals';
import { leaseMoney, moneyHolds, settleMoney, spendMoney } from './budgets';
import { applyFlow, duplicateOf, flowRefuses } from './flow';
import { applyBegin, breakerLeaves, mayBegin } from './breakers';
import { admissible, isSwitchedOff } from './switches';
import { noteLease, noteShift, noteUsage } from './costs';
import { idempotencyId, leaseKey, tickKey, type CapsuleRow, type Tables } from './tables';

/** @throws when a change makes no sense, e.g. asks twice for one lease. Nothing of it is kept then. */
export function commit(tables: Tables, change: Change): CommitResult {
  const conflict = check(tables, change);
  if (conflict) return conflict;
  assertSense(tables, change);
  if (change.run) {
    applyFlow(tables, change.run, change.at);
    applyRun(tables, change.run, change.at);
  }
  if (change.capsule) applyCapsule(tables, change.capsule);
  spendMoney(tables, change.money);
  for (const lease of change.leases?.changes ?? []) {
    applyLease(tables, change.leases as { runId: string; workflowId?: string }, lease, change.at);
    if (lease.op !== 'release') leaseMoney(tables, change.money, lease);
  }
  applyWaits(tables, change);
  applyMemos(tables, change.memos);
  applyActs(tables, change.acts);
  if (change.tick)
    tables.ticks.set(tickKey(change.tick.workflowId, change.tick.scheduledFor), clone(change.tick));
  if (change.idempotencyKey && change.run) {
    const { scope, key, fingerprint } = change.idempotencyKey;
    tables.idempotency.set(idempotencyId(scope, key), {
      runId: change.run.state.id,
      fingerprint,
      at: change.at,
    });
  }
  if (change.deduplicate && change.run) {
    const { scope, key, until } = change.deduplicate;
    tables.flow.keys.set(idempotencyId(scope, key), { until, runId: change.run.state.id });
  }
  for (const entry of change.ledger) {
    const body = replaceUnstorable(ledgerBody(entry));
    tables.ledger.push({ seq: tables.ledger.length + 1, body, hash: chainHash(tables.head, body) });
  }
  return { ok: true, freed: freedBy(tables, change) };
}

function freedBy(tables: Tables, change: Change): Freed[] {
  const released = (change.leases?.changes ?? []).filter((c) => c.op === 'release').map((c) => c.capsuleId);
  return [...new Set(released)].flatMap((capsuleId) => {
    const row = tables.capsules.get(capsuleId);
    return row ? [{ capsuleId, held: row.held, waiting: row.waiting }] : [];
  });
}

/** What the constraints of the tables refuse in Postgres: each lease is asked for once and granted once. */
function assertSense(tables: Tables, { leases }: Change): void {
  const touched = new Map<string, { capsuleId: string; held: boolean } | undefined>();
  const known = (key: string) => {
    const row = tables.leases.get(key);
    return touched.has(key) ? touched.get(key) : row && { ...row, held: row.grantedAt !== undefined };
  };
  for (const { op, capsuleId, stepId, attempt } of leases?.changes ?? []) {
    const key = leaseKey((leases as { runId: string }).runId, stepId, attempt);
    const lease = known(key);
    touched.set(key, op === 'release' ? undefined : { capsuleId, held: op === 'grant' });
    if (op === 'release') continue;
    if (!tables.capsules.has(capsuleId)) throw new Error(`commit failed: no capsule ${capsuleId}`);
    const grantable = op === 'grant' && lease?.held === false && lease.capsuleId === capsuleId;
    if (lease && !grantable) throw new Error(`commit failed: cannot ${op} lease ${key} again`);
  }
}

function check(tables: Tables, change: Change): Extract<CommitResult, { ok: false }> | undefined {
  const { idempotencyKey, tick, run, capsule } = change;
  if (idempotencyKey) {
    const known = tables.idempotency.get(idempotencyId(idempotencyKey.scope, idempotencyKey.key));
    if (known) {
      return {
        ok: false,
        conflict: 'idempotency',
        existing: { runId: known.runId, fingerprint: known.fingerprint },
      };
    }
  }
  const duplicate = change.deduplicate && duplicateOf(tables, change.deduplicate, change.at);
  if (duplicate !== undefined) {
    return { ok: false, conflict: 'duplicate', existing: { runId: duplicate, fingerprint: '' } };
  }
  if (tick && tables.ticks.has(tickKey(tick.workflowId, tick.scheduledFor)))
    return { ok: false, conflict: 'tick' };
  if (run && (tables.runs.get(run.state.id)?.version ?? 0) !== run.expect)
    return { ok: false, conflict: 'run' };
  if (run && flowRefuses(tables, run, change.at)) return { ok: false, conflict: 'flow' };
  if (capsule) {
    const row = tables.capsules.get(capsule.state.id);
    if (row?.version !== capsule.expect) return { ok: false, conflict: 'capsule' };
    if (wakeIsHeld(tables, row, capsule)) return { ok: false, conflict: 'held' };
    const waited = capsule.unless === 'held-or-waiting' && admissible(tables, row) > 0;
    if ((capsule.unless && row.held > 0) || waited) return { ok: false, conflict: 'busy' };
  }
  const lost = checkLeases(tables, change);
  return lost ?? (moneyHolds(tables, change) ? { ok: false, conflict: 'held' } : undefined);
}

/** The gate, as of the commit: what of it the record knows. */
function wakeIsHeld(tables: Tables, row: CapsuleRow, { state, workflowId }: CapsuleChange): boolean {
  if (state.generation <= row.state.generation) return false;
  const { agentId } = row.state;
  if (isSwitchedOff(tables, agentId, workflowId) || breakerLeaves(tables, agentId, 1) === 0) return true;
  return row.waiting > 0 && workflowId === undefined && admissible(tables, row) === 0;
}

function checkLeases(
  tables: Tables,
  { leases, at }: Change,
): Extract<CommitResult, { ok: false }> | undefined {
  if (!leases) return undefined;
  const rowOf = (c: LeaseChange) => tables.leases.get(leaseKey(leases.runId, c.stepId, c.attempt));
  const taken = new Map<string, number>();
  for (const grant of leases.changes.filter((c) => c.op === 'grant')) {
    const capsule = tables.capsules.get(grant.capsuleId);
    if (capsule?.state.status !== 'awake' || capsule.state.generation !== grant.generation) {
      return { ok: false, conflict: 'capsule' };
    }
    if (isSwitchedOff(tables, capsule.state.agentId, leases.workflowId))
      return { ok: false, conflict: 'held' };
    const before = [...taken.values()].reduce((sum, n) => sum + n, 0);
    if (!mayBegin(tables, capsule.state.agentId, grant, at, before)) return { ok: false, conflict: 'held' };
    const freed = leases.changes.filter((c) => {
      const row = c.op === 'release' ? rowOf(c) : undefined;
      return row?.capsuleId === grant.capsuleId && row.grantedAt !== undefined;
    }).length;
    const outOfTurn = !rowOf(grant) && capsule.waiting > 0;
    const earlier = taken.get(grant.capsuleId) ?? 0;
    if (capsule.held - freed + earlier >= capsule.slots || outOfTurn) return { ok: false, conflict: 'busy' };
    taken.set(grant.capsuleId, earlier + 1);
  }
  return undefined;
}

function applyRun(tables: Tables, change: RunChange, now: number): void {
  const { state, dueAt } = change;
  const row = tables.runs.get(state.id);
  const results = [...(row?.results ?? [])];
  for (const fresh of change.results ?? []) {
    const same = (r: StepResult) =>
      r.stepId === fresh.stepId && r.attempt === fresh.attempt && r.counted === fresh.counted;
    if (results.some(same)) continue;
    results.push({ ...stored(fresh), receivedAt: now });
    noteUsage(tables, { ...fresh, runId: state.id });
  }
  tables.runs.set(state.id, {
    state: stored(state),
    version: change.expect + 1,
    ...(dueAt !== undefined && { dueAt }),
    input: row?.input ?? stored(change.input ?? {}),
    results,
  });
  if (isTerminal(state.status) && dueAt === undefined) tables.openRuns.delete(state.id);
  else tables.openRuns.add(state.id);
}

function applyWaits(tables: Tables, { waits, event, delivered, at }: Change): void {
  for (const { op, ...wait } of waits?.changes ?? []) {
    const runId = waits?.runId ?? '';
    const key = leaseKey(runId, wait.stepId, wait.attempt);
    if (op === 'close') tables.waits.delete(key);
    else tables.waits.set(key, stored({ ...wait, runId, since: at }));
  }
  if (event && !tables.events.has(event.id))
    tables.events.set(event.id, stored({ ...event, at, delivered: false }));
  const known = tables.events.get(delivered ?? '');
  if (known) known.delivered = true;
}

function applyCapsule(tables: Tables, change: CapsuleChange): void {
  const row = tables.capsules.get(change.state.id) as CapsuleRow;
  const next = stored(change.state);
  if (next.generation !== row.state.generation) {
    row.workMs = 0;
    for (const key of ['firstWorkAt', 'lastWorkAt', 'busySince', 'idleSince'] as const) delete row[key];
  }
  if (next.status === 'awake' && row.state.status !== 'awake' && next.shift?.healthyAt !== undefined) {
    row.idleSince = next.shift.healthyAt;
  }
  row.state = next;
  row.version += 1;
  if (change.shift) {
    const key = `${next.id}/${change.shift.generation}`;
    tables.shifts.set(key, stored(change.shift));
    noteShift(tables, key);
  }
}

function applyLease(
  tables: Tables,
  { runId, workflowId }: { runId: string; workflowId?: string },
  change: LeaseChange,
  now: number,
): void {
  const { stepId, attempt, capsuleId, op, priority = 0 } = change;
  const key = leaseKey(runId, stepId, attempt);
  const row = tables.leases.get(key);
  // A lease belongs to the capsule its row names.
  const capsule = tables.capsules.get(row?.capsuleId ?? capsuleId);
  if (!capsule) return;
  if (op === 'request') {
    const whose = workflowId === undefined ? {} : { workflowId };
    const requestedAt = change.requestedAt ?? now;
    tables.leases.set(key, { runId, stepId, attempt, capsuleId, priority, requestedAt, ...whose });
    capsule.waiting += 1;
  } else if (op === 'grant') {
    if (row) capsule.waiting -= 1;
    const requestedAt = row?.requestedAt ?? now;
    const generation = change.generation as number;
    const lease = { runId, stepId, attempt, capsuleId, priority: row?.priority ?? priority };
    const money = row?.reserved ? { reserved: true } : {};
    tables.leases.set(key, { ...lease, requestedAt, grantedAt: now, generation, ...money });
    capsule.held += 1;
    delete capsule.idleSince;
    capsule.busySince ??= now;
    capsule.firstWorkAt ??= now;
    applyBegin(tables, capsule.state.agentId, runId, change, now);
  } else if (row) {
    tables.leases.delete(key);
    const counted = settleMoney(tables, row, now);
    if (row.grantedAt === undefined) capsule.waiting -= 1;
    else {
      noteLease(tables, row, now, counted);
      release(capsule, now);
    }
  }
}

function release(capsule: CapsuleRow, now: number): void {
  capsule.held -= 1;
  capsule.lastWorkAt = now;
  delete capsule.idleSince;
  if (capsule.held > 0) return;
  capsule.workMs += now - (capsule.busySince ?? now);
  delete capsule.busySince;
  capsule.idleSince = now;
}

/** What comes in leaves as Postgres would give it back. */
const stored = <T>(value: T): T => JSON.parse(storableJson(value)) as T;

/** A copy of a row. Rows are plain data, and copied member by member in a fraction of a structured clone's time. */
export const clone = <T>(value: T): T => copy(value) as T;

const MEMBER = { configurable: true, enumerable: true, writable: true };

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const twin: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    // Assigned, this one would become the prototype instead of a member.
    if (key === '__proto__') Object.defineProperty(twin, key, { ...MEMBER, value: copy(member) });
    else twin[key] = copy(member);
  }
  return twin;
}
