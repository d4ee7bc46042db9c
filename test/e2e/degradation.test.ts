/** What the orchestrator stands on freezes under load: nothing answers, no connection breaks, nothing is lost. */
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { removeCluster, serverPid } from '../support/embedded-cluster';
import { temporaryFolder } from '../support/folders';
import { freeze } from '../support/frozen';
import { startRedis } from '../support/redis-server';
import { until } from '../support/until';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, stepIs, trigger } from './support/runs';
import { World } from './support/world';

const once = { 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 };
const agents = AGENTS.map((id) => ({ id }));

const checksOf = async (url: string) => {
  const response = await fetch(`${url}/ready`);
  const { checks } = (await response.json()) as { checks: { store: string; queue: string } };
  return { status: response.status, checks };
};

test('Postgres frozen: 503 in time, and everything goes on when it thaws', async () => {
  const folder = await temporaryFolder();
  const options = { dataDir: join(folder.path, 'own-postgres'), log: () => undefined, durable: false };
  const postgres = await startEmbeddedPostgres(options);
  const world = await World.start({ agents, workflows: [three], databaseUrl: postgres.url });
  let thaw: () => void = () => undefined;
  try {
    const orchestrator = await world.orchestrate();
    const held = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(orchestrator, held, 'do-alpha', 'running');
    const waiting = await Promise.all([1, 2, 3].map(() => trigger(orchestrator, 'three')));
    thaw = freeze((await serverPid(options.dataDir)) ?? 0);
    await world.release('alpha', held, 'do-alpha');
    const startedAt = Date.now();
    const refused = await fetch(`${orchestrator.url}/workflows/three/runs`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'while-frozen' },
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    const { status, checks } = await checksOf(orchestrator.url);
    expect(status).toBe(503);
    expect(checks.store).not.toBe('ok');
    thaw();
    for (const id of [held, ...waiting]) {
      expect((await ended(orchestrator, id)).status).toBe('succeeded');
      expect(begun(world, id)).toEqual(once);
    }
    await until(async () => (await checksOf(orchestrator.url)).status === 200);
    // What was given up may have been done: the same key answers with the same run, once.
    const again = await fetch(`${orchestrator.url}/workflows/three/runs`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'while-frozen' },
    });
    expect([200, 201]).toContain(again.status);
    const { id } = (await again.json()) as { id: string };
    expect((await ended(orchestrator, id)).status).toBe('succeeded');
    expect((await orchestrator.store.runs({}, 100)).items).toHaveLength(5);
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

test('Redis frozen: runs go on without it, /ready tells, and it serves again when it thaws', async () => {
  const redis = await startRedis();
  const world = await World.start({ agents, workflows: [three] });
  let thaw: () => void = () => undefined;
  try {
    const orchestrator = await world.orchestrate({ env: { REDIS_URL: redis.url } });
    const held = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(orchestrator, held, 'do-alpha', 'running');
    thaw = freeze(redis.process.pid);
    const { status, checks } = await checksOf(orchestrator.url);
    expect(status).toBe(503);
    expect(checks).toMatchObject({ store: 'ok', queue: expect.not.stringMatching(/^ok$/) as string });
    await world.release('alpha', held, 'do-alpha');
    const meanwhile = await trigger(orchestrator, 'three');
    for (const id of [held, meanwhile]) {
      expect((await ended(orchestrator, id)).status).toBe('succeeded');
      expect(begun(world, id)).toEqual(once);
    }
    await allAsleep(world, orchestrator);
    thaw();
    await until(async () => (await checksOf(orchestrator.url)).status === 200);
    const after = await trigger(orchestrator, 'three');
    expect((await ended(orchestrator, after)).status).toBe('succeeded');
    await allAsleep(world, orchestrator);
  } finally {
    thaw();
    await world.close();
    await redis.stop();
  }
});
