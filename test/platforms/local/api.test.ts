import { readFileSync } from 'node:fs';
import { createLocalPlatform } from '../../../src/platforms/local';
import type { LocalPlatform } from '../../../src/platforms/local';
import { alive, answer, ended, eventually, hosts, next } from './harness';

const host = hosts();
const LOGIN = { email: 'ops@example.test', password: 'correct horse', apiKey: 'key' };
const SIZES = { cpu: { qty: 1, unit: 'm' }, memory: { qty: 1, unit: 'G' }, storage: { qty: 0, unit: 'G' } };

function call(local: LocalPlatform, method: string, path: string, body?: unknown, token = local.token) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(local.url + path, { method, headers, ...init });
}

describe('the API of the local platform', () => {
  it('refuses without the right token, and counts it', async () => {
    const { local } = await host();
    for (const token of ['', 'wrong', 'a.b.c']) {
      expect((await call(local, 'GET', '/capsules/cap-1', undefined, token)).status).toBe(401);
    }
    expect((await fetch(`${local.url}/faults`, { method: 'PUT' })).status).toBe(401);
    expect(local.counters.unauthorized).toBe(4);
  });

  it('hands out tokens that expire', async () => {
    const { local } = await host({ login: { ...LOGIN, tokenSeconds: 1 } });
    const login = (body: object, key: string) =>
      fetch(`${local.url}/api/auth/login`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const right = { email: LOGIN.email, password: LOGIN.password, type: '[User] Login Initiated' };
    expect((await login(right, 'wrong')).status).toBe(401);
    expect((await login({ ...right, password: 'wrong' }, 'key')).status).toBe(401);
    expect((await login({ ...right, type: 'other' }, 'key')).status).toBe(401);
    const { token } = (await (await login(right, 'key')).json()) as { token: string };
    const status = async () => (await call(local, 'GET', '/capsule/cap-1', undefined, token)).status;
    expect(await status()).toBe(200);
    await eventually('the token expires', async () => ((await status()) === 401 ? true : undefined));
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.AAAA`;
    expect((await call(local, 'GET', '/capsule/cap-1', undefined, forged)).status).toBe(401);
  });

  it('tells each shape as its original does: wrapped and bare', async () => {
    const { local } = await host();
    const central = { id: 'cap-1', scaling: { desiredReplicas: 0, runningReplicas: 0 } };
    expect(await (await call(local, 'GET', '/capsules/cap-1')).json()).toMatchObject({ data: central });
    expect(await (await call(local, 'GET', '/capsule/cap-1')).json()).toMatchObject({
      id: 'cap-1',
      products: { cpu: { qty: 50, unit: 'm' }, replicaScale: { qty: 0 } },
    });
  });

  it.each([
    ['two replicas', '/capsules/cap-1', { scaling: { desiredReplicas: 2 } }, '1 replica at most'],
    ['no scaling', '/capsules/cap-1', {}, 'scaling'],
    ['products without sizes', '/capsules/cap-1/products', { replicaScale: { qty: 1 } }, 'memory'],
    [
      'two replicas as products',
      '/capsules/cap-1/products',
      { ...SIZES, replicaScale: { qty: 2 } },
      '1 replica at most',
    ],
  ])('answers 422 to %s', async (_name, path, body, said) => {
    const { local } = await host();
    const response = await call(local, 'PATCH', path, body);
    expect(response.status).toBe(422);
    expect(await response.text()).toContain(said);
    expect(local.counters.applied).toBe(0);
  });

  it('answers 404 to what is not there, 400 to what is no JSON', async () => {
    const { local } = await host();
    expect((await call(local, 'PATCH', '/capsules/cap-9', {})).status).toBe(404);
    expect((await call(local, 'GET', '/nothing')).status).toBe(404);
    const headers = { authorization: `Bearer ${local.token}`, 'content-type': 'application/json' };
    const broken = await fetch(`${local.url}/capsules/cap-1`, { method: 'PATCH', headers, body: '{' });
    expect(broken.status).toBe(400);
  });

  it('makes a token of its own when it is given none', () => {
    const make = () => createLocalPlatform({ stateDir: '/nowhere', capsules: [] }).token;
    expect(make()).toMatch(/^[\w-]{43}$/);
    expect(make()).not.toBe(make());
  });
});

describe('faults', () => {
  it('are set and ended over HTTP, and unknown ones refused', async () => {
    const { local, driver } = await host();
    const put = (body: object) => call(local, 'PUT', '/faults', body);
    expect((await put({ capsuleId: 'cap-1', faults: { serverError: { times: 1 } } })).status).toBe(204);
    await expect(driver.observe('cap-1')).rejects.toMatchObject({ kind: 'unavailable' });
    await driver.observe('cap-1');
    expect((await put({ faults: { setOnFire: true } })).status).toBe(422);
    await put({ faults: { rateLimit: { times: 9 } } });
    await put({ capsuleId: 'cap-1', faults: { rateLimit: { times: 9 } } });
    await expect(driver.observe('cap-1')).rejects.toMatchObject({ kind: 'rate-limited' });
    expect((await call(local, 'DELETE', '/faults')).status).toBe(204);
    await driver.observe('cap-1');
  });

  it('429 with Retry-After', async () => {
    const { local } = await host();
    local.faults.set({ rateLimit: { times: 1, retryAfterSeconds: 7 } });
    const response = await call(local, 'GET', '/capsules/cap-1');
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
  });

  it('a PATCH that is applied and not answered', async () => {
    const { local, driver } = await host();
    local.faults.set({ patchAnswerLost: 1 });
    const scaled = next(local, 'scaled');
    await expect(driver.scale('cap-1', 1)).rejects.toMatchObject({ mayHaveApplied: true });
    expect((await scaled).desired).toBe(1);
    expect(local.counters).toMatchObject({ patches: 1, applied: 1 });
  });

  it('a PATCH that is lost on its way', async () => {
    const { local, driver } = await host();
    local.faults.set({ patchLost: 1 });
    await expect(driver.scale('cap-1', 1)).rejects.toMatchObject({ mayHaveApplied: true });
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 0 });
    expect(local.counters).toMatchObject({ patches: 1, applied: 0 });
  });

  it('a slow PATCH, which a stop does not wait for', async () => {
    const { local, driver } = await host();
    local.faults.set({ slowPatchMs: 3_600_000 });
    const refused = expect(driver.scale('cap-1', 1)).rejects.toMatchObject({ mayHaveApplied: true });
    await eventually('the PATCH arrived', () => (local.counters.patches === 1 ? true : undefined));
    await local.stop();
    await refused;
    expect(local.counters.applied).toBe(0);
  });

  it('stale reads, by number and by age', async () => {
    const { local, driver } = await host();
    local.faults.set({ staleReads: 2 });
    await driver.scale('cap-1', 1);
    expect((await driver.observe('cap-1')).desired).toBe(0);
    expect((await driver.observe('cap-1')).desired).toBe(0);
    expect((await driver.observe('cap-1')).desired).toBe(1);
    local.faults.set({ staleReadMs: 3_600_000 });
    expect((await driver.observe('cap-1')).desired).toBe(0);
    local.faults.set({ staleReadMs: 0 });
    expect((await driver.observe('cap-1')).desired).toBe(1);
  });

  it('a capsule that never starts, and one that is slow to', async () => {
    const { local, driver } = await host();
    local.faults.set({ neverStarts: true });
    await driver.scale('cap-1', 1);
    expect(await driver.observe('cap-1')).toEqual({ desired: 1, running: 1 });
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    await stopped;
    local.faults.set({ coldStartMs: 100 });
    const [begun, started] = [performance.now(), next(local, 'started')];
    await driver.scale('cap-1', 1);
    await started;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(95);
  });

  it('a capsule that dies at once, again and again', async () => {
    const { local, driver } = await host({ restartBackoffMs: 1 });
    local.faults.set({ diesAtOnce: true });
    const first = next(local, 'exited');
    await driver.scale('cap-1', 1);
    expect((await first).code).toBe(1);
    await next(local, 'exited');
    expect(await driver.observe('cap-1')).toEqual({ desired: 1, running: 1 });
  });

  it('a capsule that ignores its scale to zero for a while', async () => {
    const { local, driver, port } = await host();
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    local.faults.set({ ignoreScaleToZeroMs: 3_600_000 });
    await driver.scale('cap-1', 0);
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 1 });
    expect((await answer(port)).pid).toBe(pid);
    await driver.scale('cap-1', 1);
    local.faults.set({ ignoreScaleToZeroMs: 20 });
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    await stopped;
    await ended(pid);
    expect(alive(pid)).toBe(false);
  });

  it('a PATCH that is applied twice, the second time over a later one', async () => {
    const { local, driver } = await host();
    local.faults.set({ patchTwice: { times: 1, afterMs: 1_500 } });
    await driver.scale('cap-1', 1);
    const late = next(local, 'scaled');
    await driver.scale('cap-1', 0);
    expect((await late).desired).toBe(0);
    expect((await next(local, 'scaled')).desired).toBe(1);
    expect(local.counters).toMatchObject({ patches: 2, applied: 3 });
    expect((await driver.observe('cap-1')).desired).toBe(1);
  });

  it('a replica that answers after zero was told, until its time is over', async () => {
    const { local, driver, port } = await host();
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    local.faults.set({ zombieMs: 3_000 });
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 0 });
    expect((await answer(port)).pid).toBe(pid);
    await driver.scale('cap-1', 0);
    await stopped;
    await ended(pid);
  });

  it('a zombie that makes way for a replica of its own', async () => {
    const { local, driver, port } = await host();
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    local.faults.set({ zombieMs: 3_600_000 });
    await driver.scale('cap-1', 0);
    const started = next(local, 'started');
    await driver.scale('cap-1', 1);
    expect((await started).pid).not.toBe(pid);
    await ended(pid);
    expect(await driver.observe('cap-1')).toEqual({ desired: 1, running: 1 });
  });

  it('a process that answers, does not, and answers again, and still ends', async () => {
    const { local, driver, port } = await host();
    local.faults.set({ flapping: { upMs: 300, downMs: 300 } });
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    const isHalted = () => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''));
    await eventually('it is halted', () => (isHalted() ? true : undefined));
    await eventually('it goes on', () => (isHalted() ? undefined : true));
    expect((await answer(port)).pid).toBe(pid);
    await eventually('it is halted again', () => (isHalted() ? true : undefined));
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    await stopped;
    await ended(pid);
  });
});
