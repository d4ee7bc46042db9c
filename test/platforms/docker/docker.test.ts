import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDockerPlatform, type DockerOptions } from '../../../src/platforms/docker';
import { platformConformance } from '../../contracts/platform';
import { Clock, refusal } from '../check/refusal';
import { temporary } from '../folders';
import { FakeEngine } from './fake-engine';

platformConformance('Docker', async () => {
  const folder = await temporary();
  const socket = join(folder.path, 'docker.sock');
  const engine = new FakeEngine('crawler');
  await engine.api.listen(socket);
  return {
    platform: createDockerPlatform({ host: `unix://${socket}`, stopSeconds: 1, maxRetries: 1 }),
    capsuleId: 'crawler',
    step: () => delay(20),
    loseAnswers: (on) => void (engine.api.losing = on),
    dispose: async () => {
      await engine.api.close();
      await folder.dispose();
    },
  };
});

describe('the Docker driver', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });

  async function make(options: DockerOptions = {}, stopMs?: number) {
    const engine = new FakeEngine('crawler', stopMs);
    await engine.api.listen();
    undo.push(() => engine.api.close());
    const clock = new Clock();
    const host = engine.api.url.replace('http:', 'tcp:');
    const { now, random, sleep } = clock;
    const platform = createDockerPlatform({ host, now, random, sleep, ...options });
    undo.push(() => platform.close());
    return { engine, platform, clock };
  }

  it('starts, stops with its grace, and names the version', async () => {
    const { engine, platform } = await make({ stopSeconds: 3 });
    await platform.scale('crawler', 1);
    await platform.scale('crawler', 0);
    expect(engine.api.asked()).toEqual([
      'POST /v1.44/containers/crawler/start',
      'POST /v1.44/containers/crawler/stop',
    ]);
    expect(engine.api.requests[1]?.query.get('t')).toBe('3');
    expect(engine.status).toBe('exited');
  });

  it.each([
    ['created', 0],
    ['exited', 0],
    ['dead', 0],
    ['running', 1],
    ['restarting', 1],
    ['paused', 1],
    ['removing', 1],
    ['unheard-of', 'unknown'],
  ] as const)('takes a container that is %s for %s', async (status, count) => {
    const { engine, platform } = await make();
    engine.status = status;
    expect(await platform.observe('crawler')).toEqual({ desired: count, running: count });
  });

  it('wishes for zero while its stop is under way, and starts only after it', async () => {
    const sleep = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal });
    const { engine, platform } = await make({ now: Date.now, sleep }, 2_000);
    await platform.scale('crawler', 1);
    const stop = platform.scale('crawler', 0);
    expect(await platform.observe('crawler')).toEqual({ desired: 0, running: 1 });
    await Promise.all([stop, platform.scale('crawler', 1)]);
    expect(engine.status).toBe('running');
    expect(await platform.observe('crawler')).toEqual({ desired: 1, running: 1 });
  });

  it('has one replica at most', async () => {
    const { engine, platform } = await make();
    expect(await refusal(platform.scale('crawler', 2))).toMatchObject({ kind: 'rejected' });
    expect(engine.api.requests).toEqual([]);
  });

  it.each(['', '..', 'a/b', '-a', 'a?b'])('sends nothing for "%s", which is no container', async (id) => {
    const { engine, platform } = await make();
    expect((await refusal(platform.observe(id))).kind).toBe('rejected');
    expect(engine.api.requests).toEqual([]);
  });

  it('says what the Engine says, and does not repeat what is refused', async () => {
    const { engine, platform, clock } = await make();
    engine.status = 'paused';
    const error = await refusal(platform.scale('crawler', 1));
    expect(error).toMatchObject({ kind: 'rejected', mayHaveApplied: false });
    expect(error.message).toContain('"cannot start a paused container, try unpause instead"');
    expect(clock.waits).toEqual([]);
  });

  it.each([
    ['429', { status: 429, retryAfter: 2 }, [2_100]],
    ['500', { status: 500 }, [100]],
    ['an answer that is lost', 'answer-lost', [100]],
    ['a call that is lost', 'call-lost', [100]],
  ] as const)('tries again after %s', async (_name, fault, waits) => {
    const { engine, platform, clock } = await make();
    engine.api.faults = [fault];
    await platform.scale('crawler', 1);
    expect(engine.status).toBe('running');
    expect(clock.waits).toEqual(waits);
  });

  it.each([
    [{ status: 429 }, { kind: 'rate-limited', mayHaveApplied: false }],
    [{ status: 500 }, { kind: 'unavailable', mayHaveApplied: true }],
    ['answer-lost', { kind: 'unavailable', mayHaveApplied: true }],
    ['silence', { kind: 'unavailable', mayHaveApplied: true }],
  ] as const)('gives up on %j with the right kind', async (fault, error) => {
    const { engine, platform } = await make({ maxRetries: 0, requestTimeoutMs: 200 });
    engine.api.faults = [fault];
    expect(await refusal(platform.scale('crawler', 1))).toMatchObject(error);
  });

  it('does not take an answer it cannot read for zero', async () => {
    const engine = new FakeEngine('crawler');
    Object.defineProperty(engine, 'inspect', { value: () => ({ status: 200, body: { State: {} } }) });
    await engine.api.listen();
    undo.push(() => engine.api.close());
    const platform = createDockerPlatform({ host: engine.api.url.replace('http:', 'tcp:') });
    undo.push(() => platform.close());
    expect((await refusal(platform.observe('crawler'))).kind).toBe('rejected');
  });

  it('says that there is no Engine', async () => {
    const platform = createDockerPlatform({ host: 'unix:///nowhere/docker.sock', maxRetries: 0 });
    undo.push(() => platform.close());
    const error = await refusal(platform.scale('crawler', 1));
    expect(error).toMatchObject({ kind: 'unavailable', mayHaveApplied: false });
    expect(error.message).toMatch(/ENOENT.*DOCKER_HOST/);
  });

  it.each(['docker.sock', 'tcp://', 'http://localhost', 'tcp://user@localhost:2375', 'ssh://host'])(
    'does not take %s for an address',
    (host) => expect(() => createDockerPlatform({ host })).toThrow('DOCKER_HOST'),
  );

  it('speaks to another machine with certificates only', () => {
    const host = 'tcp://engine.example.com:2376';
    expect(() => createDockerPlatform({ host })).toThrow('DOCKER_CERT_PATH');
    const tls = { ca: '', cert: '', key: '' };
    expect(createDockerPlatform({ host, tls }).name).toBe('docker');
  });
});
