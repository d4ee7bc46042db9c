import type { LedgerEntry } from '../../src/domain/ledger';
import { raisedMessage, type ChannelName, type OutboxRow } from '../../src/domain/notification';
import { alertEntry } from '../../src/domain/alert';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const ALERT = { kind: 'missed-tick', subject: 'weekly' } as const;
const SLACK: ChannelName[] = ['slack'];

const row = (n: number, over: Partial<OutboxRow> = {}): OutboxRow => ({
  id: runId(n),
  channel: 'slack',
  key: `key-${n}`,
  thread: `thread-${n}`,
  message: raisedMessage({ ...ALERT, message: `message ${n}\u0000` }, `key-${n}`),
  at: T0 + n,
  deadline: T0 + 1_000_000,
  ...over,
});

const failedEntry = (id: string): LedgerEntry => ({
  at: T0 + 50,
  actor: 'notifier',
  action: 'notification.failed',
  entity: 'notification',
  id,
  set: { outcome: 'failed' },
  reason: 'it answered 404',
});

export function notificationContract(open: () => Store): void {
  describe('messages to people', () => {
    const claim = (now: number, channels = SLACK, until = now + 100) =>
      open().claimNotifications(now, until, 10, channels);
    const ids = async (claimed: Promise<Array<{ id: string }>>) => (await claimed).map(({ id }) => id);

    it('are claimed in order, by one process until its claim is over', async () => {
      await expect(open().addNotifications([row(1), row(2), row(3)])).resolves.toBe(3);
      const together = await Promise.all(Array.from({ length: 5 }, () => ids(claim(T0 + 10))));
      expect(together.flat().sort()).toEqual([runId(1), runId(2), runId(3)]);
      await expect(claim(T0 + 109)).resolves.toEqual([]);
      const again = await claim(T0 + 110);
      expect(again.map(({ id, tries }) => [id, tries])).toEqual([1, 2, 3].map((n) => [runId(n), 2]));
      expect(again[0]).toMatchObject({ channel: 'slack', key: 'key-1', message: { kind: 'missed-tick' } });
    });

    it('are added once for a key and a channel', async () => {
      await open().addNotifications([row(1)]);
      const more = [row(2, { key: 'key-1' }), row(3, { key: 'key-1', channel: 'email' })];
      await expect(open().addNotifications(more)).resolves.toBe(1);
      await expect(open().addNotifications([])).resolves.toBe(0);
      await expect(ids(claim(T0 + 10, ['slack', 'email']))).resolves.toEqual([runId(1), runId(3)]);
    });

    it('go to the channels that are asked for, and of one thread one after the other', async () => {
      await open().addNotifications([row(1, { thread: 'one' })]);
      await open().addNotifications([row(2, { thread: 'one' }), row(3, { channel: 'email' })]);
      await expect(ids(claim(T0 + 10))).resolves.toEqual([runId(1)]);
      await expect(open().settleNotification(runId(1), 1, { kind: 'sent', at: T0 + 11 })).resolves.toBe(true);
      await expect(ids(claim(T0 + 10))).resolves.toEqual([runId(2)]);
    });

    it('are tried again when it is time, and not by whose claim is over', async () => {
      await open().addNotifications([row(1)]);
      await claim(T0 + 10);
      await claim(T0 + 110);
      const retry = { kind: 'retry', dueAt: T0 + 500, error: 'it answered 503' } as const;
      await expect(open().settleNotification(runId(1), 1, retry)).resolves.toBe(false);
      await expect(open().settleNotification(runId(1), 2, retry)).resolves.toBe(true);
      await expect(claim(T0 + 499)).resolves.toEqual([]);
      await expect(open().notificationBacklog()).resolves.toEqual([
        { channel: 'slack', waiting: 1, oldestAt: T0 + 1, tried: 1 },
      ]);
      await expect(ids(claim(T0 + 500))).resolves.toEqual([runId(1)]);
      // Whoever sent it says so, however late: it must not be sent once more.
      await expect(open().settleNotification(runId(1), 1, { kind: 'sent', at: T0 + 501 })).resolves.toBe(
        true,
      );
      await expect(open().notificationBacklog()).resolves.toEqual([]);
      await expect(claim(T0 + 10_000)).resolves.toEqual([]);
    });

    it('that are given up are on record, once', async () => {
      await open().addNotifications([row(1), row(2)]);
      await claim(T0 + 10);
      const failed = {
        kind: 'failed',
        at: T0 + 50,
        error: 'it answered 404',
        entry: failedEntry(runId(1)),
      } as const;
      await expect(open().settleNotification(runId(1), 1, failed)).resolves.toBe(true);
      await expect(open().settleNotification(runId(1), 1, failed)).resolves.toBe(false);
      const actions = (await open().ledger(0, 10)).map(
        ({ body }) => (JSON.parse(body) as LedgerEntry).action,
      );
      expect(actions).toEqual(['notification.failed']);
      const { items } = await open().notifications({ waiting: false }, 10);
      expect(items).toMatchObject([{ id: runId(1), outcome: 'failed', error: 'it answered 404', tries: 1 }]);
      const first = await open().notifications({}, 1);
      expect(first.items).toMatchObject([{ id: runId(2) }]);
      const second = await open().notifications({}, 1, first.nextCursor ?? '');
      expect(second).toMatchObject({ items: [{ id: runId(1) }], nextCursor: null });
      await expect(open().purgeNotifications(T0 + 50, 10)).resolves.toBe(0);
      await expect(open().purgeNotifications(T0 + 51, 10)).resolves.toBe(1);
      expect((await open().notifications({}, 10)).items).toHaveLength(1);
    });

    it('are committed with the alert they tell of, and only with a new one', async () => {
      const raise = (n: number) =>
        open().raiseAlert(
          { ...ALERT, id: runId(n), at: T0 + n, message: 'why' },
          () => alertEntry('raised', ALERT, { at: T0 + n, actor: 'watchdog', reason: 'why' }),
          [row(n)],
        );
      await raise(1);
      await raise(2);
      const entry = () => alertEntry('resolved', ALERT, { at: T0 + 3, actor: 'watchdog', reason: 'over' });
      const resolution = { at: T0 + 3, resolution: 'over' };
      await open().resolveAlert(ALERT, resolution, entry, [row(3)]);
      await open().resolveAlert(ALERT, resolution, entry, [row(4)]);
      await expect(ids(claim(T0 + 10))).resolves.toEqual([runId(1), runId(3)]);
    });
  });
}
