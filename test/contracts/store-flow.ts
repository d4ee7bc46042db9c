/** Lines, places and tokens, and that no commit gives more of them than there are. */
import fc from 'fast-check';
import { flowOf, type FlowRules, type RunFlow } from '../../src/domain/flow';
import type { RunState } from '../../src/domain/run';
import type { Store } from '../../src/store/store';
import { committed, create, newRun, over, runId, T0, update, verdict } from './store-fixtures';

const gate = (limit: number, id = 'audit'): RunFlow['gates'][number] => ({ id, limit, onLimit: 'queue' });
const inFlow = (n: number, flow: Partial<RunFlow>, more: Partial<RunState> = {}): RunState =>
  newRun(n, { flow: { gates: [], turn: '', ...flow }, ...more });
const started = (run: RunState): RunState => ({ ...run, status: 'running', startedAt: T0 });

export function flowContract(open: () => Store): void {
  describe('flow control', () => {
    limits(open);
    rates(open);
    lines(open);
    keys(open);
    leasesByPriority(open);
  });
}

function limits(open: () => Store): void {
  const holds = async (id = 'audit') => (await open().flowUse([id], [])).held.get(id) ?? 0;

  it('starts as many runs as a gate has places, and the next once one is over', async () => {
    const store = open();
    const runs = [1, 2, 3].map((n) => inFlow(n, { gates: [gate(2)] }));
    for (const run of runs) await committed(store, create(run));
    const [one, two, three] = runs as [RunState, RunState, RunState];
    expect(await verdict(store, update(started(one), 1))).toBe('ok');
    expect(await verdict(store, update(started(two), 1))).toBe('ok');
    expect(await verdict(store, update(started(three), 1))).toBe('flow');
    expect((await store.run(three.id))?.state.status).toBe('queued');
    // What is under way goes on, whatever the gates say.
    expect(await verdict(store, update({ ...started(one), deadline: T0 }, 2))).toBe('ok');
    expect(await holds()).toBe(2);
    await committed(store, update(over(started(one), 'failed', T0 + 5), 3));
    expect(await holds()).toBe(1);
    expect(await verdict(store, update(started(three), 1))).toBe('ok');
    expect(await store.flowMembers('audit', 10)).toEqual([
      { runId: two.id, createdAt: T0 + 2, started: true },
      { runId: three.id, createdAt: T0 + 3, started: true },
    ]);
  });

  it('asks every gate, and a run that begins at once as well', async () => {
    const store = open();
    await committed(store, create(started(inFlow(1, { gates: [gate(5), gate(1, 'audit|site|"a"')] }))));
    const same = started(inFlow(2, { gates: [gate(5), gate(1, 'audit|site|"a"')] }));
    const other = started(inFlow(3, { gates: [gate(5), gate(1, 'audit|site|"b"')] }));
    expect(await verdict(store, create(same))).toBe('flow');
    expect(await store.run(same.id)).toBeUndefined();
    expect(await verdict(store, create(other))).toBe('ok');
    expect(await holds()).toBe(2);
  });

  it('never has more under way than the limit, whoever commits at the same time', async () => {
    const store = open();
    let next = 1_000;
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.boolean(), { minLength: 2, maxLength: 25 }),
      async (limit, ends) => {
        const id = `gate-${(next += 100)}`;
        const runs = ends.map((_, i) => inFlow(next + i, { gates: [gate(limit, id)] }));
        await Promise.all(runs.map((run) => store.commit(create(run))));
        const first = await Promise.all(runs.map((run) => verdict(store, update(started(run), 1))));
        expect(first.filter((v) => v === 'ok')).toHaveLength(Math.min(limit, runs.length));
        expect(await holds(id)).toBe(Math.min(limit, runs.length));
        // Some end while others try to begin: in any order of commits, never more than the limit.
        const all = runs.flatMap((run, i) =>
          first[i] !== 'ok'
            ? [store.commit(update(started(run), 1))]
            : ends[i]
              ? [store.commit(update(over(started(run), 'succeeded', T0 + 9), 2))]
              : [],
        );
        await Promise.all(all);
        expect(await holds(id)).toBeLessThanOrEqual(limit);
      },
    );
    await fc.assert(property, { numRuns: 12 });
  });
}

function rates(open: () => Store): void {
  const rate = { id: 'audit', limit: 2, perMs: 1_000 };
  const begin = async (n: number, at: number) => {
    await committed(open(), create(inFlow(n, { rate }), { at }));
    return verdict(open(), update(started(inFlow(n, { rate })), 1, {}, at));
  };

  it('lets as many start at once as the bucket holds, and then one by one as it fills', async () => {
    expect([await begin(1, T0), await begin(2, T0), await begin(3, T0)]).toEqual(['ok', 'ok', 'flow']);
    expect(await begin(4, T0 + 499)).toBe('flow');
    expect(await begin(5, T0 + 500)).toBe('ok');
    expect(await begin(6, T0 + 501)).toBe('flow');
    expect((await open().flowUse([], ['audit', 'other'])).fullAtUs).toEqual(
      new Map([['audit', (T0 + 1_500) * 1_000]]),
    );
    expect([await begin(7, T0 + 9_000), await begin(8, T0 + 9_000), await begin(9, T0 + 9_000)]).toEqual([
      'ok',
      'ok',
      'flow',
    ]);
  });

  it('does not start a run before its time', async () => {
    const store = open();
    const run = inFlow(1, { notBefore: T0 + 100, debounce: { key: 'k', firstAt: T0 } });
    await committed(store, create(run));
    expect(await store.flowHeads('audit', T0 + 99, 10)).toEqual([]);
    expect(await verdict(store, update(started(run), 1, {}, T0 + 99))).toBe('flow');
    expect(await store.flowPutOff('k', 10)).toEqual([{ runId: run.id, createdAt: run.createdAt }]);
    expect(await store.flowHeads('audit', T0 + 100, 10)).toHaveLength(1);
    expect(await verdict(store, update(started(run), 1, {}, T0 + 100))).toBe('ok');
    expect(await store.flowPutOff('k', 10)).toEqual([]);
  });
}

function lines(open: () => Store): void {
  const heads = async (workflowId = 'audit') =>
    (await open().flowHeads(workflowId, T0 + 1_000, 10)).map((h) => h.runId);

  it('takes lines in turn, whoever came first', async () => {
    const store = open();
    const turns = ['a', 'a', 'a', 'b', 'c', 'b'];
    const runs = turns.map((turn, i) => inFlow(i, { turn }));
    for (const run of runs) await committed(store, create(run));
    const served: string[] = [];
    for (let i = 0; i < runs.length; i += 1) {
      const [first = ''] = await heads();
      const run = runs.find((r) => r.id === first) as RunState;
      served.push(run.flow?.turn ?? '');
      await committed(store, update(started(run), 1));
    }
    expect(served.join('')).toBe('abcaba');
    expect(await heads()).toEqual([]);
  });

  it('has higher priorities first, and tells which workflows have anybody in line', async () => {
    const store = open();
    expect(await store.flowWorkflows(10)).toEqual([]);
    await committed(store, create(inFlow(1, { turn: 'a' })));
    await committed(store, create(inFlow(2, { turn: 'a' }, { priority: 7 })));
    await committed(store, create(inFlow(3, { turn: 'b' }, { priority: -1 })));
    await committed(store, create(inFlow(4, { turn: 'b' }, { workflowId: 'other' })));
    await committed(store, create(newRun(5, { workflowId: 'free' })));
    expect(await heads()).toEqual([2, 1, 3].map(runId));
    expect(await store.flowHeads('audit', T0 + 1_000, 1)).toEqual([
      { runId: runId(2), priority: 7, flow: { gates: [], turn: 'a' } },
    ]);
    expect(await store.flowWorkflows(10)).toEqual(['audit', 'other']);
    expect(await store.flowWorkflows(1)).toEqual(['audit']);
    await committed(store, update(over(inFlow(4, {}, { workflowId: 'other' }), 'cancelled', T0 + 9), 1));
    expect(await store.flowWorkflows(10)).toEqual(['audit']);
  });

  it('keeps no more than is needed past the retention', async () => {
    const store = open();
    const rules: FlowRules = { rateLimit: { limit: 1, perSeconds: 1 } };
    const run = newRun(1, { flow: flowOf(rules, 'audit', {}) as RunFlow });
    await committed(store, create(run));
    await committed(store, update(started(run), 1));
    await committed(store, update(over(started(run), 'succeeded', T0 + 9), 2));
    expect((await store.flowUse([], ['audit'])).fullAtUs.size).toBe(1);
    await store.purge(T0 + 60_000, 10);
    expect((await store.flowUse([], ['audit'])).fullAtUs.size).toBe(0);
  });
}

function keys(open: () => Store): void {
  it('answers a key with the run that has it, until its time is over', async () => {
    const store = open();
    const asking = (n: number, at: number, key = '"k"') => ({
      ...create(newRun(n), { at }),
      deduplicate: { scope: 'audit', key, until: at + 100 },
    });
    await committed(store, asking(1, T0));
    const known = { ok: false, conflict: 'duplicate', existing: { runId: runId(1), fingerprint: '' } };
    expect(await store.commit(asking(2, T0 + 99))).toEqual(known);
    expect(await store.run(runId(2))).toBeUndefined();
    expect(await verdict(store, asking(3, T0 + 99, '"other"'))).toBe('ok');
    expect(await verdict(store, asking(4, T0 + 100))).toBe('ok');
    expect(await store.commit(asking(5, T0 + 150))).toEqual({
      ...known,
      existing: { runId: runId(4), fingerprint: '' },
    });
  });
}

function leasesByPriority(open: () => Store): void {
  it('grants leases by priority, then by age', async () => {
    const store = open();
    await store.declareCapsules([{ id: 'cap', agentId: 'agent', slots: 2, lingerMs: 0 }], T0);
    const ask = (n: number, priority?: number) =>
      committed(store, {
        at: T0 + n,
        leases: {
          runId: runId(n),
          changes: [
            {
              op: 'request',
              capsuleId: 'cap',
              stepId: 's',
              attempt: 1,
              ...(priority !== undefined && { priority }),
            },
          ],
        },
        ledger: [],
      });
    await ask(1);
    await ask(2, -1);
    await ask(3, 5);
    await ask(4);
    expect((await store.waiting('cap', 10)).map((l) => l.runId)).toEqual([3, 1, 4, 2].map(runId));
    expect((await store.grantable('cap')).map((l) => l.runId)).toEqual([3, 1].map(runId));
  });
}
