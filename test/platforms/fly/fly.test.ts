import { setTimeout as delay } from 'node:timers/promises';
import { createFlyPlatform, type FlyOptions } from '../../../src/platforms/fly';
import { platformConformance } from '../../contracts/platform';
import { Clock, refusal } from '../check/refusal';
import { FakeMachines } from './fake-machines';

platformConformance(
  'Fly',
  async () => {
    const fly = new FakeMachines();
    await fly.api.listen();
    return {
      platform: createFlyPlatform({ token: fly.token, apiUrl: fly.api.url, maxRetries: 1 }),
      stranger: createFlyPlatform({ token: 'wrong', apiUrl: fly.api.url }),
      capsuleId: fly.capsuleId,
      step: () => delay(20),
      loseAnswers: (on) => void (fly.api.losing = on),
      dispose: () => fly.api.close(),
    };
  },
  true,
);

describe('the Fly driver', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });

  async function make(options: Partial<FlyOptions> = {}) {
    const fly = new FakeMachines(600_000);
    await fly.api.listen();
    undo.push(() => fly.api.close());
    const clock = new Clock();
    const { now, random, sleep } = clock;
    const given = { token: fly.token, apiUrl: fly.api.url, now, random, sleep, ...options };
    const platform = createFlyPlatform(given);
    undo.push(() => platform.close());
    return {
      fly,
      platform,
      clock,
      orders: () => fly.api.asked().filter((asked) => asked.startsWith('POST')),
    };
  }
  const PATH = '/v1/apps/agents/machines/73d8d46dbee589';

  it.each([
    ['stop', 'stopping'],
    ['suspend', 'suspending'],
  ] as const)('puts to sleep by %s', async (sleepBy, state) => {
    const { fly, platform, orders } = await make({ sleepBy });
    fly.state = 'started';
    await platform.scale(fly.capsuleId, 0);
    expect([orders(), fly.state]).toEqual([[`POST ${PATH}/${sleepBy}`], state]);
    expect(await platform.observe(fly.capsuleId)).toEqual({ desired: 0, running: 1 });
  });

  it.each([
    ['created', 0, 0],
    ['stopped', 0, 0],
    ['suspended', 0, 0],
    ['stopping', 0, 1],
    ['suspending', 0, 1],
    ['creating', 1, 1],
    ['starting', 1, 1],
    ['started', 1, 1],
    ['restarting', 1, 1],
    ['updating', 1, 1],
    ['replacing', 1, 1],
    ['failed', 'unknown', 'unknown'],
    ['launch_failed', 'unknown', 'unknown'],
    ['unheard-of', 'unknown', 'unknown'],
  ] as const)('takes a machine that is %s for %s and %s', async (state, desired, running) => {
    const { fly, platform } = await make();
    fly.state = state;
    expect(await platform.observe(fly.capsuleId)).toEqual({ desired, running });
  });

  it.each(['destroying', 'destroyed', 'migrated'])('knows no machine that is %s', async (state) => {
    const { fly, platform } = await make();
    fly.state = state;
    expect((await refusal(platform.observe(fly.capsuleId))).kind).toBe('not-found');
    expect((await refusal(platform.scale(fly.capsuleId, 1))).kind).toBe('not-found');
  });

  it.each([
    ['started', 1],
    ['starting', 1],
    ['stopped', 0],
    ['suspending', 0],
  ])('gives no order to a machine that is %s and shall be %d', async (state, replicas) => {
    const { fly, platform, orders } = await make();
    fly.state = state;
    await platform.scale(fly.capsuleId, replicas);
    expect(orders()).toEqual([]);
  });

  it.each([
    ['stopping', 'stopped', '01HMVXC16ED6SHK9452AF029Y7'],
    ['suspending', 'suspended', '01HMVXC16ED6SHK9452AF029Y7'],
  ])('waits for a machine that is %s before it starts it', async (state, rest, instance) => {
    const { fly, platform, orders } = await make();
    fly.state = state;
    const scaling = platform.scale(fly.capsuleId, 1);
    while (!fly.api.asked().includes(`GET ${PATH}/wait`)) await delay(5);
    expect(orders()).toEqual([]);
    fly.state = rest;
    await scaling;
    expect(orders()).toEqual([`POST ${PATH}/start`]);
    const { query } = fly.api.requests.find(({ path }) => path.endsWith('/wait'))!;
    expect([query.get('state'), query.get('instance_id')]).toEqual([rest, instance]);
  });

  it('looks again when an order is not taken, and gives up at last', async () => {
    const { fly, platform, clock, orders } = await make();
    fly.state = 'restarting';
    const error = await refusal(platform.scale(fly.capsuleId, 0));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false });
    expect(error.message).toContain('the machine is restarting and takes no order');
    expect([orders().length, clock.waits]).toEqual([8, Array(7).fill(1_000)]);
  });

  it('starts one machine once, however often it is asked', async () => {
    const { fly, platform } = await make();
    await Promise.all([platform.scale(fly.capsuleId, 1), platform.scale(fly.capsuleId, 1)]);
    expect(['starting', 'started']).toContain(fly.state);
  });

  it.each([
    ['429', { status: 429, retryAfter: 1 }, [1_100]],
    ['408', { status: 408 }, [100]],
    ['503', { status: 503 }, [100]],
  ] as const)('tries again after %s', async (_name, fault, waits) => {
    const { fly, platform, clock } = await make();
    fly.api.faults = [fault];
    await platform.scale(fly.capsuleId, 1);
    expect(clock.waits).toEqual(waits);
  });

  it.each(['answer-lost', 'silence'] as const)('reads back after %s, and orders no more', async (fault) => {
    const { fly, platform } = await make({ requestTimeoutMs: 300 });
    fly.api.faults = [fault];
    await platform.scale(fly.capsuleId, 1);
    expect(['starting', 'started']).toContain(fly.state);
  });

  it.each([
    [{ status: 429 }, { kind: 'rate-limited', mayHaveApplied: false }],
    [{ status: 408 }, { kind: 'unavailable', mayHaveApplied: true }],
    [{ status: 500 }, { kind: 'unavailable', mayHaveApplied: true }],
    [{ status: 422 }, { kind: 'rejected', mayHaveApplied: false }],
    ['answer-lost', { kind: 'unavailable', mayHaveApplied: true }],
  ] as const)('gives up on %j with the right kind', async (fault, error) => {
    const { fly, platform } = await make({ maxRetries: 0 });
    fly.api.faults = [fault];
    expect(await refusal(platform.scale(fly.capsuleId, 1), fly.token)).toMatchObject(error);
  });

  it('says which variable holds a wrong token, and not the token', async () => {
    const { fly, platform } = await make({ token: 'canary-wrong-token' });
    const error = await refusal(platform.observe(fly.capsuleId), 'canary-wrong-token');
    expect(error.kind).toBe('auth');
    expect(error.message).toContain('FLY_API_TOKEN');
  });

  it.each(['machine', 'a/b/c', '../x', 'agents/', 'a b/c'])('sends nothing for "%s"', async (id) => {
    const { fly, platform } = await make();
    expect((await refusal(platform.observe(id))).kind).toBe('rejected');
    expect(fly.api.requests).toEqual([]);
  });

  it('sends its token over https, or within this machine', () => {
    const make = () => createFlyPlatform({ token: 't', apiUrl: 'http://api.machines.dev' });
    expect(make).toThrow('FLY_API_HOSTNAME');
  });
});
