import { asleep } from '../../src/domain/capsule';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { Store } from '../../src/store/store';
import {
  ALL,
  awake,
  committed,
  declareAwake,
  lease,
  leases,
  onCapsule,
  refused,
  setting,
  shiftOf,
  T0,
  verdict,
} from './store-fixtures';

export function capsuleContract(open: () => Store): void {
  describe('capsules', () => {
    declaring(open);
    guards(open);
    races(open);
    due(open);
    shifts(open);
  });
}

function declaring(open: () => Store): void {
  it('declares capsules once, however often it is told', async () => {
    const store = open();
    expect(await store.capsules()).toEqual([]);
    const settings = [setting('b'), setting('a', { slots: 3 })];
    await Promise.all([store.declareCapsules(settings, T0), store.declareCapsules(settings, T0)]);
    const first = await store.capsules();
    const quiet = { held: 0, waiting: 0, workMs: 0 };
    expect(first).toEqual(
      ['a', 'b'].map((id) => ({ state: asleep(id, `agent-${id}`), version: 1, activity: quiet })),
    );
    await store.declareCapsules(settings, T0 + 1);
    expect(await store.capsules()).toEqual(first);
    expect(await store.capsule('nobody')).toBeUndefined();
  });

  it('tells the ledger of each that is new or another, once', async () => {
    const store = open();
    const tell = (...settings: ReturnType<typeof setting>[]) =>
      store.declareCapsules(settings, T0, ({ id, slots }, was) => ({
        ...{ at: T0, actor: 'engine', action: 'capsule-setting.declared', entity: 'capsule-setting', id },
        set: { slots },
        ...(was && { was: { slots: was.slots } }),
      }));
    const both = [setting('a', { slots: 1 }), setting('b', { slots: 1 })];
    await Promise.all([tell(...both), tell(...both)]);
    await tell(...both);
    await tell(setting('a', { slots: 4 }), setting('b', { slots: 1 }));
    const entries = (await store.ledger(0, 10)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    expect(entries.map(({ id, set, was }) => [id, set, was])).toEqual([
      ['a', { slots: 1 }, undefined],
      ['b', { slots: 1 }, undefined],
      ['a', { slots: 4 }, { slots: 1 }],
    ]);
  });

  it('updates settings without losing state, leases or counters', async () => {
    const store = open();
    await declareAwake(store, 'a');
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 5));
    const before = await store.capsule('a');
    await store.declareCapsules([setting('a', { agentId: 'renamed', slots: 2 })], T0);
    const after = await store.capsule('a');
    expect(after?.state).toEqual({ ...awake('a'), agentId: 'renamed' });
    expect(after?.activity).toEqual(before?.activity);
    // Whoever decided on the old settings has to decide anew.
    const stale = { at: T0, capsule: { expect: before?.version ?? 0, state: awake('a') }, ledger: [] };
    expect(await store.commit(stale)).toEqual(refused('capsule'));
    expect(await verdict(store, leases(2, [lease('grant', 'a')]))).toBe('ok');
  });
}

function guards(open: () => Store): void {
  it('refuses a change of an unknown capsule, or decided on another version', async () => {
    const store = open();
    const change = (expected: number) => ({
      at: T0,
      capsule: { expect: expected, state: awake('a') },
      ledger: [],
    });
    expect(await store.commit(change(0))).toEqual(refused('capsule'));
    await store.declareCapsules([setting('a')], T0);
    for (const expected of [0, 2]) expect(await store.commit(change(expected))).toEqual(refused('capsule'));
    await committed(store, change(1));
    expect(await store.capsule('a')).toMatchObject({ state: awake('a'), version: 2 });
  });

  it('holds a guarded change off while leases are held, or asked for', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 1 });
    const down = { ...awake('a'), status: 'draining' as const };
    const guarded = async (unless: 'held' | 'held-or-waiting') =>
      store.commit(await onCapsule(store, down, { unless }));
    await committed(store, leases(1, [lease('grant', 'a')]));
    for (const unless of ['held', 'held-or-waiting'] as const)
      expect(await guarded(unless)).toEqual(refused('busy'));
    await committed(store, leases(2, [lease('request', 'a')]));
    await committed(store, leases(1, [lease('release', 'a')]));
    expect(await guarded('held-or-waiting')).toEqual(refused('busy'));
    expect(await guarded('held')).toEqual({ ok: true, freed: [] });
  });
}

function races(open: () => Store): void {
  it('lets a capsule fall asleep or take a lease, never both', async () => {
    const store = open();
    const ids = Array.from({ length: 20 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    for (const id of ids) await declareAwake(store, id);
    const rounds = ids.map(async (id, i) => {
      const down = { ...awake(id), status: 'draining' as const };
      const sleep = await onCapsule(store, down, { unless: 'held-or-waiting' });
      const work = leases(i, [lease('grant', id)]);
      const both = i % 2 === 0 ? [sleep, work] : [work, sleep];
      return Promise.all(both.map((change) => verdict(store, change)));
    });
    for (const verdicts of await Promise.all(rounds)) {
      expect(verdicts.filter((v) => v === 'ok')).toHaveLength(1);
    }
    for (const { state, activity } of await store.capsules()) {
      expect(activity.held).toBe(state.status === 'awake' ? 1 : 0);
    }
  });
}

function due(open: () => Store): void {
  const dueAt = (time: number) => open().dueCapsules(T0 + time, ALL);

  it('finds a capsule whose time is up, in any state', async () => {
    const store = open();
    await store.declareCapsules([setting('a'), setting('b')], T0);
    for (const status of ['asleep', 'waking', 'draining'] as const) {
      const state = { ...asleep('a', 'agent-a'), status, dueAt: T0 + 50 };
      await committed(store, await onCapsule(store, state));
      expect(await dueAt(49)).toEqual([]);
      expect(await dueAt(50)).toEqual(['a']);
    }
  });

  it('finds a sleeping capsule that somebody waits for, unless a pause is set', async () => {
    const store = open();
    await store.declareCapsules([setting('a')], T0);
    await committed(store, leases(1, [lease('request', 'a')]));
    expect(await dueAt(0)).toEqual(['a']);
    await committed(store, await onCapsule(store, { ...asleep('a', 'agent-a'), dueAt: T0 + 50 }));
    expect(await dueAt(0)).toEqual([]);
    await committed(store, await onCapsule(store, { ...asleep('a', 'agent-a'), status: 'waking' }));
    expect(await dueAt(1_000_000)).toEqual([]);
  });

  it('finds an awake capsule with a free slot and somebody who waits', async () => {
    const store = open();
    await declareAwake(store, 'a', { slots: 1, lingerMs: 10 });
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 1));
    await committed(store, leases(2, [lease('request', 'a')], T0 + 2));
    expect(await dueAt(1_000_000)).toEqual([]);
    await committed(store, leases(1, [lease('release', 'a')], T0 + 3));
    expect(await dueAt(3)).toEqual(['a']);
  });

  it('finds an idle capsule past its linger, and not before', async () => {
    const store = open();
    await declareAwake(store, 'a', { lingerMs: 100 });
    expect(await dueAt(99)).toEqual([]);
    expect(await dueAt(100)).toEqual(['a']);
    await committed(store, leases(1, [lease('grant', 'a')], T0 + 50));
    expect(await dueAt(1_000_000)).toEqual([]);
    await committed(store, leases(1, [lease('release', 'a')], T0 + 80));
    expect(await dueAt(179)).toEqual([]);
    expect(await dueAt(180)).toEqual(['a']);
    await committed(store, await onCapsule(store, { ...awake('a'), status: 'draining' }));
    expect(await dueAt(1_000_000)).toEqual([]);
  });

  it('answers at most as many as asked for, in the order of their names', async () => {
    const store = open();
    const ids = ['a-b', 'aB', 'a_c', 'B', 'ab'];
    await store.declareCapsules(
      ids.map((id) => setting(id)),
      T0,
    );
    for (const [n, id] of ids.entries()) await committed(store, leases(n, [lease('request', id)]));
    expect(await store.dueCapsules(T0, 10)).toEqual([...ids].sort());
    expect(await store.dueCapsules(T0, 2)).toEqual([...ids].sort().slice(0, 2));
  });
}

function shifts(open: () => Store): void {
  it('keeps one row per shift, with its last word', async () => {
    const store = open();
    await store.declareCapsules([setting('a')], T0);
    const begun = shiftOf('a', 1, T0);
    await committed(store, await onCapsule(store, { ...awake('a'), status: 'waking' }, { shift: begun }));
    expect((await store.shifts({}, ALL)).items).toEqual([begun]);
    const healthy = { ...begun, acceptedAt: T0 + 1, healthyAt: T0 + 9 };
    await committed(store, await onCapsule(store, awake('a'), { shift: healthy }));
    expect(await store.shifts({}, ALL)).toEqual({ items: [healthy], nextCursor: null });
  });

  it('pages from the newest shift on, of one capsule or of all', async () => {
    const store = open();
    await store.declareCapsules([setting('a'), setting('b')], T0);
    const add = async (id: string, generation: number) => {
      const shift = shiftOf(id, generation, T0 + 10 * generation);
      await committed(store, await onCapsule(store, awake(id, generation), { shift }));
    };
    for (let generation = 1; generation <= 3; generation++)
      for (const id of ['a', 'b']) await add(id, generation);
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 3; page++) {
      const { items, nextCursor } = await store.shifts({}, 2, cursor);
      seen.push(...items.map((s) => `${s.capsuleId}${s.generation}`));
      await add('a', 10 + page);
      cursor = nextCursor ?? undefined;
    }
    expect(seen).toEqual(['b3', 'a3', 'b2', 'a2', 'b1', 'a1']);
    const ofB = await store.shifts({ capsuleId: 'b' }, 2);
    expect(ofB.items.map((s) => s.generation)).toEqual([3, 2]);
    const rest = await store.shifts({ capsuleId: 'b' }, 2, ofB.nextCursor ?? '');
    expect(rest.items.map((s) => s.generation)).toEqual([1]);
    expect(rest.nextCursor).toBeNull();
  });
}
