/** Flow control over two orchestrators on one Postgres, and why runs wait, as the API tells it. */
import type { Orchestrator } from '../../src/compose';
import type { RunState } from '../../src/domain/run';
import { until } from '../support/until';
import { ended, post, trigger } from './support/runs';
import { World } from './support/world';

// No agent is needed: each run waits for a word, and ends when it has it.
const steps = [{ id: 'word', approval: { title: 'Done?' } }];

let world: World;
let first: Orchestrator;
let second: Orchestrator;
beforeAll(async () => {
  world = await World.start({
    agents: [],
    workflows: [
      { id: 'two', name: 'Two at once', steps, concurrency: { limit: 2 } },
      { id: 'keyed', name: 'One by site', steps, concurrency: { limit: 1, key: 'input.site' } },
      { id: 'turns', name: 'In turn', steps, concurrency: [{ limit: 1 }, { limit: 1, key: 'input.site' }] },
      { id: 'skips', name: 'Skips', steps, concurrency: { limit: 1, onLimit: 'skip' } },
      { id: 'newest', name: 'Newest', steps, concurrency: { limit: 1, onLimit: 'cancel-oldest' } },
      { id: 'ranked', name: 'Ranked', steps, concurrency: { limit: 1 }, priority: { min: 0, max: 9 } },
      { id: 'quiet', name: 'Quiet', steps, debounce: { seconds: 1, key: 'input.site' } },
      { id: 'once', name: 'Once', steps, deduplicate: { key: 'input.order', seconds: 3_600 } },
      { id: 'paced', name: 'Paced', steps, rateLimit: { limit: 1, perSeconds: 3_600 } },
      { id: 'brisk', name: 'Brisk', steps, rateLimit: { limit: 1, perSeconds: 1 } },
    ],
  });
  [first, second] = [await world.orchestrate(), await world.orchestrate()];
});
afterAll(() => world.close());

const stateOf = async (id: string): Promise<RunState> => {
  const run = await first.store.run(id);
  if (!run) throw new Error(`no run ${id}`);
  return run.state;
};
const begun = (id: string) =>
  until(async () => (await stateOf(id)).steps[0]?.status === 'parked', {
    what: `run ${id} under way`,
    every: 10,
  });
const queued = async (...ids: string[]): Promise<string[]> => {
  const states = await Promise.all(ids.map(stateOf));
  return states.filter((s) => s.status === 'queued').map((s) => s.id);
};
const whyNot = async (id: string): Promise<unknown> =>
  ((await (await fetch(`${second.url}/runs/${id}/why`)).json()) as { why: unknown }).why;

/** Gives a run its word, at the orchestrator that did not make it. */
async function finish(id: string): Promise<RunState> {
  await begun(id);
  await post(`${second.url}/runs/${id}/steps/word/decision`, { approve: true }, 200);
  return ended(first, id);
}

it('has no more under way than the limit, and starts the next when one ends', async () => {
  const urls = Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? first : second));
  const ids = await Promise.all(urls.map((o) => trigger(o, 'two')));
  const underWay = async () => (await Promise.all(ids.map(stateOf))).filter((s) => s.status === 'running');
  await until(async () => (await underWay()).length === 2, { what: 'two runs under way' });
  const done = new Set<string>();
  while (done.size < ids.length) {
    const [next] = await until(async () => {
      const now = await underWay();
      expect(now.length).toBeLessThanOrEqual(2);
      return now.length > 0 && now;
    });
    expect((await finish(next?.id ?? '')).status).toBe('succeeded');
    done.add(next?.id ?? '');
  }
});

it('says why a run waits, and counts each key for itself', async () => {
  const a = await trigger(first, 'keyed', { site: 'a' });
  await begun(a);
  const again = await trigger(second, 'keyed', { site: 'a' });
  const b = await trigger(second, 'keyed', { site: 'b' });
  await begun(b);
  expect(await whyNot(again)).toBe(
    `queued: 1 of 1 run of workflow keyed with site "a" is under way (run ${a}); it starts when one of them ends and its turn comes`,
  );
  expect(await whyNot(a)).toMatch(
    /^step word waits for a person's decision \("Done\?"\) until .* releases it$/,
  );
  const shown = (await (await fetch(`${first.url}/runs/${again}`)).json()) as Record<string, unknown>;
  expect(shown).toMatchObject({ status: 'queued', priority: 0, why: await whyNot(again) });
  await finish(a);
  await finish(again);
  expect(await whyNot(again)).toBeNull();
  await finish(b);
});

it('takes keys in turn', async () => {
  const sites = ['a', 'a', 'a', 'b'];
  const ids: string[] = [];
  for (const site of sites) ids.push(await trigger(first, 'turns', { site }));
  const order: string[] = [];
  while (order.length < ids.length) {
    const next = await until(async () => {
      const states = await Promise.all(ids.map(stateOf));
      return states.find((s) => s.status === 'running')?.id;
    });
    await finish(next);
    order.push(sites[ids.indexOf(next)] ?? '');
  }
  expect(order.join('')).toBe('abaa');
});

it('has higher priorities first, within the bounds', async () => {
  const running = await trigger(first, 'ranked');
  await begun(running);
  const start = async (priority: number) =>
    (await post<{ id: string }>(`${first.url}/workflows/ranked/runs`, { priority }, 201)).id;
  const [low, high] = [await start(1), await start(9)];
  await finish(running);
  await begun(high);
  expect(await queued(low)).toEqual([low]);
  await finish(high);
  await finish(low);
  const refused = await fetch(`${first.url}/workflows/ranked/runs`, {
    method: 'POST',
    body: JSON.stringify({ priority: 10 }),
    headers: { 'content-type': 'application/json' },
  });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('from 0 to 9')]);
});

it('skips a run that is one too many, and says so', async () => {
  const one = await trigger(first, 'skips');
  await begun(one);
  const two = await ended(first, await trigger(second, 'skips'));
  expect([two.status, two.error?.message]).toEqual([
    'cancelled',
    'skipped: at most 1 run of workflow skips at once',
  ]);
  await finish(one);
});

it('cancels the oldest for the newest', async () => {
  const one = await trigger(first, 'newest');
  await begun(one);
  const two = await trigger(second, 'newest');
  expect(await ended(first, one)).toMatchObject({
    status: 'cancelled',
    error: { message: expect.stringContaining(`replaced by run ${two}`) as string },
  });
  expect((await finish(two)).status).toBe('succeeded');
});

it('runs only the last of those that come close together, and tells the others', async () => {
  const ids: string[] = [];
  for (const o of [first, second, first]) ids.push(await trigger(o, 'quiet', { site: 'a', n: ids.length }));
  const last = ids.pop() ?? '';
  for (const id of ids) {
    const run = await ended(first, id);
    expect([run.status, run.error?.message]).toEqual([
      'cancelled',
      expect.stringMatching(/^debounced: run /),
    ]);
  }
  await finish(last);
  expect((await first.store.payloads(last))?.input).toEqual({ site: 'a', n: 2 });
});

it('answers a key that is known with the run it has', async () => {
  const url = (o: Orchestrator) => `${o.url}/workflows/once/runs`;
  const asked = (order: unknown) => ({ input: { order } });
  const { id } = await post<{ id: string }>(url(first), asked('o-1'), 201);
  expect(await post(url(second), asked('o-1'), 200)).toMatchObject({ id });
  const other = await post<{ id: string }>(url(second), asked('o-2'), 201);
  expect(other.id).not.toBe(id);
  for (const run of [id, other.id]) await finish(run);
});

it('lets runs start as the rate allows', async () => {
  const paced = await trigger(first, 'paced');
  await begun(paced);
  const held = await trigger(second, 'paced');
  expect(await whyNot(held)).toMatch(
    /^queued: as many runs of workflow paced as its rate allows \(1 in 3600 s\) have started already; it may start at 20/,
  );
  const brisk = await Promise.all([first, second].map((o) => trigger(o, 'brisk')));
  for (const id of brisk) await finish(id);
  const [a = 0, b = 0] = (await Promise.all(brisk.map(stateOf))).map((s) => s.startedAt ?? 0);
  expect(Math.abs(a - b)).toBeGreaterThanOrEqual(1_000);
  await finish(paced);
  await first.engine.cancel(held, 'the end of the test', 'test');
});
