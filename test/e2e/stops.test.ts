/** Kill switches at the worst of times: a frozen orchestrator, a platform that refuses, results that come too late. */
import type { z } from 'zod';
import { Callbacks } from '../../src/engine/callbacks';
import type { EmergencyStopView, SwitchView } from '../../src/http/views/switch';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, begun, deliver, post, resultOf, stepIs, succeeded, trigger } from './support/runs';
import { World } from './support/world';

type Switch = z.infer<typeof SwitchView>;
type Stop = z.infer<typeof EmergencyStopView>;

const one = { ...three, id: 'one', steps: [{ id: 'do-alpha', agent: 'alpha', timeoutSeconds: 30 }] };
const get = async <T>(url: string) => (await (await fetch(url)).json()) as T;

describe('stops', () => {
  const processes = useProcesses();
  let world: World;

  beforeEach(async () => {
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [three, one] });
  });
  afterEach(() => world.close());

  const asked = () => world.work().filter((w) => w.event === 'asked');

  test('an orchestrator frozen under load while a switch is set sends nothing when it thaws', async () => {
    const a = await world.orchestrate();
    const b = await world.spawn(processes);
    const runIds = await Promise.all(
      Array.from({ length: 6 }, (_, i) => trigger(i % 2 ? a : b, i < 2 ? 'three' : 'one')),
    );
    const before = asked().length;
    await until(() => asked().length > before + 1, { what: 'jobs under way' });
    b.process.kill('SIGSTOP');
    let set: Switch;
    try {
      set = await post<Switch>(`${a.url}/switches`, { scope: 'global', message: 'runaway' }, 200);
    } finally {
      b.process.kill('SIGCONT');
    }
    const inForceAt = Date.parse(set.inForceAt ?? '');
    // It serves again, and has looked at everything at least once.
    const held = await trigger(b, 'one');
    for (let n = 0; n < 3; n += 1) await a.engine.tick();
    await until(async () => (await get<{ why: string }>(`${b.url}/runs/${held}/why`)).why.includes(set.id));
    expect(asked().filter((w) => w.at > inForceAt)).toEqual([]);
    await post(`${a.url}/switches/${set.id}/release`, {}, 200);
    for (const id of [...runIds, held]) {
      await succeeded(a, id);
      expect(Object.values(begun(world, id)).every((n) => n === 1)).toBe(true);
    }
    await allAsleep(world, a);
  });

  test('a platform that refuses: the stop says so, and goes on until everything is at zero', async () => {
    const a = await world.orchestrate();
    const runId = await trigger(a, 'three', acts({ 'do-alpha': 'hold' }));
    await stepIs(a, runId, 'do-alpha', 'running');
    world.platform.faults.set({ serverError: { times: 1_000 } });
    const body = { mode: 'cancel', message: 'fire', verifySeconds: 1 };
    const stop = await post<Stop>(`${a.url}/emergency-stop`, body, 202);
    const report = (what: string, is: (seen: Stop) => boolean) =>
      until(
        async () => {
          const seen = await get<Stop>(a.url + stop.links.self);
          return is(seen) ? seen : undefined;
        },
        { what, deadlineMs: 25_000 },
      );
    const unseen = await report('a capsule that cannot be seen', ({ status, capsules }) => {
      return status === 'incomplete' && capsules.some((c) => c.state === 'unverified');
    });
    expect(unseen.capsules.find((c) => c.state === 'unverified')?.error).toBeTruthy();
    expect(unseen.finishedAt).toBeNull();
    world.platform.faults.clear();
    const done = await report('everything at zero', ({ status }) => status === 'stopped');
    expect(done.capsules.map((c) => c.state)).toEqual(AGENTS.map(() => 'zero'));
    expect(Object.values(await world.replicas())).toEqual([0, 0, 0]);
  });

  test('a result that comes with a revoked token is refused, and changes nothing', async () => {
    const a = await world.orchestrate();
    const runId = await trigger(a, 'one', acts({ 'do-alpha': 'hold' }));
    await stepIs(a, runId, 'do-alpha', 'running');
    const run = await a.store.run(runId);
    const step = run?.state.steps[0];
    if (!step) throw new Error('no step');
    // The same token as the agent was given: orchestrators of one record share the key.
    const callbacks = new Callbacks(await a.store.sharedSecret('callback', ''), `${a.url}/webhook`);
    const url = callbacks.url({
      ...{ runId, stepId: 'do-alpha', attempt: 1 },
      ...{ expiresAt: Date.now() + 60_000, issuedAt: step.grantedAt ?? 0 },
    });
    const stop = await post<Stop>(`${a.url}/emergency-stop`, { mode: 'cancel', message: 'fire' }, 202);
    await until(async () => (await get<Stop>(a.url + stop.links.self)).tokensRevokedAt !== null);
    // A moment later everybody knows; until then it is late, and counts for nothing.
    const send = () => deliver(url, resultOf(runId, 'do-alpha', { workflowId: 'one' }));
    await until(async () => (await send()).status === 401, { what: 'a refusal' });
    await until(async () => (await get<Stop>(a.url + stop.links.self)).status === 'stopped', {
      what: 'a stop',
    });
    const version = (await a.store.run(runId))?.version;
    expect(await send()).toMatchObject({ status: 401, body: { code: 'callback-revoked' } });
    expect((await a.store.run(runId))?.state.status).toBe('cancelled');
    expect((await a.store.run(runId))?.version).toBe(version);
  });
});
