/** An orchestrator that is told to stop while a capsule boots: it does not wait, and another goes on at once. */
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator, SWEEP_MS } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const SHUTDOWN_MS = 25_000;

/** Agents that nobody has seen listening yet. */
class BootingCloud extends Cloud {
  probed = 0;
  scaledUp = 0;

  override async scale(capsuleId: string, replicas: number): Promise<void> {
    this.scaledUp += replicas;
    return super.scale(capsuleId, replicas);
  }

  override health(): ReturnType<Cloud['health']> {
    this.probed += 1;
    return Promise.resolve({ kind: 'silent', detail: 'ECONNREFUSED' });
  }
}

it('hands the wake over', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const random = seeded(1);
  const faults = new Faults(random, () => 0);
  const store = createMemoryStore();
  const cloud = new BootingCloud({
    clock,
    random,
    faults,
    deliver: async () => true,
    onScale: () => undefined,
  });
  const registry = simulatedRegistry('0 0 1 1 *');
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const world = { clock, random, store, cloud, registry, faults, log, hint: () => undefined };
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, () => undefined);
  const { engine } = new Orchestrator(world);
  const started = engine.start();
  await pass(10);
  await started;
  const triggered = engine.trigger('one', {}, { actor: 'test' });
  await pass(1_000);
  await triggered;
  expect(cloud.scaledUp).toBe(1);
  expect(cloud.probed).toBeGreaterThan(0);

  const begin = clock.now();
  let took: number | undefined;
  const stopped = engine.stop(SHUTDOWN_MS).then(() => (took = clock.now() - begin));
  await pass(500);
  await stopped;
  expect(took).toBeLessThanOrEqual(500);
  const probed = cloud.probed;

  const { engine: next } = new Orchestrator(world);
  const up = next.start();
  await pass(SWEEP_MS + 500);
  await up;
  expect(cloud.probed).toBeGreaterThan(probed);
  const [run] = (await store.runs({}, 1)).items;
  expect(run?.steps[0]?.status).toBe('waiting');
});
