/** Many orchestrators at one budget: whatever the order, it is never overspent, and nothing stays reserved. */
import fc from 'fast-check';
import type { BudgetName } from '../../src/domain/budget';
import { openPostgresStore } from '../../src/store/postgres';
import { createMemoryStore } from '../../src/store/memory';
import type { Change, Store } from '../../src/store/store';
import {
  committed,
  declareAwake,
  lease,
  leases,
  runId,
  STEP,
  T0,
  verdict,
} from '../contracts/store-fixtures';
import { createDatabase } from '../support/database';

const ID = 'crawler';
const BUDGETS: BudgetName[] = [
  { measure: 'usd', scope: 'installation', subject: '', period: 'day' },
  { measure: 'usd', scope: 'agent', subject: 'a', period: 'month' },
];
const entry = { at: T0, actor: 't', action: 'budget.declared', entity: 'budget', id: 'b', set: {} } as const;

const money = (n: number) => ({ runId: runId(n), workflowId: 'w', day: '2026-03-01', month: '2026-03' });
const demand = (estimate: number) => [
  { stepId: STEP, attempt: 1, agentId: 'a', estimate: `${estimate}`, price: '0' },
];
const ask = (op: 'request' | 'grant', n: number, estimate: number): Change => ({
  ...leases(n, [lease(op, ID)]),
  money: { ...money(n), demands: demand(estimate) },
});
const release = (n: number, cost?: number): Change => ({
  ...leases(n, [lease('release', ID)]),
  money: {
    ...money(n),
    ...(cost !== undefined && {
      spends: [{ stepId: STEP, attempt: 1, agentId: 'a', cost: `${cost}`, actions: [] }],
    }),
  },
});
const declare = async (store: Store, amount: bigint) => {
  for (const name of BUDGETS) await store.declareBudget({ ...name, declared: amount }, entry);
  await declareAwake(store, ID, { slots: 1_000 });
};
const uses = (store: Store) => store.budgetUses(money(1));

describe('budgets under many at once', () => {
  test('200 that reserve at the same time over four connections never overspend, nor wait for each other', async () => {
    const database = await createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore(database.url)));
    const [store] = stores as [Store, ...Store[]];
    const any = (n: number): Store => stores[n % stores.length] as Store;
    try {
      await declare(store, 100n);
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => verdict(any(n), ask('grant', n, 3))),
      );
      const granted = answers.flatMap((answer, n) => (answer === 'ok' ? [n] : []));
      expect(granted).toHaveLength(33);
      expect(answers.filter((answer) => answer === 'held')).toHaveLength(167);
      for (const use of await uses(store)) expect([use.spent, use.reserved]).toEqual([0n, 99n]);
      // Meanwhile a person raises it, and somebody looks after those who are held.
      const raise = store.raiseBudget('installation:day', '2026-03-01', 1n, () => entry);
      const retries = stores.map((s) => s.retryHeld(money(1)));
      await Promise.all([raise, ...retries, ...granted.map((n) => committed(any(n), release(n, 2)))]);
      for (const use of await uses(store)) expect([use.spent, use.reserved]).toEqual([66n, 0n]);
    } finally {
      await Promise.all(stores.map((s) => s.close()));
      await database.drop();
    }
  });

  const act = fc.record({
    what: fc.constantFrom('request', 'grant', 'result', 'release', 'retry', 'raise'),
    who: fc.integer({ min: 0, max: 9 }),
    estimate: fc.integer({ min: 0, max: 40 }),
    /** In a hundredth of the estimate. */
    share: fc.integer({ min: 0, max: 100 }),
  });

  test('any order of asking, granting, settling and releasing keeps within it, and leaves nothing reserved', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const store = createMemoryStore();
        await declare(store, 100n);
        // Estimates of those who hold or wait for a lease, by who they are.
        const open = new Map<number, number>();
        for (const { what, who, estimate, share } of acts) {
          const known = open.get(who);
          if (what === 'retry') await store.retryHeld(money(1));
          else if (what === 'raise')
            await store.raiseBudget('installation:day', '2026-03-01', 1n, () => entry);
          else if (what === 'request' || what === 'grant') {
            if (known === undefined && (await verdict(store, ask(what, who, estimate))) === 'ok')
              open.set(who, estimate);
          } else if (known !== undefined) {
            const holds = (await store.holders(ID)).some((h) => h.runId === runId(who));
            const cost = what === 'result' && holds ? Math.floor((known * share) / 100) : undefined;
            await committed(store, release(who, cost));
            open.delete(who);
          }
          for (const { budget, raised, spent, reserved } of await uses(store))
            expect(spent + reserved <= (budget.declared ?? 0n) + raised).toBe(true);
        }
        for (const who of open.keys()) await committed(store, release(who));
        for (const use of await uses(store)) expect(use.reserved).toBe(0n);
      }),
      { numRuns: 200 },
    );
  });
});
