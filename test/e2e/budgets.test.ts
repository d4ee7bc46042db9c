/** Budgets and caps with real agents: what is used up holds, and what gives more lets go on. */
import type { Orchestrator } from '../../src/compose';
import { toUsd } from '../../src/domain/cost/money';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { AGENTS } from './support/registry';
import { allAsleep, ended, post, succeeded, trigger } from './support/runs';
import { World } from './support/world';

const one = (id: string, agent: string) => ({
  ...{ id, name: id },
  steps: [{ id: 'do', agent, timeoutSeconds: 30 }],
});
const usage = (costUsd: number) => [{ provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd }];
const at = '2026-03-01T09:00:00Z';

interface Seen {
  id: string;
  spent: string;
  reserved: string;
}

describe('budgets', () => {
  let leaks: LeakCheck;
  let world: World;

  beforeAll(() => {
    leaks = leakCheck();
  });
  beforeEach(async () => {
    const agents = AGENTS.map((id) => ({ id, maxCostUsd: 1 }));
    world = await World.start({
      agents: [{ ...agents[0], id: 'alpha', budget: { perDayUsd: 2 } }, ...agents.slice(1)],
      workflows: [one('spend', 'alpha'), one('act', 'beta'), one('free', 'gamma')],
    });
  });
  afterEach(() => world.close());
  afterAll(() => leaks.backToBaseline());

  const get = async <T>(url: string): Promise<T> =>
    (await (await fetch(url, { headers: { connection: 'close' } })).json()) as T;
  const why = async ({ url }: Orchestrator, runId: string) =>
    (await get<{ why: string | null }>(`${url}/runs/${runId}/why`)).why;
  const budget = async ({ url }: Orchestrator, id: string, route = 'budgets') =>
    (await get<{ items: Seen[] }>(`${url}/${route}`)).items.find((b) => b.id === id);
  const report = (costUsd: number) => ({ report: { do: { usage: usage(costUsd) } } });
  const held = (a: Orchestrator, runId: string) =>
    until(async () => ((await why(a, runId)) ?? '').includes('holds it'), { what: 'a held step' });
  const alerts = async (a: Orchestrator) =>
    (await a.store.alerts({ open: true }, 50)).items.map((alert) => alert.kind).sort();

  test('used up, a step is held before anything is woken, until a person raises it', async () => {
    const a = await world.orchestrate();
    for (const cost of [1, 0.75]) await ended(a, await trigger(a, 'spend', report(cost)));
    await until(async () => (await alerts(a)).includes('budget-near'), { what: 'an alert at 80 %' });
    await allAsleep(world, a);
    const runId = await trigger(a, 'spend', report(0.5));
    await held(a, runId);
    await expect(why(a, runId)).resolves.toMatch(
      /budget of agent alpha for the day .* 1\.75 US dollars of 2\.00 US dollars spent.*reveille budgets raise agent:alpha:day/,
    );
    await until(async () => (await alerts(a)).includes('budget-reached'), { what: 'an alert' });
    expect(Object.values(await world.replicas())).toEqual([0, 0, 0]);
    // Others go on.
    await succeeded(a, await trigger(a, 'free'));
    await post(`${a.url}/budgets/agent:alpha:day/raise`, { by: 5, reason: 'month end' }, 200);
    await succeeded(a, runId);
    await until(async () => (await alerts(a)).length === 0, { what: 'no alert' });
    await expect(budget(a, 'agent:alpha:day')).resolves.toMatchObject({
      spent: '2.250000',
      reserved: '0.000000',
    });
    const told = (await a.store.ledger(0, 1_000)).map(
      (e) => (JSON.parse(e.body) as { action: string }).action,
    );
    expect(told).toEqual(expect.arrayContaining(['budget.declared', 'budget.raised']));
    await allAsleep(world, a);
  });

  test('the next day is a new one', async () => {
    // The date of the one zone is never that of the other.
    const a = await world.orchestrate({ env: { BUDGET_TIME_ZONE: 'Etc/GMT+12' } });
    await ended(a, await trigger(a, 'spend', report(2)));
    const runId = await trigger(a, 'spend');
    await held(a, runId);
    await world.stop(a);
    const b = await world.orchestrate({ env: { BUDGET_TIME_ZONE: 'Pacific/Kiritimati' } });
    await succeeded(b, runId);
    await allAsleep(world, b);
  });

  test('a reached cap holds whoever acts; a person sets it higher', async () => {
    const a = await world.orchestrate({ env: { MAX_ACTIONS_PER_DAY: '2' } });
    const actions = [
      { type: 'post', at },
      { type: 'mail', at, costUsd: 0.25 },
    ];
    await ended(a, await trigger(a, 'act', { report: { do: { actions } } }));
    await expect(budget(a, 'cap:installation', 'caps')).resolves.toMatchObject({ spent: '2' });
    const runId = await trigger(a, 'act');
    await held(a, runId);
    await until(async () => (await alerts(a)).includes('cap-reached'), { what: 'an alert' });
    await post(`${a.url}/budgets/cap:installation/set`, { amount: 10 }, 200);
    await succeeded(a, runId);
    await allAsleep(world, a);
  });

  test('a heartbeat that tells of more than is left stops its run, and what it used counts', async () => {
    const a = await world.orchestrate();
    const low = await trigger(a, 'spend', {
      act: { do: 'hold' },
      ...report(0.25),
      progress: { do: { usage: usage(0.5) } },
    });
    await world.worked({ event: 'job', runId: low });
    const high = await trigger(a, 'act', { act: { do: 'hold' }, progress: { do: { usage: usage(99) } } });
    await post(`${a.url}/budgets/workflow:act:per-run/set`, { amount: 3 }, 200);
    const stopped = await ended(a, high);
    expect(stopped.status).toBe('cancelled');
    expect(JSON.stringify(stopped)).toContain('99.00 US dollars used so far');
    await world.worked({ event: 'cancelled', runId: high });
    // What is within its budget goes on.
    await world.release('alpha', low, 'do');
    await succeeded(a, low);
    await expect(budget(a, 'agent:alpha:day')).resolves.toMatchObject({ spent: '0.250000' });
    await allAsleep(world, a);
  });

  test.each(['cap:platform:x.com', 'cap:action-type:mail'])(
    'the sub-cap %s holds whoever was seen to act so, and nobody else',
    async (id) => {
      const a = await world.orchestrate();
      await post(`${a.url}/budgets/${id}/set`, { amount: 1 }, 200);
      const actions = [{ type: 'mail', platform: 'x.com', at }];
      await ended(a, await trigger(a, 'act', { report: { do: { actions } } }));
      const runId = await trigger(a, 'act');
      await held(a, runId);
      await until(async () => (await alerts(a)).includes('cap-reached'), { what: 'an alert' });
      await succeeded(a, await trigger(a, 'free'));
      await post(`${a.url}/budgets/${id}/raise`, { by: 1, reason: 'a busy day' }, 200);
      await succeeded(a, runId);
      await allAsleep(world, a);
    },
  );

  test('costs nobody can mean are refused and told; the work counts', async () => {
    const a = await world.orchestrate();
    const runId = await trigger(a, 'spend', report(1e9));
    await succeeded(a, runId);
    await until(async () => (await alerts(a)).includes('overspent'), { what: 'an alert' });
    const [use] = await a.store.budgetUses(a.engine.budgets.keys);
    expect(toUsd(use?.spent ?? 0n)).toBe('1.000000');
    await allAsleep(world, a);
  });
});
