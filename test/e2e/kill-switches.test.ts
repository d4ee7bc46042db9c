import type { EmergencyStopView, SwitchView } from '../../src/http/views/switch';
import type { z } from 'zod';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, ended, post, stepIs, succeeded, trigger } from './support/runs';
import { World } from './support/world';

type Switch = z.infer<typeof SwitchView>;
type Stop = z.infer<typeof EmergencyStopView>;

const one = { ...three, id: 'one', steps: [{ id: 'do-alpha', agent: 'alpha', timeoutSeconds: 30 }] };

describe('kill switches', () => {
  let leaks: LeakCheck;
  let world: World;

  beforeAll(() => {
    leaks = leakCheck();
  });
  beforeEach(async () => {
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three, one] });
  });
  afterEach(() => world.close());
  afterAll(() => leaks.backToBaseline());

  const off = (url: string, body: object) => post<Switch>(`${url}/switches`, body, 200);
  const on = (url: string, { id }: Switch) => post<Switch>(`${url}/switches/${id}/release`, {}, 200);
  const asked = () => world.work().filter((w) => w.event === 'asked');
  const why = async (url: string, runId: string) =>
    ((await (await fetch(`${url}/runs/${runId}/why`)).json()) as { why: string }).why;

  const stopped = (url: string, { links }: Stop) =>
    until(
      async () => {
        const stop = (await (await fetch(url + links.self)).json()) as Stop;
        return stop.status === 'stopped' ? stop : undefined;
      },
      { what: 'everything at zero', deadlineMs: 20_000 },
    );

  test('in force under load, nothing is sent by anybody; released, everything is done in its order', async () => {
    const [a, b] = await Promise.all([world.orchestrate(), world.orchestrate()]);
    const runIds = await Promise.all(
      Array.from({ length: 14 }, (_, i) => trigger(i % 2 ? a : b, i < 6 ? 'three' : 'one')),
    );
    await until(() => asked().length >= 4, { what: 'a few jobs' });
    const set = await off(a.url, { scope: 'global', message: 'runaway' });
    const inForceAt = Date.parse(set.inForceAt ?? '');
    const before = asked().length;
    // Both look at everything that could be woken or sent, again and again.
    for (let n = 0; n < 3; n += 1) await Promise.all([a.engine.tick(), b.engine.tick()]);
    expect(asked().filter((w) => w.at > inForceAt)).toEqual([]);
    expect(asked()).toHaveLength(before);
    await until(async () => Object.values(await world.replicas()).every((n) => n === 0), {
      deadlineMs: 15_000,
    });
    const open = await a.store.runs({ status: 'running' }, 100);
    expect(open.items.length).toBeGreaterThan(0);
    for (const run of open.items.slice(0, 3)) {
      await expect(why(b.url, run.id)).resolves.toContain(`("runaway"); reveille resume --switch ${set.id}`);
    }
    const line = (await a.store.waiting('capsule-alpha', 100)).map((w) => w.runId);
    await on(b.url, set);
    for (const runId of runIds) await succeeded(a, runId);
    const done = world
      .work()
      .filter((w) => w.event === 'job' && w.stepId === 'do-alpha' && line.includes(w.runId ?? ''));
    expect(done.map((w) => w.runId)).toEqual(line);
    for (const runId of runIds) expect(Object.values(begun(world, runId)).every((n) => n === 1)).toBe(true);
    await allAsleep(world, a);
  });

  test('over one workflow, others go on; it is released when its time is over', async () => {
    const a = await world.orchestrate();
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    await off(a.url, { scope: 'workflow', subject: 'three', message: 'later', expiresAt });
    const held = await trigger(a, 'three');
    const free = await trigger(a, 'one');
    await succeeded(a, free);
    const { finishedAt = 0 } = await ended(a, held);
    expect(finishedAt).toBeGreaterThan(Date.parse(expiresAt));
    const actions = (await a.store.ledger(0, 1_000)).map(
      ({ body }) => (JSON.parse(body) as { action: string }).action,
    );
    expect(actions.filter((x) => x.startsWith('switch.'))).toEqual([
      'switch.closing',
      'switch.set',
      'switch.expired',
    ]);
    await allAsleep(world, a);
  });

  test('the same request again, by its Idempotency-Key, sets nothing anew', async () => {
    const a = await world.orchestrate();
    const send = async (path: string, body: object) => {
      const response = await fetch(a.url + path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
      });
      return { status: response.status, body: (await response.json()) as Switch & Stop & { code?: string } };
    };
    const wanted = { scope: 'workflow', subject: 'three', message: 'later' };
    const [first, second] = await Promise.all([send('/switches', wanted), send('/switches', wanted)]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.id).toBe(first.body.id);
    expect(await send('/switches', { ...wanted, message: 'other' })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    await on(a.url, first.body);
    // What was released stays released, however late the same request comes again.
    expect((await send('/switches', wanted)).body.releasedAt).not.toBeNull();
    await succeeded(a, await trigger(a, 'three'));
    expect((await a.store.switches({}, 10)).items).toHaveLength(1);

    const fire = { mode: 'cancel', message: 'fire' };
    const stops = [await send('/emergency-stop', fire), await send('/emergency-stop', fire)];
    expect(stops.map(({ status }) => status)).toEqual([202, 202]);
    expect(new Set(stops.map(({ body }) => body.id)).size).toBe(1);
    expect(await send('/emergency-stop', { ...fire, mode: 'drain' })).toMatchObject({ status: 409 });
    await stopped(a.url, (stops[0] as { body: Stop }).body);
    expect((await a.store.switches({ on: true }, 10)).items).toHaveLength(1);
  });

  test('what does not exist cannot be switched off', async () => {
    const a = await world.orchestrate();
    for (const [scope, subject] of [
      ['agent', 'x'],
      ['workflow', 'x'],
      ['environment', 'x'],
    ])
      await post(`${a.url}/switches`, { scope, subject, message: 'm' }, 404);
    await post(`${a.url}/switches`, { scope: 'global', subject: 'x', message: 'm' }, 400);
    await post(`${a.url}/switches/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}/release`, {}, 404);
  });

  test.each([
    ['cancel', 'cancelled'],
    ['drain', 'running'],
  ] as const)('an emergency stop by %s sees every capsule at zero', async (mode, status) => {
    const a = await world.orchestrate();
    const runId = await trigger(a, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(a, runId, 'do-alpha', 'running');
    const stop = await post<Stop>(`${a.url}/emergency-stop`, { mode, message: 'fire' }, 202);
    expect(stop.runs.found).toEqual([runId]);
    if (mode === 'drain') await world.release('alpha', runId, 'do-alpha');
    const report = await stopped(a.url, stop);
    expect(report.capsules.map((c) => [c.state, c.running])).toEqual(AGENTS.map(() => ['zero', 0]));
    expect(report.runs.cancelled).toEqual(mode === 'cancel' ? [runId] : []);
    expect(Object.values(await world.replicas())).toEqual([0, 0, 0]);
    expect((await a.store.run(runId))?.state.status).toBe(status);
    await post(`${a.url}/switches/${report.switchId}/release`, {}, 200);
    const again = mode === 'drain' ? runId : await trigger(a, 'three');
    expect(await ended(a, again)).toMatchObject({ status: 'succeeded' });
    await allAsleep(world, a);
  });

  test('disabled, it takes runs and processes nothing; another goes on with them', async () => {
    const a = await world.orchestrate({ env: { ENGINE_ENABLED: 'false' } });
    const ready = (await (await fetch(`${a.url}/ready`)).json()) as { checks: { engine: string } };
    expect(ready.checks.engine).toContain('ENGINE_ENABLED');
    const runId = await trigger(a, 'one');
    for (let n = 0; n < 3; n += 1) await a.engine.guards.sweep();
    expect((await a.store.run(runId))?.state.steps[0]?.status).toBe('waiting');
    expect(world.work()).toEqual([]);
    const b = await world.orchestrate();
    await succeeded(b, runId);
    await allAsleep(world, b);
  });
});
