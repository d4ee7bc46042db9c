import { verifyChain, type LedgerEntry } from '../../src/domain/ledger';
import { sha256 } from '../../src/domain/release/manifest';
import type { StageVerdict } from '../../src/domain/release/validation';
import type { Store } from '../../src/store/store';
import { runId, T0 } from './store-fixtures';

const EVIDENCE = Buffer.from('{"stage":"sandbox"}');

const verdictOf = (n: number, more: Partial<StageVerdict> = {}): StageVerdict => ({
  ...{ id: runId(n), releaseId: 'a'.repeat(64), stage: 'sandbox', verdict: 'pass', reason: 'well' },
  ...{ evidence: sha256(EVIDENCE), durationMs: 5, at: T0 + n, by: 'key:1' },
  ...more,
});

export function verdictContract(open: () => Store): void {
  const add = (verdict: StageVerdict) => {
    const entryFor = (was?: string): LedgerEntry => ({
      ...{
        at: verdict.at,
        actor: 'key:1',
        action: 'release.judged',
        entity: 'release',
        id: verdict.releaseId,
      },
      set: { [verdict.stage]: verdict.verdict },
      ...(was !== undefined && { was: { [verdict.stage]: was } }),
    });
    return open().addVerdict(verdict, EVIDENCE, entryFor);
  };

  describe('verdicts of the validation pipeline', () => {
    it('tell what their stage said before', async () => {
      for (const [n, verdict] of (['pass', 'fail', 'pass'] as const).entries())
        await add(verdictOf(n, { verdict }));
      await add(verdictOf(9, { stage: 'resources' }));
      const entries = (await open().ledger(0, 100)).map(({ body }) => JSON.parse(body) as LedgerEntry);
      const { stage } = verdictOf(1);
      expect(entries.map(({ was }) => was?.[stage])).toEqual([undefined, 'pass', 'fail', undefined]);
    });

    it('are kept as they were told, newest first, with their evidence and an entry each', async () => {
      const profile = { bootMs: 300.5, cpuMs: 200, peakRssBytes: 90_000_000, machine: 'one' };
      const schemas = { input: { type: 'object', required: ['a'] } };
      const told = [
        verdictOf(1),
        verdictOf(3, { stage: 'resources', profile }),
        verdictOf(2, { stage: 'contract', schemas, verdict: 'inconclusive' }),
        verdictOf(4, { releaseId: 'b'.repeat(64) }),
      ];
      for (const verdict of told) await add(verdict);
      const [first, second, third] = told;
      await expect(open().verdictsOf('a'.repeat(64), 9)).resolves.toEqual([second, third, first]);
      await expect(open().verdictsOf('a'.repeat(64), 1)).resolves.toEqual([second]);
      await expect(open().verdictsOf('c'.repeat(64), 9)).resolves.toEqual([]);
      expect((await open().releasePart(sha256(EVIDENCE)))?.equals(EVIDENCE)).toBe(true);
      const entries = await open().ledger(0, 100);
      expect(entries).toHaveLength(told.length);
      expect(verifyChain(entries)).toEqual({ ok: true, entries: told.length });
    });
  });
}
