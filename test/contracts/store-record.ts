import { ledgerEntry, verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { Change, Store, Tick } from '../../src/store/store';
import {
  ALL,
  committed,
  create,
  entry,
  newRun,
  over,
  refused,
  runId,
  setting,
  shiftOf,
  awake,
  onCapsule,
  T0,
  verdict,
} from './store-fixtures';

export function recordContract(open: () => Store): void {
  describe('ticks, keys, ledger', () => {
    ticks(open);
    idempotency(open);
    ledger(open);
    declarations(open);
  });
}

const tick = (scheduledFor: number, over: Partial<Tick> = {}): Tick => ({
  workflowId: 'audit',
  scheduledFor,
  action: 'fired',
  reason: 'on time',
  lateMs: 3,
  decidedAt: T0,
  ...over,
});

function ticks(open: () => Store): void {
  it('lets exactly one of many orchestrators decide a tick', async () => {
    const store = open();
    const rivals = Array.from({ length: 20 }, (_, n) =>
      create(newRun(n), { tick: tick(T0, { runId: runId(n) }) }),
    );
    const verdicts = await Promise.all(rivals.map((change) => verdict(store, change)));
    expect(verdicts.filter((v) => v === 'ok')).toHaveLength(1);
    expect(verdicts.filter((v) => v === 'tick')).toHaveLength(19);
    const winner = runId(verdicts.indexOf('ok'));
    expect(await store.ticks('audit', 10)).toEqual([tick(T0, { runId: winner })]);
    expect((await store.runs({}, ALL)).items.map((r) => r.id)).toEqual([winner]);
  });

  it('keeps skipped ticks like fired ones, newest first, by workflow', async () => {
    const store = open();
    const skipped = tick(T0 + 60, { action: 'skipped', reason: 'overlap' });
    const decide = (t: Tick): Change => ({ at: T0, tick: t, ledger: [] });
    expect(await store.lastTick('audit')).toBeUndefined();
    for (const t of [tick(T0), skipped, tick(T0 + 30)]) await committed(store, decide(t));
    await committed(store, decide(tick(T0, { workflowId: 'other' })));
    expect(await store.commit(decide(tick(T0 + 60)))).toEqual(refused('tick'));
    expect(await store.ticks('audit', 2)).toEqual([skipped, tick(T0 + 30)]);
    expect(await store.ticks('audit', 10, T0 + 30)).toEqual([skipped]);
    expect(await store.ticks('audit', 10)).toHaveLength(3);
    expect(await store.lastTick('audit')).toBe(T0 + 60);
    expect(await store.lastTick('other')).toBe(T0);
  });
}

function idempotency(open: () => Store): void {
  const keyed = (n: number, key: string, fingerprint = 'f', scope = 'POST /x') =>
    create(newRun(n), { idempotencyKey: { scope, key, fingerprint } });

  it('answers a known key with the run it made, whatever else is asked', async () => {
    const store = open();
    await committed(store, keyed(1, 'k', 'first'));
    const existing = { runId: runId(1), fingerprint: 'first' };
    for (const change of [keyed(1, 'k', 'first'), keyed(2, 'k', 'second')]) {
      expect(await store.commit(change)).toEqual({ ok: false, conflict: 'idempotency', existing });
    }
    expect(await store.run(runId(2))).toBeUndefined();
    expect(await verdict(store, keyed(3, 'k', 'f', 'POST /y'))).toBe('ok');
    expect(await verdict(store, keyed(4, '/k', 'f', 'POST'))).toBe('ok');
    expect(await verdict(store, keyed(5, 'k', 'f', 'POST/'))).toBe('ok');
  });

  it('lets exactly one of many with the same key create', async () => {
    const store = open();
    const outcomes = await Promise.all(
      [...Array(20).keys()].map((n) => store.commit(keyed(n, 'k', `f${n}`))),
    );
    const winner = outcomes.findIndex((o) => o.ok);
    const existing = { runId: runId(winner), fingerprint: `f${winner}` };
    for (const [n, outcome] of outcomes.entries()) {
      if (n !== winner) expect(outcome).toEqual({ ok: false, conflict: 'idempotency', existing });
    }
  });

  it('forgets keys with retention', async () => {
    const store = open();
    await committed(store, keyed(1, 'k'));
    await store.purge(T0 + 2, 10);
    expect(await verdict(store, keyed(2, 'k'))).toBe('ok');
  });
}

function ledger(open: () => Store): void {
  it('chains every entry of commits made at once, without a gap', async () => {
    const store = open();
    const changes = Array.from({ length: 150 }, (_, n) => ({
      ...create(newRun(n)),
      ledger: [
        entry('run.created', runId(n), { status: 'queued', text: 'ü "\\u0000" \u{1F600} \0' }),
        entry('run.due', 'y'),
      ],
    }));
    await Promise.all(changes.map((change) => committed(store, change)));
    const entries = await store.ledger(0, ALL);
    expect(verifyChain(entries)).toEqual({ ok: true, entries: 300 });
    const told = entries
      .map((e) => JSON.parse(e.body) as LedgerEntry)
      .filter((e) => e.action === 'run.created');
    expect(told.map((e) => e.id).sort()).toEqual(changes.map((c) => c.run?.state.id));
    expect(told[0]?.set.text).toBe('ü "\\u0000" \u{1F600} \ufffd');
  });

  it('reads on from any entry, oldest first', async () => {
    const store = open();
    expect(await store.ledger(0, 10)).toEqual([]);
    for (let n = 0; n < 5; n++) await committed(store, create(newRun(n)));
    expect((await store.ledger(2, 2)).map((e) => e.seq)).toEqual([3, 4]);
    expect((await store.ledger(4, 10)).map((e) => e.seq)).toEqual([5]);
    expect(await store.ledger(5, 10)).toEqual([]);
  });

  it('outlives retention, and so do the shifts', async () => {
    const store = open();
    await store.declareCapsules([setting('a')], T0);
    const shift = shiftOf('a', 1, T0, { zeroAt: T0 + 5 });
    await committed(store, await onCapsule(store, awake('a'), { shift }));
    await committed(store, create(over(newRun(1), 'succeeded', T0 + 5)));
    const entryFor = (removed: number): LedgerEntry => ({
      ...{ at: T0 + 9, actor: 'engine', action: 'retention.removed', entity: 'retention', id: 'runs' },
      set: { removed },
    });
    expect(await store.purge(T0 + 1_000, 10, entryFor)).toBe(1);
    expect(await store.purge(T0 + 1_000, 10, entryFor)).toBe(0);
    expect((await store.shifts({}, 10)).items).toEqual([shift]);
    const ledger = await store.ledger(0, 10);
    expect(verifyChain(ledger)).toEqual({ ok: true, entries: 2 });
    expect(ledgerEntry(ledger[1]?.body ?? '')).toEqual(entryFor(1));
  });
}

function declarations(open: () => Store): void {
  it('knows since when a schedule is as it is', async () => {
    const store = open();
    expect(await store.declareSchedule('audit', 'daily', T0)).toBe(T0);
    expect(await store.declareSchedule('audit', 'daily', T0 + 9)).toBe(T0);
    expect(await store.declareSchedule('other', 'daily', T0 + 9)).toBe(T0 + 9);
    expect(await store.declareSchedule('audit', 'weekly', T0 + 20)).toBe(T0 + 20);
    expect(await store.declareSchedule('audit', 'weekly', T0 + 30)).toBe(T0 + 20);
    // Back to what it was is a new schedule, too: what was missed in between is not owed.
    expect(await store.declareSchedule('audit', 'daily', T0 + 40)).toBe(T0 + 40);
  });

  it('writes down a schedule that is new or another, once, whoever declares it', async () => {
    const store = open();
    const declare = (fingerprint: string) =>
      store.declareSchedule('audit', fingerprint, T0, (was) => ({
        ...{ at: T0, actor: 'engine', action: 'schedule.declared', entity: 'schedule', id: 'audit' },
        ...{ set: { schedule: fingerprint }, ...(was !== undefined && { was: { schedule: was } }) },
      }));
    await Promise.all([declare('daily'), declare('daily'), declare('daily')]);
    await Promise.all([declare('weekly'), declare('weekly')]);
    const entries = (await store.ledger(0, 10)).map(({ body }) => ledgerEntry(body));
    expect(entries.map(({ set, was }) => [set['schedule'], was?.['schedule']])).toEqual([
      ['daily', undefined],
      ['weekly', 'daily'],
    ]);
  });

  it('lets the first proposal of a shared secret win', async () => {
    const store = open();
    const proposals = [...Array(10).keys()].map((n) => store.sharedSecret('webhook', `proposal-${n}`));
    const [first, ...others] = await Promise.all(proposals);
    expect(first).toMatch(/^proposal-\d$/);
    for (const other of others) expect(other).toBe(first);
    expect(await store.sharedSecret('webhook', 'late')).toBe(first);
    expect(await store.sharedSecret('another', 'mine')).toBe('mine');
  });

  it('answers a ping', async () => {
    await expect(open().ping()).resolves.toBeUndefined();
  });
}
