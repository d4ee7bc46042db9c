/** The record on PostgreSQL 14 and later. */
import type { Pool } from 'pg';
import type { ChainedEntry } from '../../domain/ledger';
import type { Store } from '../store';
import { AlertQueries } from './alerts';
import { ApprovalQueries } from './approvals';
import { AuditQueries } from './audit';
import { BudgetQueries } from './budgets';
import { BreakerQueries } from './breakers';
import { CapsuleQueries } from './capsules';
import { GroupCommit } from './commit';
import { CostQueries } from './costs';
import { DeliveryQueries } from './deliveries';
import { FlowQueries } from './flow';
import { KeyQueries } from './keys';
import { migrate } from './migrate';
import { createPool, SCHEMA } from './pool';
import { NotificationQueries } from './notifications';
import { ObservationQueries } from './observations';
import { ProtocolQueries } from './protocols';
import { RedeployQueries } from './redeploys';
import { ReleaseQueries } from './releases';
import { ReplayQueries } from './replays';
import { grantUse } from './roles';
import { RunQueries } from './runs';
import { SwitchQueries } from './switches';
import { TickQueries } from './ticks';
import { unusable } from './unusable';
import { WaitQueries } from './waits';

/**
 * Connects and brings the schema up to date.
 * @param ownerUrl connects as who owns the tables, where that is not who runs the orchestrator
 * @throws when the server cannot be reached, named by its variable, or a migration fails.
 */
export async function openPostgresStore(
  connectionString: string,
  { environment, ownerUrl }: { environment?: string; ownerUrl?: string } = {},
): Promise<Store> {
  if (ownerUrl !== undefined) await migrateAsOwner(ownerUrl, connectionString);
  const pool = createPool(connectionString, undefined, environment);
  try {
    await migrate(pool);
  } catch (error) {
    await pool.end();
    throw unusable('DATABASE_URL', error);
  }
  return compose(pool);
}

async function migrateAsOwner(ownerUrl: string, url: string): Promise<void> {
  const pool = createPool(ownerUrl, 2);
  try {
    await migrate(pool);
  } catch (error) {
    throw unusable('MIGRATE_URL', error);
  } finally {
    await pool.end();
  }
  await grantUse({ ownerUrl, url, schema: SCHEMA, hasLedger: true });
}

function compose(pool: Pool): Store {
  const commits = new GroupCommit(pool);
  const runs = new RunQueries(pool);
  const capsules = new CapsuleQueries(pool);
  const ticks = new TickQueries(pool);
  const waits = new WaitQueries(pool);
  const redeploys = new RedeployQueries(pool);
  const replays = new ReplayQueries(pool);
  const deliveries = new DeliveryQueries(pool);
  const flow = new FlowQueries(pool);
  const costs = new CostQueries(pool);
  const alerts = new AlertQueries(pool);
  const switches = new SwitchQueries(pool);
  return {
    commit: (change) => commits.commit(change),
    run: (id) => runs.run(id),
    payloads: (id) => runs.payloads(id),
    runs: (filter, limit, cursor) => runs.runs(filter, limit, cursor),
    countRuns: (filter) => runs.countRuns(filter),
    openRuns: (workflowId, limit) => runs.openRuns(workflowId, limit),
    dueRuns: (now, limit) => runs.dueRuns(now, limit),
    purge: (before, limit, entryFor) => runs.purge(before, limit, entryFor),
    waitsFor: (name, key, limit) => waits.waitsFor(name, key, limit),
    waitOf: (runId, stepId, attempt) => waits.waitOf(runId, stepId, attempt),
    approvals: (limit, cursor) => waits.approvals(limit, cursor),
    firstEvent: (name, key, since) => waits.firstEvent(name, key, since),
    undelivered: (before, limit) => waits.undelivered(before, limit),
    capsule: (id) => capsules.capsule(id),
    capsules: () => capsules.capsules(),
    declareCapsules: (settings, _now, entryFor) => capsules.declareCapsules(settings, entryFor),
    dueCapsules: (now, limit) => capsules.dueCapsules(now, limit),
    grantable: (id) => capsules.grantable(id),
    waiting: (id, limit) => capsules.waiting(id, limit),
    holders: (id) => capsules.holders(id),
    shifts: (filter, limit, cursor) => capsules.shifts(filter, limit, cursor),
    ticks: (workflowId, limit, after) => ticks.ticks(workflowId, limit, after),
    lastTick: (workflowId) => ticks.lastTick(workflowId),
    declareSchedule: (id, fingerprint, now, entryFor) =>
      ticks.declareSchedule(id, fingerprint, now, entryFor),
    addDeliveries: (batch) => deliveries.add(batch),
    deliveries: (filter, limit, cursor) => deliveries.list(filter, limit, cursor),
    delivery: (id) => deliveries.one(id),
    clearDeliveries: (bin, entryFor) => deliveries.clear(bin, entryFor),
    trimDeliveries: (quota) => deliveries.trim(quota),
    flowWorkflows: (limit) => flow.flowWorkflows(limit),
    flowHeads: (workflowId, now, limit) => flow.flowHeads(workflowId, now, limit),
    flowUse: (gates, buckets) => flow.flowUse(gates, buckets),
    flowMembers: (gate, limit) => flow.flowMembers(gate, limit),
    flowPutOff: (key, limit) => flow.flowPutOff(key, limit),
    claimRedeploy: (claim) => redeploys.claim(claim),
    settleRedeploy: (id, buildId) => redeploys.settle(id, buildId),
    dropRedeploy: (id) => redeploys.drop(id),
    followedBuilds: (limit) => redeploys.followed(limit),
    endRedeploy: (id, end, entry) => redeploys.end(id, end, entry),
    addReplay: (replay) => replays.add(replay),
    replay: (id) => replays.one(id),
    claimReplays: (now, until, limit) => replays.claim(now, until, limit),
    progressReplay: (id, done, outcomes, finishedAt) => replays.progress(id, done, outcomes, finishedAt),
    purgeReplays: (before) => replays.purge(before),
    raiseAlert: (alert, entryFor, outbox) => alerts.raise(alert, entryFor, outbox),
    resolveAlert: (key, resolution, entryFor, outbox) => alerts.resolve(key, resolution, entryFor, outbox),
    acknowledgeAlert: (id, by, entryFor) => alerts.acknowledge(id, by, entryFor),
    alert: (id) => alerts.one(id),
    alerts: (filter, limit, cursor) => alerts.list(filter, limit, cursor),
    ...new NotificationQueries(pool).store(),
    ...costs.store(),
    ...switches.store(),
    ...new BudgetQueries(pool).store(),
    ...new ApprovalQueries(pool).store(),
    ...new BreakerQueries(pool).store(),
    ...new ProtocolQueries(pool).store(),
    ...new AuditQueries(pool).store(),
    ...new KeyQueries(pool).store(),
    ...new ReleaseQueries(pool).store(),
    ...new ObservationQueries(pool).store(),
    ledger: (after, limit) => ledger(pool, after, limit),
    sharedSecret: (name, proposal) => sharedSecret(pool, name, proposal),
    ping: async () => void (await pool.query('SELECT 1')),
    close: () => pool.end(),
  };
}

async function ledger(pool: Pool, afterSeq: number, limit: number): Promise<ChainedEntry[]> {
  const { rows } = await pool.query<ChainedEntry>(
    'SELECT seq, body, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2',
    [afterSeq, limit],
  );
  return rows;
}

async function sharedSecret(pool: Pool, name: string, proposal: string): Promise<string> {
  await pool.query('INSERT INTO shared_secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    name,
    proposal,
  ]);
  const { rows } = await pool.query<{ value: string }>('SELECT value FROM shared_secrets WHERE name = $1', [
    name,
  ]);
  return (rows[0] as { value: string }).value;
}
