/**
 * What the orchestrator stands on freezes, stops and comes back under load: callers are told in time, each outage is
 * seen in /ready, in the figures and in the ledger, and nothing that was accepted is lost.
 */
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import type { Limits } from '../../src/domain/limits';
import { ledgerEntry } from '../../src/domain/ledger';
import { isTerminal } from '../../src/domain/run';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { removeCluster, serverPid } from '../support/embedded-cluster';
import { temporaryFolder } from '../support/folders';
import { freeze } from '../support/frozen';
import { startRedis } from '../support/redis-server';
import { until } from '../support/until';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, stepIs, succeeded, trigger } from './support/runs';
import { World } from './support/world';

/** Runs that are under way when a server goes. */
const LOAD = 50;
/** For all of them, on a machine that others use, too. */
const LOAD_MS = 60_000;

const once = { 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 };
const agents = AGENTS.map((id) => ({ id, concurrency: 20 }));
const limits: Partial<Limits> = { outageLookMs: 200 };

const checksOf = async ({ url }: Orchestrator) => {
  const response = await fetch(`${url}/ready`);
  const { checks } = (await response.json()) as { checks: { store: string; queue: string } };
  return { status: response.status, ...checks };
};
const isReady = (orchestrator: Orchestrator) =>
  until(async () => (await checksOf(orchestrator)).status === 200, { what: 'readiness' });
const figure = async ({ url }: Orchestrator, name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};
const load = (orchestrator: Orchestrator) =>
  Promise.all(Array.from({ length: LOAD }, () => trigger(orchestrator, 'three')));
/** Every one of them succeeded, and no agent was given any of their work twice. */
async function allDone({ store }: Orchestrator, world: World, runIds: string[]): Promise<void> {
  for (const id of runIds) await succeeded({ store }, id, LOAD_MS);
  expect(runIds.filter((id) => !isSame(begun(world, id)))).toEqual([]);
}
const isSame = (seen: Record<string, number>): boolean =>
  Object.keys(seen).length === 3 && Object.entries(once).every(([key, times]) => seen[key] === times);
/** How many of the runs are neither over nor untouched: the fault has to hit work, not a line. */
const underWay = async ({ store }: Orchestrator, runIds: string[]) => {
  const runs = await Promise.all(runIds.map((id) => store.run(id)));
  return runs.filter((run) => run && !isTerminal(run.state.status)).length;
};
const alerts = async ({ store }: Orchestrator, kind: string) =>
  (await store.ledger(0, 100_000))
    .map(({ body }) => ledgerEntry(body))
    .filter(({ entity, id }) => entity === 'alert' && id.startsWith(`${kind}:`))
    .map(({ action }) => action);
const start = (url: string, key: string) =>
  fetch(`${url}/workflows/three/runs`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  });

async function refused(orchestrator: Orchestrator, key: string): Promise<void> {
  const startedAt = Date.now();
  const answer = await start(orchestrator.url, key);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Date.now() - startedAt).toBeLessThan(10_000);
  const { status, store } = await checksOf(orchestrator);
  expect(status).toBe(503);
  expect(store).not.toBe('ok');
  expect(await figure(orchestrator, 'reveille_store_up')).toBe(0);
}

/** What was given up may have been done: the same key answers with the same run, once. */
async function again(orchestrator: Orchestrator, key: string): Promise<void> {
  const answer = await start(orchestrator.url, key);
  expect([200, 201]).toContain(answer.status);
  const { id } = (await answer.json()) as { id: string };
  await succeeded(orchestrator, id, LOAD_MS);
}

test('Postgres frozen, then stopped and started again: 503 in time, and everything goes on', async () => {
  const folder = await temporaryFolder();
  const options = { dataDir: join(folder.path, 'own-postgres'), log: () => undefined, durable: false };
  let postgres = await startEmbeddedPostgres(options);
  const world = await World.start({ agents, workflows: [three], databaseUrl: postgres.url });
  let thaw: () => void = () => undefined;
  try {
    const orchestrator = await world.orchestrate({ limits });
    const held = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(orchestrator, held, 'do-alpha', 'running');
    const frozen = await load(orchestrator);
    thaw = freeze((await serverPid(options.dataDir)) ?? 0);
    await world.release('alpha', held, 'do-alpha');
    await refused(orchestrator, 'while-frozen');
    thaw();
    await isReady(orchestrator);
    await allDone(orchestrator, world, [held, ...frozen]);

    const stopped = await load(orchestrator);
    await postgres.stop();
    await refused(orchestrator, 'while-stopped');
    postgres = await startEmbeddedPostgres(options);
    await isReady(orchestrator);
    await allDone(orchestrator, world, stopped);
    expect(await figure(orchestrator, 'reveille_store_up')).toBe(1);
    const told = async () => (await alerts(orchestrator, 'store-away')).slice(-2);
    await until(async () => (await told()).length === 2, { what: 'the outage on record' });
    expect(await told()).toEqual(['alert.raised', 'alert.resolved']);
    for (const key of ['while-frozen', 'while-stopped']) await again(orchestrator, key);
    expect((await orchestrator.store.runs({}, 200)).items).toHaveLength(2 * LOAD + 3);
    await allAsleep(world, orchestrator);
    await world.close();
    await postgres.stop();
  } finally {
    thaw();
    await world.close();
    await removeCluster(options.dataDir);
    await folder.remove();
  }
});

test('Redis frozen, then stopped and started again: runs go on without it, and with it again', async () => {
  let redis = await startRedis();
  const world = await World.start({ agents, workflows: [three] });
  let thaw: () => void = () => undefined;
  try {
    const orchestrator = await world.orchestrate({ env: { REDIS_URL: redis.url }, limits });
    const seen = async (times: number) => {
      const { status, store, queue } = await checksOf(orchestrator);
      expect([status, store, queue]).toEqual([503, 'ok', expect.not.stringMatching(/^ok$/)]);
      expect(await figure(orchestrator, 'reveille_queue_up')).toBe(0);
      const raised = async () =>
        (await alerts(orchestrator, 'queue-away')).filter((action) => action === 'alert.raised').length;
      await until(async () => (await raised()) === times, {
        what: 'the outage on record',
        deadlineMs: 20_000,
      });
    };
    const frozen = await load(orchestrator);
    thaw = freeze(redis.process.pid);
    expect(await underWay(orchestrator, frozen)).toBeGreaterThan(0);
    await seen(1);
    await allDone(orchestrator, world, [...frozen, await trigger(orchestrator, 'three')]);
    thaw();
    await isReady(orchestrator);

    const stopped = await load(orchestrator);
    await redis.stop();
    await seen(2);
    await allDone(orchestrator, world, [...stopped, await trigger(orchestrator, 'three')]);
    redis = await startRedis(Number(new URL(redis.url).port));
    await isReady(orchestrator);
    const resolved = async () => (await alerts(orchestrator, 'queue-away')).at(-1) === 'alert.resolved';
    await until(resolved, { what: 'the end of the outage on record' });
    await allDone(orchestrator, world, [await trigger(orchestrator, 'three')]);
    await allAsleep(world, orchestrator);
  } finally {
    thaw();
    await world.close();
    await redis.stop();
  }
});
