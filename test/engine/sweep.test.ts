import { createMemoryStore } from '../../src/store/memory';
import type { Log } from '../../src/engine/ports';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A platform whose read-backs never come back. */
class UnobservableCloud extends Cloud {
  observed = 0;

  override observe(): Promise<never> {
    this.observed += 1;
    return new Promise(() => undefined);
  }
}

it('keeps time while the platform does not answer', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  // The first attempt fails; no hint of its back-off's end arrives, so only the sweeper can go on. The
  // agent lingers meanwhile: one that is put to sleep cannot be woken before it was observed asleep.
  let failures = 1;
  const faults = new Faults(random, (fault) => (fault === 'agent-error' && failures-- > 0 ? 1 : 0));
  const store = createMemoryStore();
  const deliver = async (url: string, result: Parameters<Orchestrator['engine']['result']>[1]) => {
    await orchestrator.engine.result(new URL(url).searchParams.get('token') ?? '', result);
    return true;
  };
  const cloud = new UnobservableCloud({ clock, random, faults, deliver, onScale: () => undefined });
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
  expect(run?.state.steps[0]?.history.map((h) => h.outcome)).toEqual(['agent-error', 'success']);
  expect(cloud.observed).toBeGreaterThan(0);
});
