import { verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import type { LedgerFilter } from '../../src/domain/ledger/search';
import { ChainVerifier } from '../../src/domain/ledger/verify';
import { CLOCK_SLACK_MS } from '../../src/store/audit';
import type { Store } from '../../src/store/store';
import { ALL, committed, runId, T0 } from './store-fixtures';

const HOUR = 3_600_000;
const entry = (n: number, over: Partial<LedgerEntry> = {}): LedgerEntry => ({
  at: T0 + n * HOUR,
  actor: 'engine',
  action: 'run.start',
  entity: 'run',
  id: runId(n % 3),
  set: { n },
  ...over,
});

export function auditContract(open: () => Store): void {
  describe('the audit', () => {
    const write = async (...entries: LedgerEntry[]) => {
      for (const each of entries) await committed(open(), { at: each.at, ledger: [each] });
    };
    const numbers = async (filter: LedgerFilter, limit = 100, before?: number) =>
      (await open().searchLedger(filter, limit, before)).items.map(({ seq }) => seq);

    it('reads the ledger as it is stored, with its end', async () => {
      expect(await open().ledgerEnd()).toEqual({ seq: 0, hash: '0'.repeat(64), last: 0 });
      await write(
        entry(1),
        entry(2),
        entry(3, { id: 'a "quoted" \\ name é', set: { entity: 'x', id: 'y' } }),
      );
      const rows = await open().ledgerRows(0, ALL);
      expect(rows).toMatchObject([
        { seq: 1, entity: 'run', id: runId(1) },
        { seq: 2, entity: 'run', id: runId(2) },
        { seq: 3, entity: 'run', id: 'a "quoted" \\ name é' },
      ]);
      const end = await open().ledgerEnd();
      expect(end).toEqual({ seq: 3, hash: rows[2]?.hash, last: 3 });
      expect(await open().ledgerRows(1, 1)).toEqual([rows[1]]);
      const verifier = new ChainVerifier();
      verifier.add(rows);
      verifier.finish(end);
      expect(verifier.findings).toEqual([]);
      expect(verifyChain(await open().ledger(0, ALL))).toEqual({ ok: true, entries: 3 });
    });

    it('is searched by who, what, which, run and time, newest first', async () => {
      await write(
        entry(1),
        entry(2, { actor: 'key:abc', action: 'run.cancel', reason: 'why' }),
        entry(3, { actor: 'agent:crawler', action: 'run.result' }),
        entry(4, { entity: 'capsule', id: 'cap', action: 'capsule.demand', runId: runId(2) }),
        entry(5, { actor: 'key:"odd"\\', action: 'capsule.demand', entity: 'capsule', id: 'other' }),
      );
      expect(await numbers({})).toEqual([5, 4, 3, 2, 1]);
      expect(await numbers({ actor: 'key:abc' })).toEqual([2]);
      expect(await numbers({ actor: 'key:"odd"\\' })).toEqual([5]);
      expect(await numbers({ actor: 'engine' })).toEqual([4, 1]);
      expect(await numbers({ actor: 'agent:crawler' })).toEqual([3]);
      expect(await numbers({ action: 'run.cancel' })).toEqual([2]);
      expect(await numbers({ action: 'run.*' })).toEqual([3, 2, 1]);
      expect(await numbers({ action: 'run.c%' })).toEqual([]);
      expect(await numbers({ entity: 'capsule' })).toEqual([5, 4]);
      expect(await numbers({ entity: 'capsule', id: 'cap' })).toEqual([4]);
      expect(await numbers({ runId: runId(2) })).toEqual([4, 2]);
      expect(await numbers({ from: T0 + 2 * HOUR, to: T0 + 4 * HOUR })).toEqual([3, 2]);
      expect(await numbers({ actor: 'key:abc', entity: 'capsule' })).toEqual([]);
      const [found] = (await open().searchLedger({ actor: 'key:abc' }, 1)).items;
      expect(found?.entry).toEqual(entry(2, { actor: 'key:abc', action: 'run.cancel', reason: 'why' }));
    });

    it('is searched page by page', async () => {
      await write(...Array.from({ length: 7 }, (_, n) => entry(n, { actor: n % 2 ? 'engine' : 'local' })));
      const one = await open().searchLedger({ actor: 'local' }, 2);
      expect(one.items.map(({ seq }) => seq)).toEqual([7, 5]);
      const two = await open().searchLedger({ actor: 'local' }, 2, one.next ?? 0);
      expect(two).toMatchObject({ items: [{ seq: 3 }, { seq: 1 }], next: null });
      expect(await numbers({}, 100, 1)).toEqual([]);
    });

    it('finds where a time begins, clocks that differ and all', async () => {
      const late = entry(5, { at: T0 + 5 * HOUR - CLOCK_SLACK_MS / 2 });
      await write(entry(1), entry(2), entry(5), late, entry(9));
      for (const [time, at] of [
        [T0, 1],
        [T0 + 9 * HOUR, 5],
      ] as const) {
        expect(await open().ledgerSince(time)).toBe(at);
      }
      expect(await open().ledgerSince(T0 + 5 * HOUR)).toBeLessThanOrEqual(3);
      expect(await numbers({ from: T0 + 5 * HOUR - CLOCK_SLACK_MS / 2, to: T0 + 5 * HOUR })).toEqual([4]);
      expect(await numbers({ from: T0 + 10 * HOUR })).toEqual([]);
    });
  });
}
