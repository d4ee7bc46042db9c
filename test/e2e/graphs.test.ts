import type { Orchestrator } from '../../src/compose';
import type { RunState } from '../../src/domain/run';
import type { RegistryInput } from '../../src/registry';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { AGENTS } from './support/registry';
import { acts, allAsleep, begun, ended, outputOf, post, stepIs, succeeded, trigger } from './support/runs';
import { World } from './support/world';

type WorkflowInput = RegistryInput['workflows'][number];
const agent = (id: string, by: string, more: object = {}) => ({ id, agent: by, timeoutSeconds: 30, ...more });

const WORKFLOWS: WorkflowInput[] = [
  {
    id: 'fork',
    name: 'Two sides and a join',
    steps: [
      agent('left', 'alpha', { needs: [] }),
      agent('right', 'beta', { needs: [], optional: true }),
      agent('rare', 'gamma', { needs: ['left'], when: { path: 'input.rare', equals: true } }),
      agent('after-rare', 'gamma', { needs: ['rare'] }),
      agent('join', 'gamma', { needs: ['left', 'right', 'after-rare'] }),
    ],
  },
  {
    id: 'ends',
    name: 'Steps for the end',
    steps: [agent('job', 'alpha')],
    onFailure: [agent('mend', 'beta')],
    finally: [agent('tidy', 'gamma')],
  },
  {
    id: 'each',
    name: 'One job for each',
    steps: [
      agent('page', 'alpha', {
        forEach: { items: 'input.pages', concurrency: 2, tolerate: 1, maxItems: 5 },
        retry: { attempts: 1 },
      }),
      { id: 'whole', workflow: 'inner' },
    ],
  },
  { id: 'inner', name: 'Inner', steps: [agent('first', 'beta'), agent('second', 'gamma')] },
  {
    id: 'waits',
    name: 'Waits',
    steps: [
      { id: 'pause', sleep: { seconds: 0.2 } },
      { id: 'paid', waitForEvent: { name: 'paid', key: 'input.order' } },
      { id: 'word', approval: { title: 'Send it?' } },
      agent('send', 'alpha'),
    ],
  },
];

describe('workflows that are graphs', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: WORKFLOWS });
    orchestrator = await world.orchestrate();
  });

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const byId = (run: RunState) => Object.fromEntries(run.steps.map((s) => [s.id, s.status]));
  const get = async <T>(path: string): Promise<T> =>
    (await (await fetch(`${orchestrator.url}${path}`)).json()) as T;
  const children = async (runId: string, step: string) =>
    (await get<{ items: Array<{ id: string; status: string }> }>(`/runs?parent=${runId}&step=${step}`)).items;

  test('both sides run at once, a false condition skips its branch, and the join takes what there is', async () => {
    const runId = await trigger(orchestrator, 'fork', acts({ left: 'hold', right: 'hold' }));
    await stepIs(orchestrator, runId, 'left', 'running');
    await stepIs(orchestrator, runId, 'right', 'running');
    await world.release('alpha', runId, 'left');
    await world.release('beta', runId, 'right');
    const run = await ended(orchestrator, runId);
    const skipped = { rare: 'skipped', 'after-rare': 'skipped' };
    expect(byId(run)).toEqual({ left: 'succeeded', right: 'succeeded', ...skipped, join: 'succeeded' });
    const [job] = world.work(runId).filter((w) => w.event === 'job' && w.stepId === 'join');
    expect(job?.input).toMatchObject({ left: 'done', right: 'done' });
    expect(Object.keys((job?.input as { steps: object }).steps)).toEqual(['left', 'right']);
  });

  test('a side that fails and is optional fails nothing; one that matters stops the other', async () => {
    const optional = await ended(orchestrator, await trigger(orchestrator, 'fork', acts({ right: 'error' })));
    expect(optional.status).toBe('succeeded');
    expect(byId(optional)).toMatchObject({ right: 'failed', join: 'succeeded' });

    const runId = await trigger(orchestrator, 'fork', acts({ left: 'error', right: 'hold' }));
    const failed = await ended(orchestrator, runId);
    expect(failed).toMatchObject({ status: 'failed', error: { message: 'step left: left went wrong' } });
    expect(['cancelled', 'skipped']).toContain(byId(failed).right);
    expect(byId(failed)).toMatchObject({ left: 'failed', join: 'skipped' });
  });

  test('running again from a step keeps what does not follow from it', async () => {
    const first = await trigger(orchestrator, 'fork', acts({ join: 'error' }));
    await ended(orchestrator, first);
    const { id } = await post<{ id: string }>(
      `${orchestrator.url}/runs/${first}/rerun`,
      { fromStep: 'right', input: { act: {} } },
      201,
    );
    await succeeded(orchestrator, id);
    expect(begun(world, id)).toEqual({ 'right#1': 1, 'join#1': 1 });
  });

  test('steps for a failure and for the end have their turn, and know why', async () => {
    const well = await ended(orchestrator, await trigger(orchestrator, 'ends'));
    expect(byId(well)).toEqual({ job: 'succeeded', mend: 'skipped', tidy: 'succeeded' });
    expect(well.status).toBe('succeeded');

    const runId = await trigger(orchestrator, 'ends', acts({ job: 'error' }));
    const failed = await ended(orchestrator, runId);
    expect(byId(failed)).toEqual({ job: 'failed', mend: 'succeeded', tidy: 'succeeded' });
    expect(failed).toMatchObject({ status: 'failed', error: { message: 'step job: job went wrong' } });
    const [mend] = world.work(runId).filter((w) => w.event === 'job' && w.stepId === 'mend');
    expect(mend?.input).toMatchObject({ failure: { kind: 'agent-error' } });
  });

  test('a run that is cancelled tidies up', async () => {
    const runId = await trigger(orchestrator, 'ends', acts({ job: 'hold' }));
    await stepIs(orchestrator, runId, 'job', 'running');
    await post(`${orchestrator.url}/runs/${runId}/cancel`, { reason: 'enough' }, 200);
    const run = await ended(orchestrator, runId);
    expect(run).toMatchObject({ status: 'cancelled', error: { message: 'enough' } });
    expect(byId(run)).toEqual({ job: 'cancelled', mend: 'skipped', tidy: 'succeeded' });
  });

  test('each member of a list has a run of its own; the results keep its order', async () => {
    const runId = await trigger(orchestrator, 'each', { pages: ['a', 'b', 'c'], ...acts({}) });
    const run = await ended(orchestrator, runId);
    expect(byId(run)).toEqual({ page: 'succeeded', whole: 'succeeded' });
    const runs = await children(runId, 'page');
    expect(runs.map((r) => r.status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const items = runs.map((r) => world.work(r.id).find((w) => w.event === 'job')?.input?.item);
    expect(items.sort()).toEqual(['a', 'b', 'c']);
    expect(await outputOf(orchestrator, runId, 'page')).toEqual({
      items: Array.from({ length: 3 }, () => ({ page: 'done', from: 'page' })),
    });
    expect(await outputOf(orchestrator, runId, 'whole')).toEqual({
      first: 'done',
      second: 'done',
      from: 'second',
    });
    const listed = await get<{ items: Array<{ id: string }> }>('/runs?limit=200');
    expect(listed.items.some((r) => runs.some((c) => c.id === r.id))).toBe(false);
  });

  test('an empty list is done at once, one too long or missing fails the step', async () => {
    const none = await ended(orchestrator, await trigger(orchestrator, 'each', { pages: [] }));
    expect(none.status).toBe('succeeded');
    for (const [pages, why] of [
      [[1, 2, 3, 4, 5, 6], /6 members, 5 are allowed/],
      ['text', /no list at input.pages/],
    ] as const) {
      const run = await ended(orchestrator, await trigger(orchestrator, 'each', { pages }));
      expect(run).toMatchObject({ status: 'failed', error: { kind: 'bad-data' } });
      expect(run.error?.message).toMatch(why);
    }
  });

  test('more failures than are tolerated fail the step and stop what is under way', async () => {
    const pages = ['a', 'b', 'c', 'd'];
    const run = await ended(
      orchestrator,
      await trigger(orchestrator, 'each', { pages, ...acts({ page: 'error' }) }),
    );
    expect(run).toMatchObject({ status: 'failed', error: { kind: 'child-failed' } });
    // Those under way are stopped by what the failed run left to do.
    const stopped = async () =>
      (await children(run.id, 'page')).every((r) => r.status === 'failed' || r.status === 'cancelled');
    await until(stopped, { what: 'the end of every child' });
  });

  test('cancelling a run cancels the runs that work for it', async () => {
    const runId = await trigger(orchestrator, 'each', { pages: ['a', 'b'], ...acts({ page: 'hold' }) });
    await stepIs(orchestrator, runId, 'page', 'parked');
    const bothBegun = async () => (await children(runId, 'page')).length === 2;
    await until(bothBegun, { what: 'both runs' });
    await post(`${orchestrator.url}/runs/${runId}/cancel`, {}, 200);
    for (const { id } of await children(runId, 'page')) {
      expect((await ended(orchestrator, id)).status).toBe('cancelled');
    }
  });

  describe('that wait', () => {
    const url = (path: string) => `${orchestrator.url}${path}`;
    const decide = (runId: string, approve: boolean) =>
      post(url(`/runs/${runId}/steps/word/decision`), { approve, comment: 'as seen' }, 200);
    const pay = (key: string) =>
      post<{ delivered: number }>(url('/events'), { name: 'paid', key, payload: { key } }, 202);

    test('hold nothing awake, and go on when what they wait for comes', async () => {
      const runId = await trigger(orchestrator, 'waits', { order: 17 });
      await stepIs(orchestrator, runId, 'paid', 'parked');
      await allAsleep(world, orchestrator);
      expect(await pay('18')).toMatchObject({ delivered: 0 });
      expect(await pay('17')).toMatchObject({ delivered: 1 });
      await stepIs(orchestrator, runId, 'word', 'parked');
      const { items } = await get<{ items: Array<{ runId: string; title: string }> }>('/approvals');
      expect(items).toMatchObject([{ runId, title: 'Send it?' }]);
      await decide(runId, true);
      await succeeded(orchestrator, runId);
      expect(await outputOf(orchestrator, runId, 'paid')).toEqual({ key: '17' });
      expect(await outputOf(orchestrator, runId, 'word')).toMatchObject({
        approved: true,
        comment: 'as seen',
      });
      expect((await get<{ items: unknown[] }>('/approvals')).items).toEqual([]);
    });

    test('find an event that came before they waited, and fail when a person says no', async () => {
      const runId = await trigger(orchestrator, 'waits', { order: 'early' });
      await pay('early');
      await stepIs(orchestrator, runId, 'word', 'parked');
      await decide(runId, false);
      const run = await ended(orchestrator, runId);
      expect(run).toMatchObject({ status: 'failed', error: { kind: 'declined' } });
      expect(run.error?.message).toContain('as seen');
      await expect(decide(runId, true)).rejects.toThrow(/409.*nothing-to-decide/);
    });

    test('are taken up by the next orchestrator', async () => {
      const runId = await trigger(orchestrator, 'waits', { order: 'later' });
      await stepIs(orchestrator, runId, 'paid', 'parked');
      await world.stop(orchestrator);
      orchestrator = await world.orchestrate();
      await pay('later');
      await stepIs(orchestrator, runId, 'word', 'parked');
      await decide(runId, true);
      await succeeded(orchestrator, runId);
    });
  });
});
