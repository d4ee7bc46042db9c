/** A platform that does not answer for a while: what has to be woken wakes soon after it answers again. */
import type { Observation } from '../../src/platforms/platform';
import { PlatformError } from '../../src/platforms/platform';
import type { Log } from '../../src/engine/ports';
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

class AbsentCloud extends Cloud {
  isAway = true;
  /** Calls that would have woken something, and were not answered. */
  asked = 0;
  mayHaveApplied = false;
  /** It tells what runs, and changes nothing. */
  isReadable = false;

  override scale(capsuleId: string, replicas: number): Promise<void> {
    if (!this.isAway) return super.scale(capsuleId, replicas);
    if (replicas > 0) this.asked += 1;
    return Promise.reject(new PlatformError('unavailable', 'HTTP 503', this.mayHaveApplied));
  }

  override observe(capsuleId: string): Promise<Observation> {
    return this.isAway && !this.isReadable
      ? Promise.reject(new PlatformError('unavailable', 'HTTP 503'))
      : super.observe(capsuleId);
  }
}

async function open(log = SILENT, plant = (store: ReturnType<typeof createMemoryStore>) => store) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  const faults = new Faults(random, () => 0);
  const store = plant(createMemoryStore());
  const cloud = new AbsentCloud({ clock, random, faults, onScale: () => undefined, deliver });
  const registry = simulatedRegistry('0 0 1 1 *');
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const hint = (what: Parameters<Orchestrator['take']>[0], ms: number) =>
    clock.after(ms, () => orchestrator.take(what));
  const orchestrator = new Orchestrator({ clock, random, store, cloud, registry, faults, log, hint });
  async function deliver(url: string, result: Parameters<Orchestrator['engine']['result']>[1]) {
    await orchestrator.engine.result(new URL(url).searchParams.get('token') ?? '', result);
    return true;
  }
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, () => undefined);
  const started = orchestrator.engine.start();
  await pass(10);
  await started;
  return { clock, store, cloud, pass, engine: orchestrator.engine };
}

interface Outage {
  mayHaveApplied?: boolean;
  isReadable?: boolean;
  forMs: number;
  soonMs: number;
}

it.each<[string, Outage]>([
  // At most the pause before the next call and the boot: not the rest of a wake that never began.
  ['were lost on their way', { mayHaveApplied: true, forMs: 5_000, soonMs: 4_000 + 10_500 }],
  // At most the look whether it sleeps, the pause, a pass, and the boot.
  ['were refused', { forMs: 20_000, soonMs: 5_000 + 4_000 + 2_001 + 10_500 }],
  ['were refused, while it told what runs', { isReadable: true, forMs: 20_000, soonMs: 6_000 + 10_500 }],
])('whose calls %s: the first attempt is done, soon after its end', async (_, about) => {
  const { forMs, soonMs, mayHaveApplied = false, isReadable = false } = about;
  const { clock, store, cloud, pass, engine } = await open();
  Object.assign(cloud, { mayHaveApplied, isReadable });
  const triggered = engine.trigger('one', {}, { actor: 'test' });
  await pass(forMs);
  const answer = await triggered;
  if (!('runId' in answer)) throw new Error(answer.kind);
  expect(cloud.asked).toBeGreaterThan(mayHaveApplied || isReadable ? 1 : 0);
  cloud.isAway = false;
  const back = clock.now();
  await pass(120_000);
  const run = (await store.run(answer.runId))?.state;
  expect(run?.status).toBe('succeeded');
  expect(run?.steps[0]?.history).toMatchObject([{ attempt: 1, outcome: 'success' }]);
  expect((run?.steps[0]?.history[0]?.grantedAt ?? Infinity) - back).toBeLessThan(soonMs);
  expect((await store.capsule('capsule-alpha'))?.state.outageSince).toBeUndefined();
});

it('is not waited for for ever: a run fails with the reason', async () => {
  const { store, cloud, pass, engine } = await open();
  const triggered = engine.trigger('one', {}, { actor: 'test' });
  await pass(5 * 60_000);
  const answer = await triggered;
  if (!('runId' in answer)) throw new Error(answer.kind);
  // While nothing can be observed it is not known to sleep, and is not woken again: the run waits.
  expect((await store.run(answer.runId))?.state.status).toBe('running');
  cloud.isReadable = true;
  await pass(15 * 60_000);
  const run = (await store.run(answer.runId))?.state;
  expect(run).toMatchObject({ status: 'failed', error: { kind: 'wake-failed' } });
  expect(run?.error?.message).toContain('did not scale up: HTTP 503');
});

it('names the row that the sweeper could not repair', async () => {
  const told: unknown[] = [];
  const log: Log = { ...SILENT, error: (about) => void told.push(about) };
  let isBroken = false;
  const { pass, engine, store } = await open(log, (memory) => ({
    ...memory,
    capsule: (id) => (isBroken ? Promise.reject(new Error('no answer')) : memory.capsule(id)),
  }));
  const triggered = engine.trigger('one', {}, { actor: 'test' });
  await pass(100);
  await triggered;
  isBroken = true;
  await pass(30_000);
  expect(told).toContainEqual(
    expect.objectContaining({ capsule: 'capsule-alpha', err: expect.any(Error) as Error }),
  );
  expect((await store.capsules()).length).toBe(3);
});
