/** The bill of real agents on a real platform: it adds up to what the shifts were, and is counted once. */
import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { AGENTS, three } from './support/registry';
import { acts, allAsleep, ended, trigger } from './support/runs';
import { World } from './support/world';

interface Cost {
  seconds: { billed: number; work: number };
  totalUsd: string;
}
interface Bill {
  items: Array<Cost & { key: string }>;
  total: Cost;
}

describe('costs', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrators: Orchestrator[];

  beforeAll(async () => {
    leaks = leakCheck();
    const agents = AGENTS.map((id) => ({ id, pricePerReplicaHourUsd: 36 }));
    world = await World.start({ agents, workflows: [three] });
    // Two of them book at the same time.
    orchestrators = [await world.orchestrate(), await world.orchestrate()];
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const first = () => orchestrators[0] as Orchestrator;
  const get = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${first().url}${path}`, { headers: { connection: 'close' } })).json()) as T;

  test('of runs and workflows are those of the shifts, once each', async () => {
    const runs = [
      await trigger(first(), 'three'),
      await trigger(first(), 'three', acts({ 'do-beta': 'error' })),
    ];
    for (const id of runs) await ended(first(), id);
    await allAsleep(world, first());
    const { store } = first();
    await until(async () => (await store.unbookedShifts(1)).length === 0, { what: 'everything booked' });
    // Whoever books again changes nothing.
    for (const { engine } of orchestrators) await engine.costs.book();
    const shifts = (await store.shifts({}, 500)).items;
    const billedMs = shifts.reduce((sum, s) => sum + (s.zeroAt ?? 0) - (s.acceptedAt ?? s.requestedAt), 0);
    const bill = await get<Bill>('/costs?by=workflow');
    expect(bill.total.seconds.billed).toBeCloseTo(billedMs / 1_000, 6);
    // A cent for each second.
    expect(Number(bill.total.totalUsd)).toBeCloseTo(billedMs / 100_000, 6);
    const ofRuns = await Promise.all(runs.map((id) => get<{ cost: Cost }>(`/runs/${id}`)));
    const nobody = bill.items.find((item) => item.key === '')?.seconds.billed ?? 0;
    const attributed = ofRuns.reduce((sum, { cost }) => sum + cost.seconds.billed, 0);
    expect(attributed + nobody).toBeCloseTo(billedMs / 1_000, 6);
    for (const { cost } of ofRuns) expect(cost.seconds.work).toBeGreaterThan(0);
  });
});
