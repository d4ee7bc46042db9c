/** How fast the stored ledger is verified. */
import { ledgerBody } from '../../src/domain/ledger';
import type { LedgerEntry } from '../../src/domain/ledger';
import { verifyStretch } from '../../src/engine/audit/verify';
import { openPostgresStore } from '../../src/store/postgres';
import { median, type Figure } from '../figure';
import { startPostgres } from '../support/services';

const ENTRIES = 200_000;
const PER_COMMIT = 2_000;
const ROUNDS = 5;

const entryOf = (n: number): LedgerEntry => ({
  at: 1_700_000_000_000 + n,
  actor: 'engine',
  action: 'run.accepted',
  entity: 'run',
  id: `00000000-0000-4000-8000-${String(n % 50_000).padStart(12, '0')}`,
  set: { status: 'running', 'steps.one.status': 'running', 'steps.one.attempt': 1 },
  was: { status: 'queued', 'steps.one.status': 'dispatching' },
});

export const ledgerVerify: Figure = {
  id: 'ledger-verify',
  measure: async (bench) => {
    const postgres = await startPostgres(bench);
    const store = bench.cleanup.add(await openPostgresStore(await postgres.create()), (s) => s.close());
    for (let n = 0; n < ENTRIES; n += PER_COMMIT) {
      const ledger = Array.from({ length: PER_COMMIT }, (_, i) => entryOf(n + i));
      await store.commit({ at: n, ledger });
    }
    bench.log(`${ENTRIES} entries of ${ledgerBody(entryOf(1)).length} bytes`);
    const rates: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const begin = performance.now();
      const before = process.cpuUsage();
      const { complete, entries, findings } = await verifyStretch({ store, clock: Date });
      if (!complete || entries !== ENTRIES || findings.length > 0) throw new Error('the ledger is not whole');
      rates.push((entries * 1_000) / (performance.now() - begin));
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / entries);
    }
    return [
      {
        id: 'ledger-verify',
        name: 'verification of the stored ledger',
        value: median(rates),
        unit: 'entries/s',
        goal: { kind: 'at-least', value: 100_000 },
      },
      {
        ...{ id: 'ledger-verify-cpu', name: '  CPU of who verifies, per entry', unit: 'µs' },
        value: median(cpu),
      },
    ];
  },
};
