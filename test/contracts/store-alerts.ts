import { alertEntry, type AlertChange } from '../../src/domain/alert';
import { verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { AlertEntryFor, AlertRaise } from '../../src/store/alerts';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const KEY = { kind: 'missed-tick', subject: 'weekly' } as const;

const alert = (n: number, over: Partial<AlertRaise> = {}): AlertRaise => ({
  ...KEY,
  id: runId(n),
  at: T0 + n,
  message: `message ${n}`,
  ...over,
});

const entry =
  (change: AlertChange, at = T0, subject: string = KEY.subject): AlertEntryFor =>
  (was) =>
    alertEntry(change, { ...KEY, subject }, { at, actor: 'watchdog', reason: 'why' }, was);

export function alertContract(open: () => Store): void {
  describe('alerts', () => {
    const raise = (n: number, over: Partial<AlertRaise> = {}) =>
      open().raiseAlert(alert(n, over), entry('raised', T0 + n, over.subject));
    const resolve = (at: number, subject: string = KEY.subject) =>
      open().resolveAlert(
        { ...KEY, subject },
        { at, resolution: 'it went away' },
        entry('resolved', at, subject),
      );
    const entries = async () =>
      (await open().ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    const actions = async () => (await entries()).map(({ action }) => action);

    it('is raised once for a kind and a subject, and counted while it is open', async () => {
      const first = { id: runId(1), ...KEY, message: 'message 1', raisedAt: T0 + 1, lastSeenAt: T0 + 1 };
      await expect(raise(1)).resolves.toEqual({ kind: 'raised', alert: { ...first, count: 1 } });
      const counted = { ...first, message: 'message 2', lastSeenAt: T0 + 2, count: 2 };
      await expect(raise(2)).resolves.toEqual({ kind: 'counted', alert: counted });
      await expect(open().alert(runId(1))).resolves.toEqual(counted);
      await expect(open().alert(runId(2))).resolves.toBeUndefined();
      await expect(raise(3, { subject: 'daily' })).resolves.toMatchObject({ kind: 'raised' });
      expect(await actions()).toEqual(['alert.raised', 'alert.raised']);
    });

    it('tells with each change how it stood before', async () => {
      await raise(1);
      await open().acknowledgeAlert(runId(1), { at: T0 + 2, actor: 'key:1' }, entry('acknowledged', T0 + 2));
      await resolve(T0 + 3);
      await raise(4);
      await resolve(T0 + 5);
      const before = (await entries()).map(({ was }) => was?.['status']);
      expect(before).toEqual([undefined, 'open', 'acknowledged', 'resolved', 'open']);
    });

    it('is raised by one of several at once', async () => {
      const kinds = (await Promise.all(Array.from({ length: 10 }, (_, n) => raise(n)))).map((r) => r.kind);
      expect(kinds.filter((kind) => kind === 'raised')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'counted')).toHaveLength(9);
      const { items } = await open().alerts({ open: true }, 10);
      expect(items).toMatchObject([{ count: 10 }]);
      expect(await actions()).toEqual(['alert.raised']);
    });

    it('is resolved once, and may then be raised anew unless it happens once only', async () => {
      await raise(1);
      await expect(resolve(T0 + 5)).resolves.toMatchObject({
        id: runId(1),
        resolvedAt: T0 + 5,
        resolution: 'it went away',
      });
      await expect(resolve(T0 + 6)).resolves.toBeUndefined();
      await expect(raise(2, { once: true })).resolves.toEqual({ kind: 'over' });
      await expect(raise(3)).resolves.toMatchObject({ kind: 'raised', alert: { id: runId(3), count: 1 } });
      await expect(raise(4, { once: true })).resolves.toMatchObject({ kind: 'counted' });
      expect(await actions()).toEqual(['alert.raised', 'alert.resolved', 'alert.raised']);
      expect(verifyChain(await open().ledger(0, 100))).toEqual({ ok: true, entries: 3 });
    });

    it('keeps who saw it first', async () => {
      await raise(1);
      const seen = (actor: string, at: number, id = runId(1)) =>
        open().acknowledgeAlert(id, { at, actor }, entry('acknowledged', at));
      await expect(seen('key:1', T0 + 2)).resolves.toMatchObject({
        acknowledgedAt: T0 + 2,
        acknowledgedBy: 'key:1',
      });
      await expect(seen('key:2', T0 + 3)).resolves.toBeUndefined();
      await expect(seen('key:2', T0 + 3, runId(9))).resolves.toBeUndefined();
      await expect(open().alert(runId(1))).resolves.toMatchObject({ acknowledgedBy: 'key:1' });
      expect(await actions()).toEqual(['alert.raised', 'alert.acknowledged']);
    });

    it('is listed newest first, open or over, page by page', async () => {
      for (let n = 1; n <= 5; n += 1) await raise(n, { subject: `s${n}`, at: T0 + Math.min(n, 4) });
      await resolve(T0 + 9, 's2');
      const subjects = (items: Array<{ subject: string }>) => items.map(({ subject }) => subject);
      const all = await open().alerts({}, 10);
      expect(subjects(all.items)).toEqual(['s5', 's4', 's3', 's2', 's1']);
      expect(all.nextCursor).toBeNull();
      expect(subjects((await open().alerts({ open: false }, 10)).items)).toEqual(['s2']);
      const one = await open().alerts({ open: true }, 3);
      expect(subjects(one.items)).toEqual(['s5', 's4', 's3']);
      const two = await open().alerts({ open: true }, 3, one.nextCursor ?? '');
      expect(subjects(two.items)).toEqual(['s1']);
      expect(two.nextCursor).toBeNull();
    });

    it('takes text that no database holds', async () => {
      await raise(1, { subject: 'a\u0000b', message: 'half \ud83d' });
      await expect(open().alert(runId(1))).resolves.toMatchObject({
        subject: 'a\ufffdb',
        message: 'half \ufffd',
      });
      await expect(resolve(T0 + 2, 'a\u0000b')).resolves.toMatchObject({ id: runId(1) });
    });

    it('is forgotten with the retention once it is over', async () => {
      await raise(1);
      await raise(2, { subject: 'open' });
      await resolve(T0 + 5);
      await open().purge(T0 + 5, 10);
      expect((await open().alerts({}, 10)).items).toHaveLength(2);
      await open().purge(T0 + 6, 10);
      expect((await open().alerts({}, 10)).items).toMatchObject([{ subject: 'open' }]);
    });
  });
}
