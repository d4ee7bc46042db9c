/** A capsule that cannot be woken, and more who wait for it than the sweeper takes in one go. */
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { createMemoryStore } from '../../src/store/memory';
import { PlatformError } from '../../src/platforms/platform';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A platform that will not scale up: there is no sense in asking again. */
class UnwillingCloud extends Cloud {
  asked = 0;
  willing = (): void => undefined;
  private readonly word = new Promise<void>((resolve) => (this.willing = resolve));

  override async scale(capsuleId: string, replicas: number): Promise<void> {
    if (replicas === 0) return super.scale(capsuleId, replicas);
    this.asked += 1;
    await this.word;
    throw new PlatformError('not-found', 'no such capsule');
  }
}

it('tells all of them', async () => {
  const waiting = DEFAULT_LIMITS.sweepBatch + 50;
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  const faults = new Faults(random, () => 0);
  const store = createMemoryStore();
  const cloud = new UnwillingCloud({
    clock,
    random,
    faults,
    deliver: async () => true,
    onScale: () => undefined,
  });
  const registry = simulatedRegistry('0 0 1 1 *');
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const { engine } = new Orchestrator({
    clock,
    random,
    store,
    cloud,
    registry,
    faults,
    log,
    hint: () => undefined,
  });
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, () => undefined);
  const started = engine.start();
  await pass(10);
  await started;

  const triggered = Promise.all(
    Array.from({ length: waiting }, () => engine.trigger('one', {}, { actor: 'test' })),
  );
  await pass(100);
  const runs = (await triggered).flatMap((t) => ('runId' in t ? [t.runId] : []));
  expect(cloud.asked).toBe(1);
  cloud.willing();
  // Before the capsule can be woken again.
  await pass(100);
  expect(cloud.asked).toBe(1);
  const tries = await Promise.all(
    runs.map(async (id) => (await store.run(id))?.state.steps[0]?.history.length),
  );
  expect(tries).toEqual(Array.from({ length: waiting }, () => 1));
});
