/** What the gate adds to a step on Postgres: a fresh reading of the guards, and the check in the commit. */
import { pino } from 'pino';
import { Callbacks } from '../../src/engine/callbacks';
import { Guards } from '../../src/engine/guards';
import { openPostgresStore } from '../../src/store/postgres';
import { createPool } from '../../src/store/postgres/pool';
import { median, type Figure } from '../figure';
import { startPostgres } from '../support/services';

const WARM_UP = 100;
const STEPS = 1_000;
const SCOPE = { agentId: 'writer', workflowId: 'audit' };

export const admit: Figure = {
  id: 'admit',
  measure: async (bench) => {
    const postgres = await startPostgres(bench);
    const databaseUrl = await postgres.create();
    const store = bench.cleanup.add(await openPostgresStore(databaseUrl), (s) => s.close());
    const pool = bench.cleanup.add(createPool(databaseUrl, 1), (p) => p.end());
    const clock = { now: () => Date.now(), after: () => () => undefined };
    const guards = new Guards(
      {
        ...{ store, clock, log: pino({ level: 'silent' }), newId: () => '' },
        callbacks: new Callbacks('bench', 'http://localhost/webhook'),
      },
      { raise: async () => true, resolve: async () => true },
    );
    const taken: number[] = [];
    for (let n = 0; n < WARM_UP + STEPS; n += 1) {
      // At its dearest: a permit is good for 200 ms, in which no other step reads.
      guards.forget();
      const begin = performance.now();
      const { verdict } = await guards.permit(SCOPE);
      await pool.query('SELECT check_guards($1, $2)', [SCOPE.agentId, SCOPE.workflowId]);
      if (verdict !== 'proceed') throw new Error(`the gate answers ${verdict}`);
      if (n >= WARM_UP) taken.push(performance.now() - begin);
    }
    return [
      {
        id: 'admit',
        name: 'the gate, at most: a fresh reading and the check in the commit, as two round trips',
        value: median(taken),
        unit: 'ms',
        goal: { kind: 'at-most', value: 1 },
      },
    ];
  },
};
