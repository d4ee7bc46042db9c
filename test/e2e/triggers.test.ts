/** What starts runs besides a schedule and the API, each once and past a crash; and what a redeploy leaves alone. */
import { randomUUID } from 'node:crypto';
import type { Orchestrator } from '../../src/compose';
import { isTerminal, type RunState } from '../../src/domain/run';
import { MAX_CHAIN } from '../../src/engine/triggers/followers';
import type { RegistryInput } from '../../src/registry';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { AGENTS } from './support/registry';
import { acts, allAsleep, begun, ended, post, stepIs, trigger } from './support/runs';
import { World } from './support/world';

type WorkflowInput = RegistryInput['workflows'][number];
const step = (id: string, agent: string) => ({ id, agent, timeoutSeconds: 30 });

const WORKFLOWS: WorkflowInput[] = [
  { id: 'base', name: 'Base', steps: [step('work', 'alpha')] },
  {
    id: 'after',
    name: 'After',
    steps: [step('follow', 'beta')],
    on: {
      run: { workflow: 'base', input: { of: 'run.id', did: 'run.output.work', of_input: 'run.input.order' } },
    },
  },
  {
    id: 'last',
    name: 'Last of a chain',
    steps: [step('end', 'gamma')],
    on: { run: { workflow: 'after', when: { path: 'run.output.from', equals: 'follow' } } },
  },
  {
    id: 'mourn',
    name: 'After a failure',
    steps: [step('cry', 'beta')],
    on: {
      run: [
        { workflow: 'base', status: 'failed', input: { why: 'run.error.message' } },
        { workflow: 'base', status: 'cancelled' },
      ],
    },
  },
  {
    id: 'ship',
    name: 'On an event',
    steps: [step('ship', 'alpha')],
    on: {
      event: {
        name: 'paid',
        when: { path: 'event.payload.total', greaterThan: 10 },
        input: { order: 'event.key', total: 'event.payload.total' },
      },
    },
  },
  {
    id: 'thank',
    name: 'On the same',
    steps: [step('thank', 'beta')],
    on: { event: [{ name: 'paid', key: 'o-1' }] },
  },
  { id: 'outer', name: 'Has base as a step', steps: [{ id: 'inner', workflow: 'base' }] },
  {
    id: 'pinned',
    name: 'Pinned',
    steps: [
      { id: 'gate', waitForEvent: { name: 'go', key: 'input.which' } },
      { id: 'old-inner', workflow: 'sub' },
      step('old-end', 'gamma'),
    ],
  },
  { id: 'sub', name: 'Sub', steps: [step('old-sub', 'beta')] },
];

const CHANGED: WorkflowInput[] = [
  {
    id: 'pinned',
    name: 'Pinned',
    steps: [{ id: 'gate', waitForEvent: { name: 'go', key: 'input.which' } }, step('new-end', 'alpha')],
  },
  { id: 'sub', name: 'Sub', steps: [step('new-sub', 'alpha')] },
];

describe('what starts runs', () => {
  const processes = useProcesses();
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;

  beforeAll(async () => {
    leaks = leakCheck();
    world = await World.start({ agents: AGENTS.map((id) => ({ id })), workflows: [...WORKFLOWS] });
    orchestrator = await world.orchestrate();
  });

  afterAll(async () => {
    await world.close();
    await leaks.backToBaseline();
  });

  const url = (path: string) => `${orchestrator.url}${path}`;
  const get = async <T>(path: string): Promise<T> => (await (await fetch(url(path))).json()) as T;
  const runsOf = async (workflowId: string) => (await orchestrator.store.runs({ workflowId }, 200)).items;
  const startedBy = async (workflowId: string, of: string) =>
    (await runsOf(workflowId)).filter((r) => r.trigger.kind === 'run' && r.trigger.of === of);
  const follower = async (workflowId: string, of: string): Promise<RunState> => {
    const [found] = await until(
      async () => {
        const all = await startedBy(workflowId, of);
        return all.length > 0 ? all : undefined;
      },
      { what: `a run of ${workflowId}`, deadlineMs: 20_000 },
    );
    return found as RunState;
  };
  /** Nothing is under way any more, so nothing more will come of what was started. */
  const quiet = () =>
    until(
      async () => {
        const { items } = await orchestrator.store.runs({}, 200);
        return items.every((r) => isTerminal(r.status) && !r.todo);
      },
      { what: 'the end of everything', deadlineMs: 25_000 },
    );
  const inputOf = async (runId: string) => (await orchestrator.store.payloads(runId))?.input;

  test("a run's end starts what follows it, and that the next", async () => {
    const base = await trigger(orchestrator, 'base', { order: 17 });
    const after = await follower('after', base);
    expect(after.trigger).toEqual({ kind: 'run', of: base, depth: 1 });
    expect(await inputOf(after.id)).toEqual({ of: base, did: 'done', of_input: 17 });
    const last = await follower('last', after.id);
    expect(last.trigger).toMatchObject({ depth: 2 });
    await quiet();
    expect(await startedBy('mourn', base)).toEqual([]);
    expect(await startedBy('after', base)).toHaveLength(1);
  });

  test('a failure and a cancellation start what waits for them, and nothing else', async () => {
    const failed = await trigger(orchestrator, 'base', acts({ work: 'error' }));
    const mourn = await follower('mourn', failed);
    expect(await inputOf(mourn.id)).toEqual({ why: 'step work: work went wrong' });
    const cancelled = await trigger(orchestrator, 'base', acts({ work: 'hold' }));
    await stepIs(orchestrator, cancelled, 'work', 'running');
    await post(url(`/runs/${cancelled}/cancel`), {}, 200);
    await follower('mourn', cancelled);
    await quiet();
    for (const id of [failed, cancelled]) expect(await startedBy('after', id)).toEqual([]);
  });

  test('a run that is a step of another starts nothing', async () => {
    const before = (await runsOf('after')).length;
    await ended(orchestrator, await trigger(orchestrator, 'outer'));
    await quiet();
    expect(await runsOf('after')).toHaveLength(before);
  });

  test('a chain of runs has an end, whatever the registries of its time said', async () => {
    const known = await ended(orchestrator, await trigger(orchestrator, 'base'));
    await follower('after', known.id);
    const id = randomUUID();
    const now = Date.now();
    const todo = [{ kind: 'start-followers' as const }];
    const deep: RunState = { ...known, id, trigger: { kind: 'run', of: known.id, depth: MAX_CHAIN }, todo };
    const state = { ...deep, createdAt: now, finishedAt: now, todoAt: now };
    await orchestrator.store.commit({
      at: now,
      run: { expect: 0, state, dueAt: now, input: {} },
      ledger: [],
    });
    await until(async () => !(await orchestrator.store.run(id))?.state.todo, { what: 'its end' });
    expect(await startedBy('after', id)).toEqual([]);
    const entries = (await orchestrator.store.ledger(0, 100_000)).map((e) => e.body);
    expect(entries.filter((body) => body.includes('run.not-followed') && body.includes(id))).toHaveLength(1);
    await quiet();
  });

  test('an event starts what listens for it, once', async () => {
    const event = { id: randomUUID(), name: 'paid', key: 'o-1', payload: { total: 12 } };
    const first = await post<{ started: string[] }>(url('/events'), event, 202);
    expect(first.started).toHaveLength(2);
    expect(await post(url('/events'), event, 202)).toMatchObject({ started: first.started });
    const [ship] = await runsOf('ship');
    expect(ship?.trigger).toEqual({ kind: 'event', eventId: event.id, name: 'paid' });
    expect(await inputOf(ship?.id ?? '')).toEqual({ order: 'o-1', total: 12 });
    const [thank] = await runsOf('thank');
    expect(await inputOf(thank?.id ?? '')).toEqual({ total: 12 });
    const small = { name: 'paid', key: 'o-2', payload: { total: 3 } };
    expect(await post(url('/events'), small, 202)).toMatchObject({ started: [] });
    expect(await runsOf('ship')).toHaveLength(1);
    await quiet();
  });

  test('many runs are started again: shown first, then each once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1)
      ids.push(await trigger(orchestrator, 'ship', { n, ...acts({ ship: 'error' }) }));
    for (const id of ids) await ended(orchestrator, id);
    const request = { filter: { workflowId: 'ship', errorKind: 'agent-error' } };
    const preview = await post<{ count: number; runs: Array<{ runId: string; fromStep: string }> }>(
      url('/replays'),
      { ...request, preview: true },
      200,
    );
    expect(preview).toMatchObject({ id: null, status: 'preview', count: 3, waiting: 3, more: false });
    expect(preview.runs.map((r) => r.runId)).toEqual(ids);
    expect(preview.runs.every((r) => r.fromStep === 'ship')).toBe(true);

    const send = (body: object) =>
      fetch(url('/replays'), {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', 'idempotency-key': 'replay-1' },
      });
    const first = await send(request);
    expect(first.status).toBe(202);
    const { id } = (await first.json()) as { id: string };
    const again = await send(request);
    expect([again.status, ((await again.json()) as { id: string }).id]).toEqual([200, id]);
    expect((await send({ ...request, fromStep: 'start' })).status).toBe(409);
    const done = await until(
      async () => {
        const now = await get<{ status: string; runs: Array<{ startedRunId: string }> }>(`/replays/${id}`);
        return now.status === 'done' ? now : undefined;
      },
      { what: 'the end of the replay' },
    );
    expect(done).toMatchObject({ count: 3, waiting: 0, started: 3, skipped: 0 });
    const reruns = (await runsOf('ship')).filter((r) => r.trigger.kind === 'rerun');
    expect(reruns.map((r) => r.id).sort()).toEqual(done.runs.map((r) => r.startedRunId).sort());
    await quiet();
  });

  test('the outputs of two runs are compared', async () => {
    const [a, b] = [
      await trigger(orchestrator, 'last'),
      await trigger(orchestrator, 'last', acts({ end: 'error' })),
    ];
    for (const id of [a, b]) await ended(orchestrator, id);
    expect(await get(`/runs/${a}/diff/${a}`)).toMatchObject({
      same: true,
      steps: [{ stepId: 'end', kind: 'same' }],
    });
    expect(await get(`/runs/${a}/diff/${b}`)).toMatchObject({ same: false, steps: [{ kind: 'only-in-a' }] });
    expect((await fetch(url(`/runs/${a}/diff/${randomUUID()}`))).status).toBe(404);
  });

  test('a run follows the definition it began with, whatever is deployed meanwhile', async () => {
    const old = await trigger(orchestrator, 'pinned', { which: 'old' });
    await stepIs(orchestrator, old, 'gate', 'parked');
    await world.stop(orchestrator);
    const { workflows } = world.registry;
    const before = [...workflows];
    const isChanged = (id: string) => CHANGED.some((c) => c.id === id);
    workflows.splice(0, workflows.length, ...before.filter((w) => !isChanged(w.id)), ...CHANGED);
    orchestrator = await world.orchestrate();
    const fresh = await trigger(orchestrator, 'pinned', { which: 'new' });
    for (const key of ['old', 'new']) await post(url('/events'), { name: 'go', key }, 202);
    const [oldRun, newRun] = [await ended(orchestrator, old), await ended(orchestrator, fresh)];
    expect(oldRun.steps.map((s) => [s.id, s.status])).toEqual([
      ['gate', 'succeeded'],
      ['old-inner', 'succeeded'],
      ['old-end', 'succeeded'],
    ]);
    const children = await orchestrator.store.runs({ parent: { runId: old } }, 10);
    expect(children.items.map((c) => c.steps.map((s) => s.id))).toEqual([['old-sub']]);
    expect(newRun.steps.map((s) => s.id)).toEqual(['gate', 'new-end']);
    expect(newRun.definition).not.toBe(oldRun.definition);
    expect(begun(world, fresh)).toEqual({ 'new-end#1': 1 });
    workflows.splice(0, workflows.length, ...before);
  });

  test('what follows a run comes although its process died right after the last commit', async () => {
    await world.stop(orchestrator);
    const env = { DIE_AT: 'run:succeeded' };
    const dying = await world.spawn(processes, { env });
    const base = await trigger(dying, 'base');
    expect(await dying.process.exited).toMatchObject({ signal: 'SIGKILL' });
    orchestrator = await world.orchestrate();
    expect((await orchestrator.store.run(base))?.state).toMatchObject({ status: 'succeeded' });
    await follower('after', base);
    await quiet();
    expect(await startedBy('after', base)).toHaveLength(1);
    await allAsleep(world, orchestrator);
  });
});
