import type { RunState } from '../../src/domain/run';
import type { RunFilter, Store } from '../../src/store/store';
import { ALL, committed, create, newRun, over, refused, result, runId, T0, update } from './store-fixtures';

export function runContract(open: () => Store): void {
  describe('runs', () => {
    versions(open);
    payloads(open);
    pages(open);
    openAndDue(open);
    retention(open);
  });
}

function versions(open: () => Store): void {
  it('reads back what was committed, version by version', async () => {
    const store = open();
    const run = newRun(1);
    expect(await store.run(run.id)).toBeUndefined();
    await committed(store, create(run));
    expect(await store.run(run.id)).toEqual({ state: run, version: 1 });
    const started = { ...run, status: 'running' as const, startedAt: T0 + 9 };
    await committed(store, update(started, 1));
    expect(await store.run(run.id)).toEqual({ state: started, version: 2 });
  });

  it('refuses a change decided on another version than the present one', async () => {
    const store = open();
    const run = newRun(1);
    expect(await store.commit(update(run, 1))).toEqual(refused('run'));
    await committed(store, create(run));
    for (const expected of [0, 2]) expect(await store.commit(update(run, expected))).toEqual(refused('run'));
    expect(await store.commit(create(run))).toEqual(refused('run'));
    expect(await store.run(run.id)).toEqual({ state: run, version: 1 });
  });

  it('lets exactly one of many changes to the same version win', async () => {
    const store = open();
    const run = newRun(1);
    await committed(store, create(run));
    const rivals = Array.from({ length: 20 }, (_, i) => ({ ...run, startedAt: T0 + i }));
    const outcomes = await Promise.all(rivals.map((state) => store.commit(update(state, 1))));
    const winners = rivals.filter((_, i) => outcomes[i]?.ok);
    expect(winners).toHaveLength(1);
    expect(await store.run(run.id)).toEqual({ state: winners[0], version: 2 });
  });

  it('is not changed by whoever changes what it was given or gave', async () => {
    const store = open();
    const run = newRun(1);
    await committed(store, create(run));
    run.status = 'failed';
    const read = await store.run(run.id);
    expect(read?.state.status).toBe('queued');
    (read?.state as RunState).steps.length = 0;
    expect((await store.run(run.id))?.state.steps).toHaveLength(1);
  });
}

function payloads(open: () => Store): void {
  it('keeps input and results, each result once', async () => {
    const store = open();
    const run = newRun(1);
    expect(await store.payloads(run.id)).toBeUndefined();
    const input = { url: 'https://example.com', deep: { list: [1, null, 'ü', 1e21, 0.1] } };
    await committed(store, { ...create(run), run: { expect: 0, state: run, input } });
    const first = result(1);
    await committed(store, update(run, 1, { results: [first] }));
    await committed(store, update(run, 2, { results: [result(1, 1, { output: { other: true } })] }, T0 + 1));
    const late = { ...result(1, 1, { output: { late: true } }), counted: false };
    await committed(store, update(run, 3, { results: [late, result(1, 2)] }, T0 + 2));
    expect(await store.payloads(run.id)).toEqual({ input, results: [first, late, result(1, 2)] });
  });

  it('keeps text that is not well-formed Unicode, with the offending characters replaced', async () => {
    const store = open();
    const run = newRun(1);
    const text = 'zero \0, half an emoji \ud83d, \\u0000 spelled out, whole \u{1F600}';
    const kept = 'zero \ufffd, half an emoji \ufffd, \\u0000 spelled out, whole \u{1F600}';
    await committed(store, { ...create(run), run: { expect: 0, state: run, input: { text } } });
    await committed(store, update(run, 1, { results: [result(1, 1, { output: { [text]: text } })] }));
    const read = await store.payloads(run.id);
    expect(read?.input).toEqual({ text: kept });
    expect(read?.results[0]?.result.output).toEqual({ [kept]: kept });
  });
}

function pages(open: () => Store): void {
  const ids = async (filter: RunFilter) => (await open().runs(filter, ALL)).items.map((r) => r.id);

  it('pages from the newest on, and stays on course while new runs arrive', async () => {
    const store = open();
    // Two of each instant: the order among them must be settled, too.
    for (let n = 0; n < 10; n++) await committed(store, create(newRun(n, { createdAt: T0 + (n >> 1) })));
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 4; page++) {
      const { items, nextCursor } = await store.runs({}, 3, cursor);
      seen.push(...items.map((r) => r.id));
      await committed(store, create(newRun(100 + page, { createdAt: T0 + 500 })));
      expect(nextCursor === null).toBe(page === 3);
      cursor = nextCursor ?? undefined;
    }
    expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map(runId));
  });

  it('has no next page when the last one is exactly full', async () => {
    const store = open();
    for (let n = 0; n < 3; n++) await committed(store, create(newRun(n)));
    expect((await store.runs({}, 3)).nextCursor).toBeNull();
    expect((await store.runs({}, 2)).nextCursor).not.toBeNull();
  });

  it('refuses a cursor that is none of ours', async () => {
    for (const cursor of ['', 'nonsense', Buffer.from('[1]').toString('base64url')]) {
      await expect(open().runs({}, 3, cursor)).rejects.toThrow(/not a cursor/);
      await expect(open().shifts({}, 3, cursor)).rejects.toThrow(/not a cursor/);
    }
  });

  it('filters by workflow, status and time, alone and together', async () => {
    const store = open();
    await committed(store, create(newRun(1)));
    await committed(store, create(newRun(2, { workflowId: 'other' })));
    await committed(store, create(newRun(3, { status: 'running' })));
    await committed(store, create(over(newRun(4, { workflowId: 'other' }), 'failed', T0 + 9)));
    expect(await ids({})).toEqual([4, 3, 2, 1].map(runId));
    expect(await ids({ workflowId: 'other' })).toEqual([4, 2].map(runId));
    expect(await ids({ status: 'queued' })).toEqual([2, 1].map(runId));
    expect(await ids({ createdAfter: T0 + 2, createdBefore: T0 + 4 })).toEqual([3, 2].map(runId));
    expect(await ids({ workflowId: 'other', status: 'failed', createdAfter: T0 + 4 })).toEqual([runId(4)]);
    expect(await ids({ workflowId: 'nobody' })).toEqual([]);
  });

  it('finds text in the id, the workflow and the error, and takes no sign of it for a pattern', async () => {
    const store = open();
    const error = { kind: 'agent-error' as const, message: 'Only 100% of <b>Disk_1</b> is left' };
    await committed(store, create(newRun(1)));
    await committed(store, create(newRun(2, { workflowId: 'Other' })));
    await committed(store, create({ ...over(newRun(3), 'failed', T0 + 9), error }));
    expect(await ids({ text: 'oTHer' })).toEqual([runId(2)]);
    expect(await ids({ text: '<B>disk_1' })).toEqual([runId(3)]);
    expect(await ids({ text: '100%' })).toEqual([runId(3)]);
    expect(await ids({ text: 'disk%' })).toEqual([]);
    expect(await ids({ text: runId(1).slice(0, -1) })).toEqual([3, 2, 1].map(runId));
    expect(await ids({ text: runId(1) })).toEqual([runId(1)]);
    expect(await ids({ text: runId(1).slice(1) })).toEqual([]);
  });

  it('counts all that fit, by status', async () => {
    const store = open();
    const none = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    expect(await store.countRuns({})).toEqual(none);
    for (let n = 1; n <= 3; n++) await committed(store, create(newRun(n)));
    await committed(store, create(newRun(4, { workflowId: 'other', status: 'running' })));
    await committed(store, create(over(newRun(5, { workflowId: 'other' }), 'failed', T0 + 9)));
    const trigger = { kind: 'step' as const, runId: runId(1), stepId: 'fan', attempt: 1, index: 0 };
    await committed(store, create(newRun(6, { trigger })));
    expect(await store.countRuns({})).toEqual({ ...none, queued: 3, running: 1, failed: 1 });
    expect(await store.countRuns({ text: 'OTHER' })).toEqual({ ...none, running: 1, failed: 1 });
    expect(await store.countRuns({ createdAfter: T0 + 3, createdBefore: T0 + 5 })).toEqual({
      ...none,
      ...{ queued: 1, running: 1 },
    });
    const parent = { runId: runId(1) };
    expect(await store.countRuns({ parent })).toEqual({ ...none, queued: 1 });
    expect(await store.countRuns({ parent: { ...parent, stepId: 'none' } })).toEqual(none);
  });
}

function openAndDue(open: () => Store): void {
  it('tells which runs of a workflow are open, oldest first', async () => {
    const store = open();
    await committed(store, create(newRun(2, { status: 'running' })));
    await committed(store, create(newRun(1)));
    await committed(store, create(newRun(3, { workflowId: 'other' })));
    await committed(store, create(over(newRun(4), 'succeeded', T0 + 9)));
    const one = { id: runId(1), status: 'queued', createdAt: T0 + 1 };
    const two = { id: runId(2), status: 'running', createdAt: T0 + 2 };
    expect(await store.openRuns('audit', 10)).toEqual([one, two]);
    expect(await store.openRuns('audit', 1)).toEqual([one]);
    await committed(store, update(over(newRun(1), 'cancelled', T0 + 9), 1));
    expect(await store.openRuns('audit', 10)).toEqual([two]);
  });

  it('tells which runs are due, the longest overdue first', async () => {
    const store = open();
    await committed(store, create(newRun(1), { dueAt: T0 + 30 }));
    await committed(store, create(newRun(2), { dueAt: T0 + 10 }));
    await committed(store, create(newRun(3)));
    await committed(store, create(newRun(4), { dueAt: T0 + 31 }));
    expect(await store.dueRuns(T0 + 9, 10)).toEqual([]);
    expect(await store.dueRuns(T0 + 30, 10)).toEqual([runId(2), runId(1)]);
    expect(await store.dueRuns(T0 + 30, 1)).toEqual([runId(2)]);
    await committed(store, update(newRun(2), 1));
    expect(await store.dueRuns(T0 + 30, 10)).toEqual([runId(1)]);
  });
}

function retention(open: () => Store): void {
  it('purges the longest finished runs with their payloads, and neither open runs nor the ledger', async () => {
    const store = open();
    const finished = (n: number, at: number) => create(over(newRun(n), 'succeeded', at));
    await committed(store, finished(1, T0 + 20));
    await committed(store, finished(2, T0 + 10));
    await committed(store, finished(3, T0 + 30));
    await committed(store, create(newRun(4)));
    const ledger = await store.ledger(0, ALL);
    expect(await store.purge(T0 + 30, 1)).toBe(1);
    expect(await store.run(runId(2))).toBeUndefined();
    expect(await store.purge(T0 + 30, 10)).toBe(1);
    expect(await store.purge(T0 + 30, 10)).toBe(0);
    expect((await store.runs({}, ALL)).items.map((r) => r.id)).toEqual([4, 3].map(runId));
    expect(await store.payloads(runId(1))).toBeUndefined();
    expect(await store.ledger(0, ALL)).toEqual(ledger);
  });
}
