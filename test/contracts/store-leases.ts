import type { Store } from '../../src/store/store';
import {
  activityOf,
  awake,
  committed,
  declareAwake,
  everything,
  lease,
  leases,
  onCapsule,
  refused,
  runId,
  setting,
  STEP,
  T0,
  verdict,
} from './store-fixtures';

export function leaseContract(open: () => Store): void {
  describe('leases', () => {
    granting(open);
    turns(open);
    releasing(open);
    counters(open);
    staleShifts(open);
    nonsense(open);
  });
}

const waiter = (n: number, requestedAt: number) => ({
  runId: runId(n),
  stepId: STEP,
  attempt: 1,
  requestedAt,
  priority: 0,
});

function granting(open: () => Store): void {
  it('grants only while the capsule is awake in the shift that was meant', async () => {
    const store = open();
    await store.declareCapsules([setting('a')], T0);
    const grant = (generation: number) => store.commit(leases(1, [lease('grant', 'a', 1, generation)]));
    expect(await grant(0)).toEqual(refused('capsule'));
    await committed(store, await onCapsule(store, { ...awake('a', 2), status: 'waking' }));
    expect(await grant(2)).toEqual(refused('capsule'));
    await committed(store, await onCapsule(store, awake('a', 2)));
    for (const generation of [1, 3]) expect(await grant(generation)).toEqual(refused('capsule'));
    expect(await grant(2)).toEqual({ ok: true, freed: [] });
    expect(await store.holders('a')).toEqual([waiter(1, T0)]);
    const other = leases(2, [lease('grant', 'nobody')]);
    expect(await store.commit(other)).toEqual(refused('capsule'));
  });

  it('never exceeds the slots under 200 direct grants at once', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 3 });
    const attempts = Array.from({ length: 200 }, (_, n) => verdict(store, leases(n, [lease('grant', 'a')])));
    const verdicts = await Promise.all(attempts);
    expect(verdicts.filter((v) => v === 'ok')).toHaveLength(3);
    expect(verdicts.filter((v) => v === 'busy')).toHaveLength(197);
    expect((await activityOf(store, 'a')).held).toBe(3);
    expect(await store.holders('a')).toHaveLength(3);
  });

  it('counts the grants of one change together', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    const grants = (n: number) => [...Array(n).keys()].map((i) => lease('grant', 'a', i + 1));
    expect(await store.commit(leases(1, grants(3)))).toEqual(refused('busy'));
    expect(await verdict(store, leases(1, grants(2)))).toBe('ok');
    expect((await activityOf(store, 'a')).held).toBe(2);
  });
}

function turns(open: () => Store): void {
  it('makes whoever did not ask wait while others wait in line', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    await committed(store, leases(1, [lease('request', 'a')], T0 + 1));
    expect(await store.commit(leases(2, [lease('grant', 'a')]))).toEqual(refused('busy'));
    expect(await verdict(store, leases(1, [lease('grant', 'a')], T0 + 2))).toBe('ok');
    expect(await verdict(store, leases(2, [lease('grant', 'a')], T0 + 3))).toBe('ok');
    expect(await activityOf(store, 'a')).toMatchObject({ held: 2, waiting: 0 });
  });

  it('offers free slots first come, first served', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    for (const [n, at] of [
      [3, 5],
      [1, 6],
      [2, 6],
      [4, 4],
    ] as const) {
      await committed(store, leases(n, [lease('request', 'a')], T0 + at));
    }
    const line = [waiter(4, T0 + 4), waiter(3, T0 + 5), waiter(1, T0 + 6), waiter(2, T0 + 6)];
    expect(await store.waiting('a', 10)).toEqual(line);
    expect(await store.waiting('a', 1)).toEqual(line.slice(0, 1));
    expect(await store.grantable('a')).toEqual(line.slice(0, 2));
    await committed(store, leases(4, [lease('grant', 'a')], T0 + 7));
    expect(await store.grantable('a')).toEqual(line.slice(1, 2));
    await committed(store, leases(3, [lease('grant', 'a')], T0 + 8));
    expect(await store.grantable('a')).toEqual([]);
    expect(await store.commit(leases(1, [lease('grant', 'a')]))).toEqual(refused('busy'));
    expect(await store.holders('a')).toEqual([waiter(4, T0 + 4), waiter(3, T0 + 5)]);
    expect(await store.grantable('nobody')).toEqual([]);
  });

  it('offers nothing when the slots were reduced below what is held', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    for (const n of [1, 2]) await committed(store, leases(n, [lease('grant', 'a')]));
    await committed(store, leases(3, [lease('request', 'a')]));
    await store.declareCapsules([setting('a', { slots: 1 })], T0);
    expect(await store.grantable('a')).toEqual([]);
    await committed(store, leases(1, [lease('release', 'a')]));
    expect(await store.commit(leases(3, [lease('grant', 'a')]))).toEqual(refused('busy'));
  });
}

function releasing(open: () => Store): void {
  it('says what a capsule is left with after a release', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    for (const n of [1, 2]) await committed(store, leases(n, [lease('grant', 'a')]));
    for (const n of [3, 4]) await committed(store, leases(n, [lease('request', 'a')]));
    const release = (n: number) => committed(store, leases(n, [lease('release', 'a')]));
    expect(await release(1)).toEqual([{ capsuleId: 'a', held: 1, waiting: 2 }]);
    expect(await release(3)).toEqual([{ capsuleId: 'a', held: 1, waiting: 1 }]);
    expect(await release(2)).toEqual([{ capsuleId: 'a', held: 0, waiting: 1 }]);
  });

  it('takes a release that comes twice, or for nothing, as done', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('grant', 'a')]));
    await committed(store, leases(1, [lease('release', 'a')], T0 + 5));
    const before = await everything(store);
    expect(await committed(store, leases(1, [lease('release', 'a')], T0 + 9))).toEqual([
      { capsuleId: 'a', held: 0, waiting: 0 },
    ]);
    await committed(store, leases(7, [lease('release', 'a', 3)], T0 + 9));
    expect(await committed(store, leases(7, [lease('release', 'nobody')], T0 + 9))).toEqual([]);
    expect(await everything(store)).toEqual(before);
  });

  it('lets a retry hand its slot to its next attempt in one change', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 1));
    const retry = [lease('release', 'a', 1), lease('grant', 'a', 2)];
    expect(await committed(store, leases(1, retry, T0 + 2))).toEqual([
      { capsuleId: 'a', held: 1, waiting: 0 },
    ]);
    expect(await store.holders('a')).toEqual([{ ...waiter(1, T0 + 2), attempt: 2 }]);
    // Not past those who wait, though.
    await committed(store, leases(2, [lease('request', 'a')], T0 + 3));
    const again = [lease('release', 'a', 2), lease('grant', 'a', 3)];
    expect(await store.commit(leases(1, again))).toEqual(refused('busy'));
    const line = [lease('release', 'a', 2), lease('request', 'a', 3)];
    expect(await committed(store, leases(1, line, T0 + 4))).toEqual([
      { capsuleId: 'a', held: 0, waiting: 2 },
    ]);
  });

  it('gives no slot for releasing what was never held', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('grant', 'a')]));
    const trick = [lease('release', 'a', 9), lease('grant', 'a', 1)];
    expect(await store.commit(leases(2, trick))).toEqual(refused('busy'));
  });
}

function counters(open: () => Store): void {
  it('keeps held, waiting, idle and work time exactly as the leases say', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    const at = async (n: number, op: 'request' | 'grant' | 'release', time: number) => {
      await committed(store, leases(n, [lease(op, 'a')], T0 + time));
      return activityOf(store, 'a');
    };
    expect(await activityOf(store, 'a')).toEqual({ held: 0, waiting: 0, workMs: 0, idleSince: T0 });
    expect(await at(1, 'request', 5)).toEqual({ held: 0, waiting: 1, workMs: 0, idleSince: T0 });
    const busy = { waiting: 0, workMs: 0, firstWorkAt: T0 + 10, busySince: T0 + 10 };
    expect(await at(1, 'grant', 10)).toEqual({ ...busy, held: 1 });
    expect(await at(2, 'grant', 12)).toEqual({ ...busy, held: 2 });
    // Work overlaps: it counts once.
    expect(await at(1, 'release', 20)).toEqual({ ...busy, held: 1, lastWorkAt: T0 + 20 });
    const rest = { held: 0, waiting: 0, workMs: 20, firstWorkAt: T0 + 10, lastWorkAt: T0 + 30 };
    expect(await at(2, 'release', 30)).toEqual({ ...rest, idleSince: T0 + 30 });
    expect(await at(3, 'grant', 40)).toEqual({
      ...rest,
      held: 1,
      busySince: T0 + 40,
    });
    expect(await at(3, 'release', 45)).toEqual({
      ...rest,
      workMs: 25,
      lastWorkAt: T0 + 45,
      idleSince: T0 + 45,
    });
  });

  it('takes back a request that is released without a grant, and counts no work', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('request', 'a')], T0 + 1));
    await committed(store, leases(1, [lease('release', 'a')], T0 + 2));
    expect(await activityOf(store, 'a')).toEqual({ held: 0, waiting: 0, workMs: 0, idleSince: T0 });
  });
}

/** The platform stopped a capsule under its leases, and it was woken again before they were given up. */
function staleShifts(open: () => Store): void {
  it('takes the release of a lease of an earlier shift, and begins each shift with a clean slate', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 2 });
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 10));
    for (const status of ['asleep', 'waking', 'awake'] as const) {
      const generation = status === 'asleep' ? 1 : 2;
      await committed(store, await onCapsule(store, { ...awake('a', generation, T0 + 50), status }));
    }
    expect(await activityOf(store, 'a')).toMatchObject({ held: 1, waiting: 0, workMs: 0 });
    await committed(store, leases(1, [lease('release', 'a')], T0 + 60));
    const after = await activityOf(store, 'a');
    expect(after).toEqual({ held: 0, waiting: 0, workMs: 0, idleSince: T0 + 60, lastWorkAt: T0 + 60 });
  });
}

function nonsense(open: () => Store): void {
  it.each([
    ['asking for an undeclared capsule', [lease('request', 'nobody')]],
    ['asking twice', [lease('request', 'a', 7)]],
    ['granting what is held', [lease('grant', 'a', 8)]],
  ])('throws at %s and writes nothing', async (_what, changes) => {
    const store = open();
    await declareAwake(store, 'a', { slots: 5 });
    await committed(store, leases(1, [lease('grant', 'a', 8)]));
    await committed(store, leases(1, [lease('request', 'a', 7)]));
    const before = await everything(store);
    const change = leases(1, [lease('release', 'a', 8), ...changes]);
    const bad = changes[0]?.op === 'grant' ? leases(1, changes) : change;
    await expect(store.commit(bad)).rejects.toThrow();
    expect(await everything(store)).toEqual(before);
  });
}
