/** The record in memory, for simulation: the same rules as the Postgres store, and the same suite. */
import { asleep } from '../../domain/capsule';
import { isTerminal, type RunState } from '../../domain/run';
import { toPage, type Cursor } from '../cursor';
import type { RedeployStore } from '../redeploys';
import type { CapsuleRecord, CapsuleSetting, LeaseRequest, Store } from '../store';
import { memoryAlerts } from './alerts';
import { memoryApprovals, purgeMemos } from './approvals';
import { memoryAudit } from './audit';
import { hasMoney, memoryBudgets } from './budgets';
import { memoryBreakers } from './breakers';
import { clone, commit } from './commit';
import { compare, newest } from './order';
import { fits } from './fits';
import { waitReads } from './waits';
import { memoryDeliveries } from './deliveries';
import { memoryFlow, purgeFlow } from './flow';
import { memoryCosts, purgeCosts } from './costs';
import { memoryKeys } from './keys';
import { memoryNotifications } from './notifications';
import { memoryObservations } from './observations';
import { memoryProtocols } from './protocols';
import { memoryRedeploys } from './redeploys';
import { memoryReleases } from './releases';
import { memoryReplays } from './replays';
import { admissible, isSwitchedOff, memorySwitches } from './switches';
import { Tables, type CapsuleRow, type LeaseRow, type RunRow } from './tables';

export function createMemoryStore({ environment = 'development' } = {}): Store {
  const tables = new Tables();
  tables.guards.environment = environment;
  return {
    ...runReads(tables),
    ...waitReads(tables),
    ...capsuleReads(tables),
    ...tickReads(tables),
    ...memoryDeliveries(tables),
    ...memoryReplays(),
    ...memoryFlow(tables),
    ...memoryAlerts(tables),
    ...memoryNotifications(tables),
    ...memoryCosts(tables),
    ...memorySwitches(tables),
    ...memoryBudgets(tables),
    ...memoryApprovals(tables),
    ...memoryBreakers(tables),
    ...memoryProtocols(tables),
    ...memoryAudit(tables),
    ...memoryKeys(tables),
    ...memoryReleases(tables),
    ...memoryObservations(),
    ...rest(tables),
  };
}

type RunReads = Pick<Store, 'run' | 'payloads' | 'runs' | 'countRuns' | 'openRuns' | 'dueRuns' | 'purge'>;

function runReads(tables: Tables): RunReads {
  const open = () => [...tables.openRuns].flatMap((id) => tables.runs.get(id) ?? []);
  return {
    run: async (id) => {
      const row = tables.runs.get(id);
      return row && { state: clone(row.state), version: row.version };
    },
    payloads: async (id) => {
      const row = tables.runs.get(id);
      const inOrder = [...(row?.results ?? [])].sort(
        (a, b) =>
          a.receivedAt - b.receivedAt ||
          compare(a.stepId, b.stepId) ||
          a.attempt - b.attempt ||
          Number(a.counted) - Number(b.counted),
      );
      const results = inOrder.map(({ receivedAt: _, ...r }) => clone(r));
      return row && { input: clone(row.input), results };
    },
    runs: async (filter, limit, cursor) => {
      const key = (run: RunState): Cursor => ({ at: run.createdAt, id: run.id });
      const matching = [...tables.runs.values()].map((r) => r.state).filter((r) => fits(r, filter));
      return toPage(clone(newest(matching, key, limit, cursor)), limit, key);
    },
    countRuns: async (filter) => {
      const counts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
      for (const { state } of tables.runs.values()) if (fits(state, filter)) counts[state.status] += 1;
      return counts;
    },
    openRuns: async (workflowId, limit) =>
      open()
        .filter((r) => r.state.workflowId === workflowId && r.state.trigger.kind !== 'step')
        .filter((r) => !isTerminal(r.state.status))
        .map(({ state: { id, status, createdAt } }) => ({ id, status, createdAt }))
        .sort((a, b) => a.createdAt - b.createdAt || compare(a.id, b.id))
        .slice(0, limit),
    dueRuns: async (now, limit) =>
      open()
        .filter((r) => r.dueAt !== undefined && r.dueAt <= now)
        .sort((a, b) => (a.dueAt as number) - (b.dueAt as number) || compare(a.state.id, b.state.id))
        .slice(0, limit)
        .map((r) => r.state.id),
    purge: async (before, limit, entryFor) => {
      const old = [...tables.runs.values()]
        .filter((r) => isTerminal(r.state.status) && (r.state.finishedAt ?? Infinity) < before)
        .sort((a, b) => finishedAt(a) - finishedAt(b) || compare(a.state.id, b.state.id))
        .slice(0, limit);
      for (const row of old) tables.runs.delete(row.state.id);
      purgeCosts(
        tables,
        old.map((row) => row.state.id),
      );
      for (const [id, { at }] of tables.events) if (at < before) tables.events.delete(id);
      for (const [key, { at }] of tables.idempotency) if (at < before) tables.idempotency.delete(key);
      purgeMemos(tables);
      purgeFlow(tables, before);
      tables.redeploys = tables.redeploys.filter(({ at }) => at >= before);
      for (const [id, { resolvedAt }] of tables.alerts)
        if ((resolvedAt ?? Infinity) < before) tables.alerts.delete(id);
      const entry = old.length > 0 ? entryFor?.(old.length) : undefined;
      if (entry) commit(tables, { at: entry.at, ledger: [entry] });
      return old.length;
    },
  };
}

type CapsuleReads = Pick<
  Store,
  'capsule' | 'capsules' | 'declareCapsules' | 'dueCapsules' | 'grantable' | 'waiting' | 'holders' | 'shifts'
>;

function capsuleReads(tables: Tables): CapsuleReads {
  const inLine = (capsuleId: string): LeaseRow[] =>
    [...tables.leases.values()]
      .filter((l) => l.capsuleId === capsuleId && l.grantedAt === undefined)
      .sort(byTurn);
  return {
    capsule: async (id) => {
      const row = tables.capsules.get(id);
      return row && toRecord(tables, row);
    },
    capsules: async () =>
      [...tables.capsules.values()]
        .map((row) => toRecord(tables, row))
        .sort((a, b) => compare(a.state.id, b.state.id)),
    declareCapsules: async (settings, at, entryFor) => {
      for (const setting of settings) {
        const was = declare(tables, setting);
        if (was !== 'the same' && entryFor) commit(tables, { at, ledger: [entryFor(setting, was)] });
      }
    },
    dueCapsules: async (now, limit) =>
      [...tables.capsules.values()]
        .filter((row) => isDue({ ...row, waiting: admissible(tables, row) }, now))
        .map((row) => row.state.id)
        .sort(compare)
        .slice(0, limit),
    grantable: async (id) => {
      const row = tables.capsules.get(id);
      if (!row) return [];
      const free = inLine(id)
        .filter((l) => !isSwitchedOff(tables, row.state.agentId, l.workflowId))
        .filter((l) => hasMoney(tables, l));
      return free.slice(0, Math.max(0, row.slots - row.held)).map(toRequest);
    },
    waiting: async (id, limit) => inLine(id).slice(0, limit).map(toRequest),
    holders: async (id) =>
      [...tables.leases.values()]
        .filter((l) => l.capsuleId === id && l.grantedAt !== undefined)
        .sort(byTurn)
        .map(toRequest),
    shifts: async ({ capsuleId }, limit, cursor) => {
      const matching = [...tables.shifts.values()].filter(
        (s) => capsuleId === undefined || s.capsuleId === capsuleId,
      );
      const key = (s: { requestedAt: number; capsuleId: string }): Cursor => ({
        at: s.requestedAt,
        id: s.capsuleId,
      });
      return toPage(clone(newest(matching, key, limit, cursor)), limit, key);
    },
  };
}

/** A new version only if something is new: others decide on the present one meanwhile. */
/** Answers what was known before. */
function declare(tables: Tables, setting: CapsuleSetting): CapsuleSetting | undefined | 'the same' {
  const { id, agentId, slots, lingerMs } = setting;
  const known = tables.capsules.get(id);
  const was = known && { id, agentId: known.state.agentId, slots: known.slots, lingerMs: known.lingerMs };
  if (was && was.slots === slots && was.lingerMs === lingerMs && was.agentId === agentId) return 'the same';
  const row = known ?? { state: asleep(id, agentId), version: 0, held: 0, waiting: 0, workMs: 0 };
  const { state, version } = row;
  tables.capsules.set(id, { ...row, state: { ...state, agentId }, version: version + 1, slots, lingerMs });
  return was;
}

type TickReads = Pick<Store, 'ticks' | 'lastTick' | 'declareSchedule'>;

function tickReads(tables: Tables): TickReads {
  const of = (workflowId: string) =>
    [...tables.ticks.values()]
      .filter((t) => t.workflowId === workflowId)
      .sort((a, b) => b.scheduledFor - a.scheduledFor);
  return {
    ticks: async (workflowId, limit, after = -Infinity) =>
      clone(
        of(workflowId)
          .filter((t) => t.scheduledFor > after)
          .slice(0, limit),
      ),
    lastTick: async (workflowId) => of(workflowId)[0]?.scheduledFor,
    declareSchedule: async (workflowId, fingerprint, now, entryFor) => {
      const known = tables.schedules.get(workflowId);
      if (known?.fingerprint === fingerprint) return known.knownSince;
      tables.schedules.set(workflowId, { fingerprint, knownSince: now });
      const entry = entryFor?.(known?.fingerprint);
      if (entry) commit(tables, { at: entry.at, ledger: [entry] });
      return now;
    },
  };
}

type Rest = RedeployStore & Pick<Store, 'commit' | 'ledger' | 'sharedSecret' | 'ping' | 'close'>;

function rest(tables: Tables): Rest {
  return {
    ...memoryRedeploys(tables),
    commit: async (change) => commit(tables, change),
    ledger: async (after, limit) => tables.ledger.slice(after, after + limit),
    sharedSecret: async (name, proposal) => {
      if (!tables.secrets.has(name)) tables.secrets.set(name, proposal);
      return tables.secrets.get(name) as string;
    },
    ping: async () => undefined,
    close: async () => undefined,
  };
}

function isDue({ state, held, waiting, slots, idleSince, lingerMs }: CapsuleRow, now: number): boolean {
  if (state.dueAt !== undefined && state.dueAt <= now) return true;
  if (state.status === 'asleep') return waiting > 0 && state.dueAt === undefined;
  if (state.status !== 'awake') return false;
  if (waiting > 0) return held < slots;
  return held === 0 && idleSince !== undefined && idleSince + lingerMs <= now;
}

const byTurn = (a: LeaseRow, b: LeaseRow): number =>
  b.priority - a.priority ||
  a.requestedAt - b.requestedAt ||
  compare(a.runId, b.runId) ||
  a.attempt - b.attempt;

const finishedAt = (row: RunRow): number => row.state.finishedAt ?? Infinity;

const toRequest = ({ runId, stepId, attempt, requestedAt, priority }: LeaseRow): LeaseRequest => ({
  runId,
  stepId,
  attempt,
  requestedAt,
  priority,
});

function toRecord(tables: Tables, row: CapsuleRow): CapsuleRecord {
  const { held, workMs, busySince, idleSince, firstWorkAt, lastWorkAt } = row;
  return {
    state: clone(row.state),
    version: row.version,
    activity: {
      held,
      waiting: admissible(tables, row),
      workMs,
      ...(busySince !== undefined && { busySince }),
      ...(idleSince !== undefined && { idleSince }),
      ...(firstWorkAt !== undefined && { firstWorkAt }),
      ...(lastWorkAt !== undefined && { lastWorkAt }),
    },
  };
}
