import { ledgerEntry, type LedgerEntry } from '../../src/domain/ledger';
import type { Delivery } from '../../src/store/deliveries';
import type { Store } from '../../src/store/store';
import { T0 } from './store-fixtures';

/** The n-th delivery; ids sort as their numbers do. */
function delivery(n: number, over: Partial<Delivery> = {}): Delivery {
  return {
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    bin: 'a',
    receivedAt: T0 + n,
    method: 'POST',
    path: '/inbox/a',
    verdict: 'ok',
    signature: { kind: 'absent' },
    shape: { kind: 'fits' },
    answer: { status: 200, text: '' },
    about: { stepId: 'crawl' },
    bodyBytes: 2,
    bodyState: 'whole',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{}'),
    ...over,
  };
}

const proved = { runId: '00000000-0000-4000-8000-000000000001', stepId: 'crawl', attempt: 1 };

export function inboxContract(open: () => Store): void {
  const idsOf = async (...args: Parameters<Store['deliveries']>) =>
    (await open().deliveries(...args)).items.map((d) => Number(d.id.slice(-4)));
  const add = (...deliveries: Delivery[]) => open().addDeliveries(deliveries);

  describe('the inbox', () => {
    it('gives back what it was given, body and headers apart from the list', async () => {
      const bytes = Buffer.from([0, 255, 34, 92, 10, 195]);
      const given = delivery(1, {
        body: bytes,
        proved,
        headers: { 'x-a': 'quote " and \\ backslash, {brace}' },
        shape: { kind: 'differs', differences: [{ field: 'a', saw: '"x"', expected: 'b' }], more: 2 },
      });
      await add(given);
      expect(await open().delivery(given.id)).toEqual(given);
      const { headers: _, body: __, ...summary } = given;
      expect((await open().deliveries({}, 10)).items).toEqual([summary]);
    });

    it('keeps text that no store can hold as it does elsewhere', async () => {
      await add(delivery(1, { about: { status: 'a\u0000b\ud800' } }));
      expect((await open().deliveries({}, 10)).items[0]?.about).toEqual({ status: 'a\ufffdb\ufffd' });
    });

    it('lists newest first, page after page, each once', async () => {
      await add(...[1, 2, 3, 4, 5].map((n) => delivery(n, { receivedAt: T0 + Math.floor(n / 2) })));
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await open().deliveries({}, 2, cursor);
        seen.push(...page.items.map((d) => Number(d.id.slice(-4))));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(seen).toEqual([5, 4, 3, 2, 1]);
    });

    it('lists a bin, and a verdict', async () => {
      await add(delivery(1), delivery(2, { bin: 'b' }), delivery(3, { verdict: 'misshapen' }));
      expect(await idsOf({ bin: 'a' }, 10)).toEqual([3, 1]);
      expect(await idsOf({ bin: 'a', verdict: 'ok' }, 10)).toEqual([1]);
      expect(await idsOf({ bin: 'nobody' }, 10)).toEqual([]);
    });

    it('takes the same delivery twice as one, and a batch of none as nothing', async () => {
      await add(delivery(1));
      await add(delivery(1, { bin: 'b' }), delivery(2));
      await add();
      expect(await idsOf({}, 10)).toEqual([2, 1]);
      expect((await open().delivery(delivery(1).id))?.bin).toBe('a');
    });

    it('knows no other', async () => {
      expect(await open().delivery(delivery(9).id)).toBeUndefined();
    });

    it('clears a bin, or all', async () => {
      await add(delivery(1), delivery(2, { bin: 'b' }), delivery(3));
      const entryFor = (removed: number): LedgerEntry => ({
        ...{ at: T0, actor: 'key:a', action: 'inbox.cleared', entity: 'inbox', id: 'a', set: { removed } },
      });
      expect(await open().clearDeliveries('a', entryFor)).toBe(2);
      expect(await open().clearDeliveries('a', entryFor)).toBe(0);
      const entries = (await open().ledger(0, 10)).map(({ body }) => ledgerEntry(body));
      expect(entries).toEqual([entryFor(2)]);
      expect(await idsOf({}, 10)).toEqual([2]);
      expect(await open().clearDeliveries()).toBe(1);
      expect(await idsOf({}, 10)).toEqual([]);
    });

    it('removes what is too old, too many or too large, oldest first', async () => {
      const large = Buffer.alloc(100, 'x');
      await add(...[1, 2, 3, 4].map((n) => delivery(n, { body: large })));
      const quota = { receivedAfter: 0, count: 100, bytes: 10_000 };
      expect(await open().trimDeliveries(quota)).toBe(0);
      expect(await open().trimDeliveries({ ...quota, receivedAfter: T0 + 1 })).toBe(1);
      expect(await open().trimDeliveries({ ...quota, bytes: 250 })).toBe(1);
      expect(await open().trimDeliveries({ ...quota, count: 1 })).toBe(1);
      expect(await idsOf({}, 10)).toEqual([4]);
    });

    it('gives proved deliveries a quota that others cannot use up', async () => {
      await add(delivery(1, { proved }), ...[2, 3, 4].map((n) => delivery(n)));
      expect(await open().trimDeliveries({ receivedAfter: 0, count: 2, bytes: 10_000 })).toBe(1);
      expect(await idsOf({}, 10)).toEqual([4, 3, 1]);
    });
  });
}
