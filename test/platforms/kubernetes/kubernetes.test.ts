import { setTimeout as delay } from 'node:timers/promises';
import {
  createKubernetesPlatform,
  type Cluster,
  type KubernetesOptions,
} from '../../../src/platforms/kubernetes';
import { platformConformance } from '../../contracts/platform';
import { Clock, refusal } from '../check/refusal';
import { FakeCluster } from './fake-cluster';

const clusterOf = (fake: FakeCluster, token = fake.token): Cluster => ({
  server: fake.api.url,
  source: 'KUBECONFIG',
  token: async () => token,
  secrets: () => [token],
});

platformConformance(
  'Kubernetes',
  async () => {
    const fake = new FakeCluster();
    await fake.api.listen();
    return {
      platform: createKubernetesPlatform({ cluster: clusterOf(fake), maxRetries: 1 }),
      stranger: createKubernetesPlatform({ cluster: clusterOf(fake, 'wrong') }),
      capsuleId: fake.capsuleId,
      step: () => delay(20),
      loseAnswers: (on) => void (fake.api.losing = on),
      dispose: () => fake.api.close(),
    };
  },
  true,
);

describe('the Kubernetes driver', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });

  async function make(options: Partial<KubernetesOptions> = {}) {
    const fake = new FakeCluster();
    await fake.api.listen();
    undo.push(() => fake.api.close());
    const clock = new Clock();
    const { now, random, sleep } = clock;
    const given = { cluster: clusterOf(fake), now, random, sleep, ...options };
    const platform = createKubernetesPlatform(given);
    undo.push(() => platform.close());
    return { fake, platform, clock };
  }
  const SCALE = '/apis/apps/v1/namespaces/agents/deployments/crawler/scale';

  it('patches the scale, several replicas too', async () => {
    const { fake, platform } = await make();
    await platform.scale(fake.capsuleId, 3);
    expect(fake.api.asked()).toEqual([`PATCH ${SCALE}`]);
    expect(fake.api.requests[0]).toMatchObject({
      body: { spec: { replicas: 3 } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 3, running: 3 });
  });

  it('counts pods that start and terminate, and none that have ended', async () => {
    const { fake, platform } = await make();
    const labels = { app: 'crawler', tier: 'agent' };
    fake.pods = [
      { name: 'evicted', phase: 'Failed', labels },
      { name: 'done', phase: 'Succeeded', labels },
      { name: 'starting', phase: 'Pending', labels },
      { name: 'ending', phase: 'Running', labels, deletionTimestamp: '2026-01-01T00:00:00Z' },
    ];
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 0, running: 2 });
    fake.pods.splice(2);
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 0, running: 0 });
  });

  it('reads every page of the pods', async () => {
    const { fake, platform } = await make();
    await platform.scale(fake.capsuleId, 250);
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 250, running: 250 });
    expect(fake.api.asked().filter((asked) => asked.endsWith('/pods'))).toHaveLength(3);
  });

  it('does not take the silence of the controllers for zero', async () => {
    const { fake, platform } = await make();
    fake.controllersRun = false;
    await platform.scale(fake.capsuleId, 1);
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 1, running: 'unknown' });
    await platform.scale(fake.capsuleId, 0);
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 0, running: 'unknown' });
    fake.reconcile();
    expect(await platform.observe(fake.capsuleId)).toEqual({ desired: 0, running: 0 });
  });

  it.each([
    ['429', { status: 429, retryAfter: 1 }, [1_100]],
    ['500', { status: 500 }, [100]],
    ['an answer that is lost', 'answer-lost', [100]],
    ['a call that is lost', 'call-lost', [100]],
  ] as const)('tries again after %s', async (_name, fault, waits) => {
    const { fake, platform, clock } = await make();
    fake.api.faults = [fault];
    await platform.scale(fake.capsuleId, 1);
    expect([fake.replicas, clock.waits]).toEqual([1, waits]);
  });

  it.each([
    [{ status: 429 }, { kind: 'rate-limited', mayHaveApplied: false }],
    [{ status: 504 }, { kind: 'unavailable', mayHaveApplied: true }],
    [{ status: 422 }, { kind: 'rejected', mayHaveApplied: false }],
    [{ status: 409 }, { kind: 'rejected', mayHaveApplied: false }],
    ['answer-lost', { kind: 'unavailable', mayHaveApplied: true }],
    ['silence', { kind: 'unavailable', mayHaveApplied: true }],
  ] as const)('gives up on %j with the right kind', async (fault, error) => {
    const { fake, platform } = await make({ maxRetries: 0, requestTimeoutMs: 200 });
    fake.api.faults = [fault];
    expect(await refusal(platform.scale(fake.capsuleId, 1), fake.token)).toMatchObject(error);
  });

  it('does not guess when the pods cannot be read', async () => {
    const { fake, platform } = await make({ maxRetries: 0 });
    fake.forbidden = ['GET /api/v1/namespaces/agents/pods'];
    const error = await refusal(platform.observe(fake.capsuleId));
    expect(error.kind).toBe('auth');
    expect(error.message).toContain('list pods');
  });

  it('says what to check about a wrong token, and not the token', async () => {
    const { fake } = await make();
    const canary = 'canary-wrong-token';
    const platform = createKubernetesPlatform({ cluster: clusterOf(fake, canary) });
    undo.push(() => platform.close());
    const error = await refusal(platform.scale(fake.capsuleId, 1), canary);
    expect(error).toMatchObject({ kind: 'auth', mayHaveApplied: false });
    expect(error.message).toContain('KUBECONFIG');
  });

  it('takes a token that is not there for what it is', async () => {
    const { fake } = await make();
    const token = () => Promise.reject(new Error('there is no token in /nowhere.'));
    const platform = createKubernetesPlatform({ cluster: { ...clusterOf(fake), token } });
    undo.push(() => platform.close());
    expect((await refusal(platform.observe(fake.capsuleId))).message).toContain('no token in /nowhere');
  });

  it.each(['crawler', 'a/b/c', '../x', 'agents/', 'Agents/x', 'a/b?c'])(
    'sends nothing for "%s"',
    async (id) => {
      const { fake, platform } = await make();
      expect((await refusal(platform.observe(id))).kind).toBe('rejected');
      expect(fake.api.requests).toEqual([]);
    },
  );
});
