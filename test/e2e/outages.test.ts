/** What the orchestrator stands on goes away in the middle of a run, or it is told to stop itself. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Orchestrator } from '../../src/compose';
import { startEmbeddedPostgres } from '../../src/store/embedded';
import { removeCluster } from '../support/embedded-cluster';
import { temporaryFolder } from '../support/folders';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { startRedis, type RedisServer } from '../support/redis-server';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, stepIs, succeeded, trigger } from './support/runs';
import { World, capsuleIdOf } from './support/world';

const once = { 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 };
const agents = AGENTS.map((id) => ({ id }));

/** A run whose first step is held by its agent. */
async function heldRun(orchestrator: Pick<Orchestrator, 'url' | 'store'>): Promise<string> {
  const runId = await trigger(orchestrator, 'three', acts({ 'do-alpha': 'hold' }));
  await stepIs(orchestrator, runId, 'do-alpha', 'running');
  return runId;
}

let leaks: LeakCheck;
beforeAll(() => {
  leaks = leakCheck();
});
afterAll(() => leaks.backToBaseline());

describe('Redis', () => {
  const processes = useProcesses();
  let redis: RedisServer;
  let world: World;

  beforeEach(async () => {
    redis = await startRedis();
    world = await World.start({ agents, workflows: [three] });
  });

  afterEach(async () => {
    await world.close();
    await redis.stop();
  });

  const flush = async () => {
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
  };

  test('flushed in the middle of a run: nothing is lost', async () => {
    const orchestrator = await world.orchestrate({ env: { REDIS_URL: redis.url } });
    const runId = await heldRun(orchestrator);
    await flush();
    await world.release('alpha', runId, 'do-alpha');
    await succeeded(orchestrator, runId);
    expect(begun(world, runId)).toEqual(once);
    const next = await trigger(orchestrator, 'three');
    await succeeded(orchestrator, next);
    await allAsleep(world, orchestrator);
  });

  test('flushed while capsules linger: late to sleep once, and in time again', async () => {
    await world.close();
    world = await World.start({
      agents: agents.map((agent) => ({ ...agent, lingerSeconds: 1 })),
      workflows: [three],
    });
    const env = { REDIS_URL: redis.url };
    const orchestrator = await world.orchestrate({ env, limits: { sweepMs: 6_000 } });
    await ended(orchestrator, await trigger(orchestrator, 'three'));
    await flush();
    await allAsleep(world, orchestrator);
    await ended(orchestrator, await trigger(orchestrator, 'three'));
    await allAsleep(world, orchestrator);
    const { items } = await orchestrator.store.shifts({}, 3);
    for (const shift of items) expect(shift.split?.lingerMs).toBeLessThan(3_500);
  });

  test('stopped in the middle of a run: the run goes on without it, and with it again', async () => {
    const orchestrator = await world.orchestrate({ env: { REDIS_URL: redis.url } });
    const runId = await heldRun(orchestrator);
    await redis.stop();
    await world.release('alpha', runId, 'do-alpha');
    await succeeded(orchestrator, runId);
    expect(begun(world, runId)).toEqual(once);
    await allAsleep(world, orchestrator);
    redis = await startRedis(Number(new URL(redis.url).port));
    const next = await trigger(orchestrator, 'three');
    await succeeded(orchestrator, next);
    await allAsleep(world, orchestrator);
  });

  test('gone when the orchestrator is told to stop: it still ends in time', async () => {
    const { process } = await world.spawn(processes, {
      env: { REDIS_URL: redis.url, SHUTDOWN_TIMEOUT_SECONDS: '2' },
    });
    await redis.stop();
    const startedAt = Date.now();
    process.kill('SIGTERM');
    expect(await process.exited).toMatchObject({ code: 0 });
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });
});

test('Postgres restarted in the middle of a run: the agent keeps its result until it is taken', async () => {
  const folder = await temporaryFolder();
  const options = { dataDir: join(folder.path, 'own-postgres'), log: () => undefined, durable: false };
  const postgres = await startEmbeddedPostgres(options);
  const world = await World.start({ agents, workflows: [three], databaseUrl: postgres.url });
  try {
    const orchestrator = await world.orchestrate();
    const runId = await heldRun(orchestrator);
    await postgres.stop();
    await world.release('alpha', runId, 'do-alpha');
    await world.worked({ event: 'delivered', runId, status: 503 });
    const again = await startEmbeddedPostgres(options);
    expect(again.url).toBe(postgres.url);
    await succeeded(orchestrator, runId);
    expect(begun(world, runId)).toEqual(once);
    const next = await trigger(orchestrator, 'three');
    await succeeded(orchestrator, next);
    await allAsleep(world, orchestrator);
    await world.close();
    await again.stop();
  } finally {
    await world.close();
    await removeCluster(options.dataDir);
    await folder.remove();
  }
});

describe('Postgres', () => {
  const processes = useProcesses();

  test('gone when the orchestrator is told to stop: it still ends in time', async () => {
    const folder = await temporaryFolder();
    const options = { dataDir: join(folder.path, 'own-postgres'), log: () => undefined, durable: false };
    const postgres = await startEmbeddedPostgres(options);
    const world = await World.start({ agents, workflows: [three], databaseUrl: postgres.url });
    try {
      const env = { SHUTDOWN_TIMEOUT_SECONDS: '2' };
      const { process, url } = await world.spawn(processes, { env });
      const runId = await trigger({ url }, 'three', acts({ 'do-alpha': 'hold' }));
      await world.worked({ event: 'job', runId });
      await postgres.stop();
      const startedAt = Date.now();
      process.kill('SIGTERM');
      expect(await process.exited).toMatchObject({ code: 0 });
      expect(Date.now() - startedAt).toBeLessThan(8_000);
    } finally {
      await world.close();
      await removeCluster(options.dataDir);
      await folder.remove();
    }
  });
});

describe('SIGTERM', () => {
  const processes = useProcesses();
  let world: World;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
    world = await World.start({ agents, workflows: [three] });
  });

  afterEach(() => world.close());

  const stopAndTakeOver = async (runId: string, child: TestProcess, meanwhile = async () => {}) => {
    const startedAt = Date.now();
    child.kill('SIGTERM');
    await child.waitFor(/^stopping$/m);
    await meanwhile();
    expect(await child.exited).toMatchObject({ code: 0 });
    expect(Date.now() - startedAt).toBeLessThan(7_000);
    const successor = await world.orchestrate({ env: { PORT: String(port) } });
    await succeeded(successor, runId);
    expect(begun(world, runId)).toEqual(once);
    await allAsleep(world, successor);
  };

  test('while an agent works: it ends, and another takes the result', async () => {
    const { process, url } = await world.spawn(processes, { env: { PORT: String(port) } });
    const runId = await trigger({ url }, 'three', acts({ 'do-alpha': 'hold' }));
    await world.worked({ event: 'job', runId });
    await stopAndTakeOver(runId, process, () => world.release('alpha', runId, 'do-alpha'));
  });

  test('while a capsule boots: it ends within its time, and another sees to the rest', async () => {
    world.platform.faults.set({ coldStartMs: 4_000 }, capsuleIdOf('alpha'));
    const env = { PORT: String(port), SHUTDOWN_TIMEOUT_SECONDS: '2' };
    const { process, url } = await world.spawn(processes, { env });
    const starting = new Promise((resolve) => world.platform.events.once('starting', resolve));
    const runId = await trigger({ url }, 'three');
    await starting;
    world.platform.faults.clear();
    await stopAndTakeOver(runId, process);
  });
});
