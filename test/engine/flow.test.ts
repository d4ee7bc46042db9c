/** Runs in line whose orchestrator died between making them and letting them go. */
import { createMemoryStore } from '../../src/store/memory';
import type { RunState } from '../../src/domain/run';
import type { Log } from '../../src/engine/ports';
import { VirtualClock } from '../simulation/clock';
import { Cloud } from '../simulation/cloud';
import { Faults } from '../simulation/faults';
import { Orchestrator, SWEEP_MS } from '../simulation/orchestrator';
import { seeded } from '../simulation/random';
import { simulatedRegistry } from '../simulation/registry';

const silent = () => undefined;
const log: Log = { debug: silent, info: silent, warn: silent, error: silent };
const T0 = Date.UTC(2026, 0, 5);
/** The sweeper looks for runs in line in one pass of five. */
const LOOKED_MS = 6 * SWEEP_MS;
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** A run that waits for a word, as the store has it when nobody has looked after it. */
const left = (n: number, debounce?: string): RunState => ({
  id: id(n),
  workflowId: 'gone-from-the-registry',
  definition: 'd',
  plan: [
    {
      id: 'word',
      kind: 'approval',
      title: 'Done?',
      timeoutMs: 3_600_000,
      attempts: 1,
      backoffMs: 0,
      maxBackoffMs: 0,
    },
  ],
  trigger: { kind: 'api' },
  flow: {
    gates: [{ id: 'gate', limit: 1, onLimit: 'queue' }],
    turn: '',
    ...(debounce !== undefined && { debounce: { key: debounce, firstAt: T0 }, notBefore: T0 + 5_000 }),
  },
  status: 'queued',
  steps: [{ id: 'word', status: 'pending', attempt: 0, history: [] }],
  createdAt: T0 + n,
});

async function world(runs: RunState[]) {
  const clock = new VirtualClock(T0 + 100);
  const random = seeded(1);
  const faults = new Faults(random, () => 0);
  const store = createMemoryStore();
  for (const run of runs) {
    const entry = {
      at: T0,
      actor: 'test',
      action: 'run.created' as const,
      entity: 'run' as const,
      id: run.id,
      set: {},
    };
    await store.commit({ at: T0, run: { expect: 0, state: run, input: {} }, ledger: [entry] });
  }
  const deliver = async () => true;
  const cloud = new Cloud({ clock, random, faults, deliver, onScale: silent });
  const registry = simulatedRegistry();
  for (const agent of registry.agents) cloud.add(agent.capsuleId, agent.baseUrl);
  const orchestrator = new Orchestrator({ clock, random, store, cloud, registry, faults, log, hint: silent });
  void orchestrator.engine.start();
  const statuses = async () =>
    Promise.all(runs.map(async (run) => (await store.run(run.id))?.state.status ?? 'gone'));
  const pass = (ms: number) => clock.runUntil(clock.now() + ms, silent);
  return { orchestrator, store, statuses, pass };
}

it('are found by the sweeper, one at a time, as their gate lets them', async () => {
  const { orchestrator, statuses, pass } = await world([left(1), left(2)]);
  await pass(LOOKED_MS);
  expect(await statuses()).toEqual(['running', 'queued']);
  void orchestrator.engine.decide(id(1), 'word', { approve: true }, 'test');
  await pass(LOOKED_MS);
  expect(await statuses()).toEqual(['succeeded', 'running']);
});

it('have their debounce made good on: only the newest runs, and not before its time', async () => {
  const { store, statuses, pass } = await world([left(1, 'k'), left(2, 'k')]);
  await pass(4_000);
  expect((await statuses())[1]).toBe('queued');
  await pass(LOOKED_MS);
  expect(await statuses()).toEqual(['cancelled', 'running']);
  expect((await store.run(id(1)))?.state.error?.message).toMatch(`debounced: run ${id(2)}`);
  expect((await store.run(id(2)))?.state.startedAt).toBeGreaterThanOrEqual(T0 + 5_000);
});
