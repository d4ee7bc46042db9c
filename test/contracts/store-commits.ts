import { verifyChain } from '../../src/domain/ledger';
import type { Change, Conflict, Store } from '../../src/store/store';
import {
  ALL,
  awake,
  committed,
  create,
  declareAwake,
  entry,
  everything,
  lease,
  newRun,
  onCapsule,
  result,
  runId,
  shiftOf,
  STEP,
  T0,
  verdict,
} from './store-fixtures';

export function commitContract(open: () => Store): void {
  describe('a commit', () => {
    wholeOrNotAtAll(open);
    neighbours(open);
  });
}

const tickAt = (scheduledFor: number) => ({
  workflowId: 'audit',
  scheduledFor,
  action: 'fired' as const,
  reason: 'on time',
  lateMs: 0,
  decidedAt: T0,
});

/** Writes to every table there is, so that whatever part is at fault, the others must not stay. */
async function bigChange(store: Store): Promise<Change> {
  const run = newRun(1);
  const shift = shiftOf('a', 1, T0);
  return {
    ...(await onCapsule(store, awake('a'), { shift, unless: 'held-or-waiting' })),
    run: { expect: 0, state: run, input: { url: 'x' }, dueAt: T0, results: [result(1)] },
    leases: { runId: run.id, changes: [lease('request', 'a', 1), lease('request', 'b', 2)] },
    tick: tickAt(T0),
    idempotencyKey: { scope: 's', key: 'k', fingerprint: 'f' },
    ledger: [entry('run.created', run.id)],
  };
}

function wholeOrNotAtAll(open: () => Store): void {
  const other = (store: Store, more: Partial<Change>) => committed(store, create(newRun(9), more));
  const spoilers: Array<[Conflict, (store: Store, change: Change) => Promise<unknown>]> = [
    ['idempotency', (store) => other(store, { idempotencyKey: { scope: 's', key: 'k', fingerprint: 'f' } })],
    ['tick', (store) => other(store, { tick: tickAt(T0) })],
    ['run', (store) => committed(store, create(newRun(1)))],
    ['capsule', async (store) => committed(store, await onCapsule(store, awake('a')))],
    ['busy', (store) => other(store, { leases: { runId: runId(9), changes: [lease('grant', 'a')] } })],
  ];

  it.each(spoilers)('that loses a %s race leaves no trace at all', async (conflict, spoil) => {
    const store = open();
    for (const id of ['a', 'b']) await declareAwake(store, id);
    const change = await bigChange(store);
    await spoil(store, change);
    const before = await everything(store);
    expect(await verdict(store, change)).toBe(conflict);
    expect(await everything(store)).toEqual(before);
  });

  it('that loses by its last lease leaves no trace at all', async () => {
    const store = open();
    for (const id of ['a', 'b']) await declareAwake(store, id);
    const change = await bigChange(store);
    const changes = [lease('request', 'a', 1), lease('grant', 'b', 2, 77)];
    const before = await everything(store);
    expect(await verdict(store, { ...change, leases: { runId: runId(1), changes } })).toBe('capsule');
    expect(await everything(store)).toEqual(before);
    expect(await verdict(store, change)).toBe('ok');
  });

  it('that is at fault leaves no trace at all', async () => {
    const store = open();
    for (const id of ['a', 'b']) await declareAwake(store, id);
    const change = await bigChange(store);
    const changes = [lease('request', 'a', 1), lease('request', 'nobody', 2)];
    const before = await everything(store);
    await expect(store.commit({ ...change, leases: { runId: runId(1), changes } })).rejects.toThrow();
    expect(await everything(store)).toEqual(before);
    expect(await verdict(store, change)).toBe('ok');
  });
}

function neighbours(open: () => Store): void {
  it('that is at fault does not fail those made at the same time', async () => {
    const store = open();
    await declareAwake(store, 'a');
    const bad = {
      runId: runId(5),
      changes: [{ op: 'request' as const, capsuleId: 'nobody', stepId: STEP, attempt: 1 }],
    };
    const changes = [...Array(10).keys()].map((n) => create(newRun(n), n === 5 ? { leases: bad } : {}));
    const outcomes = await Promise.allSettled(changes.map((change) => verdict(store, change)));
    expect(outcomes.map((o) => (o.status === 'fulfilled' ? o.value : 'thrown'))).toEqual(
      changes.map((_, n) => (n === 5 ? 'thrown' : 'ok')),
    );
    expect((await store.runs({}, ALL)).items.map((r) => r.id)).toEqual(
      [9, 8, 7, 6, 4, 3, 2, 1, 0].map(runId),
    );
    expect(verifyChain(await store.ledger(0, ALL))).toEqual({ ok: true, entries: 9 });
  });

  it('that loses a race does not fail those made at the same time', async () => {
    const store = open();
    const changes = [newRun(1), newRun(1), newRun(2)].map((run) => create(run));
    expect(await Promise.all(changes.map((c) => verdict(store, c)))).toEqual(['ok', 'run', 'ok']);
  });
}
