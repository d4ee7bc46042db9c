/** What the bill says over the API, from shifts to dollars. */
import { startApi, type Api } from './support/api';
import { text } from './support/client';
import { START } from './support/clock';
import { until } from '../support/until';

const DAY_MS = 86_400_000;
let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const get = async (path: string) => (await api.call('GET', path)).body;
const usage = [{ provider: 'openai', model: 'gpt', inputTokens: 10, outputTokens: 5, costUsd: 0.02 }];

/** Works off a run of `audit`: 20 s of crawling, and some writing; the last shifts are over and booked. */
async function audited(): Promise<string> {
  const id = text((await api.startRun()).body.id);
  const crawl = await api.cloud.nextJob();
  api.clock.advance(20_000);
  await api.deliver(crawl, { usage });
  const write = await api.cloud.nextJob();
  await api.deliver(write);
  const asleep = async () => {
    // The crawler lingers for 30 s; reading back zero takes a timer.
    api.clock.advance(1_000);
    await api.engine.tick();
    return (await api.store.capsules()).every((c) => c.state.status === 'asleep');
  };
  await until(asleep, { what: 'all asleep' });
  await api.engine.tasks.idle();
  await api.engine.costs.book();
  return id;
}

it('tells what a run cost, in total and by step, once its shifts are over', async () => {
  const id = text((await api.startRun()).body.id);
  expect(await get(`/runs/${id}`)).toMatchObject({ cost: null, steps: [{ cost: null }, { cost: null }] });
  await api.close();
  api = await startApi();
  const run = await get(`/runs/${await audited()}`);
  const [shift] = (await api.store.shifts({ capsuleId: 'cap-crawler' }, 1)).items;
  const billed = (shift?.zeroAt ?? 0) - (shift?.acceptedAt ?? 0);
  const dollars = ((billed / 3_600_000) * 0.05).toFixed(6);
  expect(run?.steps).toMatchObject([
    {
      cost: {
        seconds: { work: 20, billed: billed / 1_000, unpriced: 0 },
        tokens: { input: 10, output: 5 },
        capsuleUsd: dollars,
        modelUsd: '0.020000',
      },
    },
    // The writer has no price: its seconds cost nothing, and say so.
    { cost: { capsuleUsd: '0.000000' } },
  ]);
  expect(run?.cost).toMatchObject({ capsuleUsd: dollars, totalUsd: (Number(dollars) + 0.02).toFixed(6) });
});

it('groups the same costs by day, workflow, agent, model and run', async () => {
  const id = await audited();
  const by = async (group: string) => await get(`/costs?by=${group}`);
  const totals = [];
  for (const [group, key] of [
    ['day', '2026-03-02'],
    ['workflow', 'audit'],
    ['agent', 'crawler'],
    ['model', 'openai/gpt'],
    ['run', id],
  ] as const) {
    const { items, total, nextCursor } = (await by(group)) as never as Report;
    expect(items.map((i) => i.key)).toContain(key);
    expect(nextCursor).toBeNull();
    totals.push([total.totalUsd, total.seconds.billed, total.savedUsd]);
  }
  expect(new Set(totals.map((t) => JSON.stringify(t))).size).toBe(1);
  const { items: runs } = (await by('run')) as never as Report;
  expect(runs).toMatchObject([{ key: id, workflowId: 'audit', totalUsd: totals[0]?.[0] }]);
});

it('says what sleep saved, by the formula that it names', async () => {
  await audited();
  const report = (await get('/costs?by=agent')) as never as Report;
  const crawler = report.items.find((i) => i.key === 'crawler');
  // On record since the quarter of an hour in which the first shift began: noon.
  const seconds = (api.clock.now() - START) / 1_000;
  expect(Number(crawler?.alwaysOnUsd)).toBeCloseTo((seconds / 3_600) * 0.05, 6);
  const saved = Number(crawler?.alwaysOnUsd) - Number(crawler?.capsuleUsd);
  expect(Number(crawler?.savedUsd)).toBeCloseTo(saved, 5);
  expect(report.items.find((i) => i.key === 'writer')?.savedUsd).toBeNull();
  expect(report.formulas.savedUsd).toMatch(/price × calendar seconds/);
});

it('keeps the totals when retention takes the run', async () => {
  const id = await audited();
  const before = await get('/costs?by=workflow');
  await api.store.purge(api.clock.now() + DAY_MS, 10);
  expect((await api.call('GET', `/runs/${id}`)).status).toBe(404);
  expect((await get('/costs?by=workflow'))?.items).toEqual(before?.items);
});

it('takes days of the zone that is asked for', async () => {
  await audited();
  // 12:00 UTC on the 2nd is past midnight on Kiritimati.
  const there = (await get(
    '/costs?zone=Pacific/Kiritimati&from=2026-03-01&to=2026-03-03',
  )) as never as Report;
  expect(there.from).toBe('2026-02-28T10:00:00.000Z');
  expect(there.to).toBe('2026-03-03T10:00:00.000Z');
  expect(there.items.filter((i) => i.seconds.billed > 0).map((i) => i.key)).toEqual(['2026-03-03']);
  const before = (await get('/costs?from=2026-02-20&to=2026-03-01')) as never as Report;
  expect(before.total.seconds.billed).toBe(0);
});

it('finds replicas that run without a reason, puts them to sleep, and tells what they cost', async () => {
  const look = async () => {
    api.clock.advance(1_000);
    await api.engine.tick();
    await api.engine.tasks.idle();
  };
  await look();
  await look();
  api.cloud.replicas.set('cap-crawler', 1);
  const booked = async () => {
    await new Promise((next) => setImmediate(next));
    api.clock.advance(1_000);
    await api.engine.tick();
    return (await api.store.strays(0, START + DAY_MS, 1))[0]?.endedAt;
  };
  await until(booked, { what: 'the stray on the bill' });
  expect(api.cloud.replicas.get('cap-crawler')).toBe(0);
  const { strays, total } = (await get('/costs')) as never as Report & { strays: Record<string, unknown>[] };
  expect(strays).toMatchObject([{ capsuleId: 'cap-crawler', agentId: 'crawler', replicas: 1 }]);
  expect(Number(strays[0]?.capsuleUsd)).toBeGreaterThan(0);
  expect(total).toMatchObject({ capsuleUsd: strays[0]?.capsuleUsd, wasteRatio: 1 });
  const alerts = (await api.store.alerts({}, 5)).items;
  expect(alerts).toMatchObject([{ kind: 'stray', subject: 'cap-crawler' }]);
  expect(alerts[0]?.resolution).toMatch(
    /asleep again after [\d.]+ replica-seconds: [\d.]+ US dollars at most/,
  );
});

it.each([
  ['by=hour', 'query.by'],
  ['zone=Mars', 'query.zone'],
  ['from=yesterday', 'query.from'],
  ['from=2026-03-03&to=2026-03-01', 'query.from'],
  ['from=2020-01-01', 'query.from'],
])('refuses %s and names the field', async (query, field) => {
  const { status, body } = await api.call('GET', `/costs?${query}`);
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'invalid-request', errors: [{ field }] });
});

interface Row {
  key: string;
  totalUsd: string;
  capsuleUsd: string;
  alwaysOnUsd: string | null;
  savedUsd: string | null;
  seconds: { billed: number };
}
interface Report {
  from: string;
  to: string;
  items: Row[];
  total: Row;
  nextCursor: null;
  formulas: { savedUsd: string };
}
