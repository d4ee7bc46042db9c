import { createMemoryStore } from '../../src/store/memory';
import type { Store } from '../../src/store/store';
import type { EngineDeps } from '../../src/engine/context';
import type { Log } from '../../src/engine/ports';
import type { Runs } from '../../src/engine/runs';
import { Signals } from '../../src/engine/signals';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

/** A platform whose read-backs never come back. */
class UnobservableCloud extends Cloud {
  observed = 0;

  override observe(): Promise<never> {
    this.observed += 1;
    return new Promise(() => undefined);
  }
}

/**
 * The first attempt fails; no hint of its back-off's end arrives, so only the sweeper can go on. The agent lingers
 * meanwhile: one that is put to sleep cannot be woken before it was observed asleep.
 * @param broken parts of the record that do not answer
 */
async function afterBackOff(Platform: typeof Cloud, broken: Partial<Store> = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  let failures = 1;
  const faults = new Faults(random, (fault) => (fault === 'agent-error' && failures-- > 0 ? 1 : 0));
  const store = { ...createMemoryStore(), ...broken };
  const errors: object[] = [];
  const log: Log = { debug() {}, info() {}, warn() {}, error: (about) => void errors.push(about) };
  const deliver = async (url: string, result: Parameters<Orchestrator['engine']['result']>[1]) => {
    await orchestrator.engine.result(new URL(url).searchParams.get('token') ?? '', result);
    return true;
  };
  const cloud = new Platform({ clock, random, faults, deliver, onScale: () => undefined });
  const registry = simulatedRegistry();
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const world = { clock, random, store, cloud, registry, faults, log, hint: () => undefined };
  const orchestrator = new Orchestrator(world);
  const started = orchestrator.engine.start();
  await clock.runUntil(clock.now() + 10, () => undefined);
  await started;

  const triggered = orchestrator.engine.trigger('scheduled', {}, { actor: 'test' });
  await clock.runUntil(clock.now() + 120_000, () => undefined);

  const answer = await triggered;
  const run = 'runId' in answer ? await store.run(answer.runId) : undefined;
  return { outcomes: run?.state.steps[0]?.history.map((h) => h.outcome), cloud, errors };
}

it('keeps time while the platform does not answer', async () => {
  const { outcomes, cloud } = await afterBackOff(UnobservableCloud);
  expect(outcomes).toEqual(['agent-error', 'success']);
  expect((cloud as UnobservableCloud).observed).toBeGreaterThan(0);
});

it('looks less often while nothing is under way, and as often as ever once something is', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  const store = createMemoryStore();
  let looks = 0;
  const counting: Store = { ...store, dueRuns: (now, limit) => ((looks += 1), store.dueRuns(now, limit)) };
  const faults = new Faults(random, () => 0);
  // Nobody is ever done: the capsule stays awake for its work.
  const deliver = async () => true;
  const cloud = new Cloud({ clock, random, faults, deliver, onScale: () => undefined });
  const registry = simulatedRegistry();
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
  const limits = { sweepMs: 2_000, sweepIdleMs: 5_000 };
  const world = { clock, random, store: counting, cloud, registry, faults, log, hint: () => undefined };
  const { engine } = new Orchestrator({ ...world, limits });
  const pass = async (ms: number): Promise<number> => {
    looks = 0;
    await clock.runUntil(clock.now() + ms, () => undefined);
    return looks;
  };
  const started = engine.start();
  await pass(10);
  await started;
  // The first pass comes soon: what there is to do is not known before.
  expect(await pass(2_000)).toBe(1);
  expect(await pass(60_000)).toBe(12);
  const triggered = engine.trigger('scheduled', {}, { actor: 'test' });
  await pass(5_000);
  await triggered;
  expect(await pass(20_000)).toBe(10);
});

it('does the rest of a pass when a part of it fails, and names that part', async () => {
  const absent = () => Promise.reject(new Error('no such table'));
  const { outcomes, errors } = await afterBackOff(Cloud, { dueStops: absent, dueCapsules: absent });
  expect(outcomes).toEqual(['agent-error', 'success']);
  const message = 'emergency stops: no such table; due capsules: no such table';
  expect(errors).toContainEqual(
    expect.objectContaining({ err: expect.objectContaining({ message }) as Error }),
  );
});

it('delivers the rest of the events when one cannot be delivered', async () => {
  const events = ['first', 'second'].map((id) => ({ id, name: 'paid', payload: {}, at: 0 }));
  const delivered: unknown[] = [];
  const store = {
    undelivered: async () => events,
    waitsFor: async () => [],
    commit: async (change: { delivered?: string }) => void delivered.push(change.delivered),
  } as unknown as Store;
  const start = async ({ id }: { id: string }) => {
    if (id === 'first') throw new Error('no such workflow');
    return [];
  };
  const deps = { store, clock: new VirtualClock(0) } as unknown as EngineDeps;
  const signals = new Signals(deps, {} as Runs, start);
  await expect(signals.sweep()).rejects.toThrow(/^event first: no such workflow$/);
  expect(delivered).toEqual(['second']);
});
