import { until } from '../support/until';
import type { LedgerEntry } from '../../src/domain/ledger';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { acts, allAsleep, begun, ended, post, succeeded, trigger } from './support/runs';
import { World } from './support/world';

const one = {
  id: 'one',
  name: 'One',
  steps: [{ id: 'do-alpha', agent: 'alpha', timeoutSeconds: 30, retry: { attempts: 1 } }],
};
const FAILS = acts({ 'do-alpha': 'error' });

describe('breakers', () => {
  let leaks: LeakCheck;
  let world: World;

  beforeAll(() => {
    leaks = leakCheck();
  });
  afterEach(() => world.close());
  afterAll(() => leaks.backToBaseline());

  const start = async (agent: object) => {
    world = await World.start({ agents: [{ id: 'alpha', concurrency: 3, ...agent }], workflows: [one] });
    return Promise.all([world.orchestrate(), world.orchestrate()]);
  };
  const breaker = async (url: string) => {
    const { items } = (await (await fetch(`${url}/breakers`)).json()) as {
      items: Array<{ status: string; trial: object | null }>;
    };
    return items[0];
  };
  const isOpen = (url: string) => until(async () => (await breaker(url))?.status === 'open');

  test('opens after failures, holds what waits, tries one task and goes on', async () => {
    const [a, b] = await start({ breaker: { consecutiveFailures: 2, openSeconds: 2 } });
    for (const at of [a, b]) expect((await ended(a, await trigger(at, 'one', FAILS))).status).toBe('failed');
    await isOpen(b.url);
    const alerts = async () => (await a.store.alerts({}, 10)).items.filter((x) => x.kind === 'breaker-open');
    await until(async () => (await alerts()).length === 1);
    const first = await trigger(a, 'one', acts({ 'do-alpha': 'hold' }));
    const others = await Promise.all([trigger(b, 'one'), trigger(a, 'one')]);
    const held = await (await fetch(`${b.url}/runs/${others[0]}/why`)).json();
    expect((held as { why: string }).why).toContain(
      'the breaker of agent alpha is open: 2 tasks in a row failed',
    );
    expect(begun(world, first)).toEqual({});
    // The first in line is tried, and nobody beside it, whoever looks.
    await until(() => world.work().some((w) => w.event === 'job' && w.runId === first));
    for (let n = 0; n < 3; n += 1) await Promise.all([a.engine.tick(), b.engine.tick()]);
    expect((await breaker(b.url))?.trial).toMatchObject({ runId: first });
    for (const id of others) expect(begun(world, id)).toEqual({});
    await world.release('alpha', first, 'do-alpha');
    for (const id of [first, ...others]) await succeeded(a, id);
    expect((await breaker(a.url))?.status).toBe('closed');
    await until(async () => (await alerts())[0]?.resolvedAt !== undefined);
    const entries = (await a.store.ledger(0, 1_000)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    expect(entries.filter((e) => e.entity === 'breaker').map((e) => e.action)).toEqual([
      'breaker.opened',
      'breaker.half-opened',
      'breaker.closed',
    ]);
    await allAsleep(world, a);
  });

  test('is closed by a person; the capsule sleeps meanwhile', async () => {
    const [a, b] = await start({ breaker: { consecutiveFailures: 1, openSeconds: 600 } });
    await ended(a, await trigger(a, 'one', FAILS));
    await isOpen(a.url);
    const waits = await trigger(b, 'one');
    await allAsleep(world, a);
    expect(begun(world, waits)).toEqual({});
    await post(`${b.url}/agents/alpha/breaker/reset`, {}, 200);
    await succeeded(a, waits);
    await post(`${b.url}/agents/beta/breaker/reset`, {}, 404);
    await allAsleep(world, a);
  });

  test('a rate lets so many begin at once, whichever orchestrator is asked', async () => {
    const [a, b] = await start({ rateLimit: { perMinute: 60, burst: 2 } });
    const ids = await Promise.all([a, b, a, b].map((at) => trigger(at, 'one')));
    for (const id of ids) await succeeded(a, id);
    const runs = await Promise.all(ids.map((id) => a.store.run(id)));
    const grants = runs.map((r) => r?.state.steps[0]?.history[0]?.grantedAt ?? 0).sort((x, y) => x - y);
    const [g0 = 0, , g2 = 0, g3 = 0] = grants;
    expect(g2 - g0).toBeGreaterThanOrEqual(1_000);
    expect(g3 - g0).toBeGreaterThanOrEqual(2_000);
    await allAsleep(world, a);
  });
});
