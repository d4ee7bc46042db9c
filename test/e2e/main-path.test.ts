import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { startRedis, type RedisServer } from '../support/redis-server';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, outputOf, statuses, trigger } from './support/runs';
import { World } from './support/world';

describe.each(['postgres', 'redis'] as const)('the main path, queue on %s', (queue) => {
  let leaks: LeakCheck;
  let redis: RedisServer | undefined;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    redis = queue === 'redis' ? await startRedis() : undefined;
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three] });
    orchestrator = await world.orchestrate({ env: redis ? { REDIS_URL: redis.url } : {} });
  });

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await redis?.stop();
    await leaks.backToBaseline();
  });

  test('three agents are woken, work one after the other on what came before, and sleep', async () => {
    const runId = await trigger(orchestrator, 'three', { depth: 2 });
    const run = await ended(orchestrator, runId);
    expect(statuses(run)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(begun(world, runId)).toEqual({ 'do-alpha#1': 1, 'do-beta#1': 1, 'do-gamma#1': 1 });
    const third = world.work(runId).find((w) => w.event === 'job' && w.stepId === 'do-gamma');
    expect(third?.input).toEqual({
      site: 'example',
      depth: 2,
      'do-alpha': 'done',
      'do-beta': 'done',
      from: 'do-beta',
      steps: {
        'do-alpha': { 'do-alpha': 'done', from: 'do-alpha' },
        'do-beta': { 'do-beta': 'done', from: 'do-beta' },
      },
    });
    await allAsleep(world, orchestrator);
    const { items } = await orchestrator.store.shifts({}, 10);
    expect(items.map((s) => [s.agentId, s.endReason]).sort()).toEqual(AGENTS.map((id) => [id, 'idle']));
  });

  test('an error fails the run, skips what comes after, and keeps the last output', async () => {
    const runId = await trigger(orchestrator, 'three', acts({ 'do-beta': 'error' }));
    const run = await ended(orchestrator, runId);
    expect(run).toMatchObject({
      status: 'failed',
      error: { kind: 'agent-error', message: 'step do-beta: do-beta went wrong' },
    });
    expect(statuses(run)).toEqual(['succeeded', 'failed', 'skipped']);
    expect(await outputOf(orchestrator, runId, 'do-beta')).toEqual({ partial: 'do-beta' });
    expect(Object.keys(begun(world, runId))).toEqual(['do-alpha#1', 'do-beta#1']);
  });

  test('the same Idempotency-Key starts one run', async () => {
    const ask = async () => {
      const response = await fetch(`${orchestrator.url}/workflows/three/runs`, {
        method: 'POST',
        headers: { 'idempotency-key': 'once' },
      });
      return { code: response.status, id: ((await response.json()) as { id: string }).id };
    };
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map((a) => a.code).sort()).toEqual([200, 200, 201]);
    expect(new Set(answers.map((a) => a.id)).size).toBe(1);
    await ended(orchestrator, answers[0]?.id ?? '');
  });
});
