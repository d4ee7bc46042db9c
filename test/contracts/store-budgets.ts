import { budgetId, type BudgetName } from '../../src/domain/budget';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { LedgerAction } from '../../src/domain/ledger/actions';
import type { MoneyChange } from '../../src/store/budgets';
import type { Change, Store } from '../../src/store/store';
import {
  activityOf,
  committed,
  create,
  declareAwake,
  lease,
  leases,
  newRun,
  runId,
  shiftOf,
  onCapsule,
  awake,
  STEP,
  T0,
  verdict,
} from './store-fixtures';

const ID = 'crawler';
const AGENT = `agent-${ID}`;
const TODAY = { day: '2026-03-01', month: '2026-03' };
const TOMORROW = { day: '2026-03-02', month: '2026-03' };
const DAILY: BudgetName = { measure: 'usd', scope: 'installation', subject: '', period: 'day' };
const CAP: BudgetName = { measure: 'actions', scope: 'platform', subject: 'x.com', period: 'day' };

const entryOf = (action: LedgerAction, id: string): LedgerEntry => ({
  at: T0,
  actor: 'key:1',
  action,
  entity: 'budget',
  id,
  set: { at: action },
});

const money = (n: number, more: Partial<MoneyChange> = {}): MoneyChange => ({
  runId: runId(n),
  workflowId: 'audit',
  ...TODAY,
  ...more,
});

const demand = (estimate: number, price = 0, attempt = 1) => ({
  demands: [{ stepId: STEP, attempt, agentId: AGENT, estimate: String(estimate), price: String(price) }],
});

const spend = (cost: number, actions: Array<{ type: string; platform?: string }> = [], attempt = 1) => ({
  spends: [
    {
      ...{ stepId: STEP, attempt, agentId: AGENT, cost: String(cost) },
      actions: actions.flatMap(({ type, platform }) => [
        { scope: 'all' as const, subject: '', count: 1 },
        { scope: 'action-type' as const, subject: type, count: 1 },
        ...(platform === undefined ? [] : [{ scope: 'platform' as const, subject: platform, count: 1 }]),
      ]),
    },
  ],
});

export function budgetContract(open: () => Store): void {
  describe('budgets', () => {
    const declare = (name: BudgetName, amount: bigint | undefined) =>
      open().declareBudget(
        { ...name, ...(amount !== undefined && { declared: amount }) },
        entryOf('budget.declared', budgetId(name)),
      );
    const set = (name: BudgetName, amount: bigint) =>
      open().setBudget({ ...name, assigned: amount }, entryOf('budget.set', budgetId(name)));
    const asks = (n: number, estimate: number, at = T0 + n): Change => ({
      ...leases(n, [lease('request', ID)], at),
      money: money(n, demand(estimate)),
    });
    const grants = (n: number, estimate: number, more: { price?: number; at?: number } = {}): Change => ({
      ...leases(n, [lease('grant', ID)], more.at ?? T0),
      money: money(n, demand(estimate, more.price)),
    });
    const releases = (n: number, at = T0, more: Partial<MoneyChange> = {}): Change => ({
      ...leases(n, [lease('release', ID)], at),
      money: money(n, more),
    });
    const uses = async (keys = TODAY) =>
      (await open().budgetUses(keys)).map((u) => [budgetId(u.budget), u.key, u.spent, u.reserved, u.raised]);
    const daily = async (keys = TODAY) => {
      const [use] = await open().budgetUses(keys);
      return use && [use.spent, use.reserved];
    };

    test('a declaration is kept once; what a person sets goes before it; without either it is gone', async () => {
      await declare(DAILY, 10n);
      await declare(DAILY, 10n);
      await set(DAILY, 4n);
      expect(await open().budgetUses(TODAY)).toEqual([
        {
          budget: { ...DAILY, declared: 10n, assigned: 4n },
          key: TODAY.day,
          raised: 0n,
          spent: 0n,
          reserved: 0n,
        },
      ]);
      await open().setBudget(DAILY, entryOf('budget.set', 'x'));
      await declare(DAILY, undefined);
      expect(await uses()).toEqual([]);
      const told = (await open().ledger(0, 100)).map((e) => (JSON.parse(e.body) as LedgerEntry).action);
      expect(told).toEqual(['budget.declared', 'budget.set', 'budget.set', 'budget.declared']);
    });

    test('a grant reserves, its release gives back, what the result tells is spent', async () => {
      await declare(DAILY, 10n);
      await declareAwake(open(), ID, { slots: 5 });
      await committed(open(), grants(1, 6));
      expect(await daily()).toEqual([0n, 6n]);
      await expect(verdict(open(), grants(2, 5))).resolves.toBe('held');
      await expect(verdict(open(), grants(2, 4))).resolves.toBe('ok');
      await committed(open(), releases(1, T0 + 5, spend(3)));
      expect(await daily()).toEqual([3n, 4n]);
      await committed(open(), releases(2));
      expect(await daily()).toEqual([3n, 0n]);
      expect(await uses(TOMORROW)).toEqual([[budgetId(DAILY), TOMORROW.day, 0n, 0n, 0n]]);
    });

    test('grants of one change are looked at together', async () => {
      await declare(DAILY, 10n);
      await declareAwake(open(), ID, { slots: 5 });
      const two = (estimate: number): Change => ({
        ...leases(1, [lease('grant', ID), { ...lease('grant', ID), stepId: 'other' }]),
        money: money(1, {
          demands: [
            ...demand(estimate).demands,
            ...demand(estimate).demands.map((d) => ({ ...d, stepId: 'other' })),
          ],
        }),
      });
      await expect(verdict(open(), two(6))).resolves.toBe('held');
      await expect(verdict(open(), two(5))).resolves.toBe('ok');
      expect(await daily()).toEqual([0n, 10n]);
    });

    test('who waits has reserved or is held; a raise, money given back, or the next day lets it go on', async () => {
      await declare(DAILY, 10n);
      await declareAwake(open(), ID, { slots: 1 });
      for (const n of [1, 2, 3]) await committed(open(), asks(n, 5));
      expect(await daily()).toEqual([0n, 10n]);
      expect((await activityOf(open(), ID)).waiting).toBe(2);
      const held = await open().heldLeases(10);
      expect(
        held.map((h) => [h.runId, h.stepId, h.estimate, budgetId(h.use.budget), h.use.reserved]),
      ).toEqual([[runId(3), STEP, 5n, budgetId(DAILY), 10n]]);
      expect(await open().heldLeases(10, runId(1))).toEqual([]);
      await expect(open().retryHeld(TODAY)).resolves.toEqual([]);
      await open().raiseBudget(budgetId(DAILY), TODAY.day, 5n, (total) => {
        expect(total).toBe(5n);
        return entryOf('budget.raised', 'x');
      });
      await expect(open().retryHeld(TODAY)).resolves.toEqual([ID]);
      expect(await uses()).toEqual([[budgetId(DAILY), TODAY.day, 0n, 15n, 5n]]);
      await committed(open(), asks(4, 5));
      await expect(open().retryHeld(TOMORROW)).resolves.toEqual([ID]);
      expect(await daily(TOMORROW)).toEqual([0n, 5n]);
      for (const n of [1, 2, 3, 4]) await committed(open(), releases(n));
      expect([await daily(), await daily(TOMORROW)]).toEqual([
        [0n, 0n],
        [0n, 0n],
      ]);
    });

    test('who is held is not in the line: those behind it are served, and nothing is woken for it', async () => {
      await declare({ ...DAILY, scope: 'workflow', subject: 'audit' }, 1n);
      await declareAwake(open(), ID, { slots: 2 });
      await committed(open(), asks(1, 5));
      const other = { ...asks(2, 5), money: { ...money(2, demand(5)), workflowId: 'other' } };
      await committed(open(), other);
      expect((await open().grantable(ID)).map((r) => r.runId)).toEqual([runId(2)]);
      await committed(open(), releases(2));
      expect((await activityOf(open(), ID)).waiting).toBe(0);
      await expect(verdict(open(), grants(1, 5))).resolves.toBe('held');
    });

    test('a held one that is granted by nobody is not forgotten when its budget is taken away', async () => {
      await declare(DAILY, 1n);
      await declareAwake(open(), ID);
      await committed(open(), asks(1, 5));
      await declare(DAILY, undefined);
      expect((await open().grantable(ID)).map((r) => r.runId)).toEqual([runId(1)]);
      await committed(open(), grants(1, 5));
    });

    test('by run, the runs of its steps count for it, under its workflow as under theirs', async () => {
      const PER_RUN: BudgetName = { ...DAILY, period: 'per-run', scope: 'workflow', subject: 'audit' };
      await declare(PER_RUN, 10n);
      await declareAwake(open(), ID, { slots: 9 });
      await committed(open(), create(newRun(1)));
      const child = { kind: 'step' as const, runId: runId(1), stepId: STEP, attempt: 1, index: 0 };
      await committed(open(), create(newRun(2, { workflowId: 'part', trigger: child })));
      const part = (n: number, parent: number, estimate: number): Change => ({
        ...grants(n, estimate),
        money: money(n, { ...demand(estimate), workflowId: 'part', parentId: runId(parent) }),
      });
      await committed(open(), part(2, 1, 6));
      await expect(verdict(open(), part(3, 2, 5))).resolves.toBe('held');
      await expect(verdict(open(), part(3, 2, 4))).resolves.toBe('ok');
      expect(await uses()).toEqual([[budgetId(PER_RUN), runId(1), 0n, 10n, 0n]]);
    });

    test('the time of a lease counts at its price; booking its shift puts that right', async () => {
      await declare(DAILY, 1_000n);
      await declareAwake(open(), ID);
      await committed(open(), grants(1, 500, { price: 2, at: T0 }));
      await committed(open(), releases(1, T0 + 100));
      expect(await daily()).toEqual([200n, 0n]);
      const shift = shiftOf(ID, 1, T0 - 100, { healthyAt: T0, zeroAt: T0 + 200 });
      await committed(open(), await onCapsule(open(), { ...awake(ID), status: 'asleep' }, { shift }));
      const [worked] = await open().unbookedShifts(5);
      expect(worked?.leases).toHaveLength(1);
      const figures = {
        bootMs: 0,
        prewarmMs: 0,
        workMs: 0,
        lingerMs: 0,
        drainMs: 0,
        wastedMs: 0,
        unpricedMs: 0,
      };
      const tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCost: 0n };
      const step = {
        runId: runId(1),
        stepId: STEP,
        model: '',
        figures: { ...figures, ...tokens, capsuleCost: 350n },
      };
      await expect(open().bookShift(shift, { steps: [step], totals: [] })).resolves.toBe(true);
      expect(await daily()).toEqual([350n, 0n]);
      expect((await open().learnedCosts()).get(AGENT)?.ms).toEqual([100]);
    });

    test('actions are counted where they are told; a reached cap holds whoever acts there', async () => {
      await declare(CAP, 2n);
      await declareAwake(open(), ID, { slots: 5 });
      const post = { type: 'post', platform: 'x.com' };
      await committed(open(), grants(1, 0));
      await committed(open(), releases(1, T0, spend(0, [post])));
      await committed(open(), grants(2, 0));
      await committed(open(), {
        at: T0,
        ledger: [],
        money: money(2, { ...spend(0, [{ type: 'mail' }]), ...TODAY }),
      });
      expect(await uses()).toEqual([[budgetId(CAP), TODAY.day, 1n, 0n, 0n]]);
      await committed(open(), { at: T0, ledger: [], money: money(2, { ...spend(0, [post]), ...TODAY }) });
      await expect(verdict(open(), grants(3, 0))).resolves.toBe('held');
      const stranger = { demands: demand(0).demands.map((d) => ({ ...d, agentId: 'other' })) };
      await expect(verdict(open(), { ...grants(3, 0), money: money(3, stranger) })).resolves.toBe('ok');
    });

    test('without budgets nothing is kept', async () => {
      await declareAwake(open(), ID, { slots: 5 });
      await committed(open(), grants(1, 5, { price: 1 }));
      await committed(open(), asks(2, 5));
      await committed(open(), releases(1, T0 + 9));
      expect([await uses(), await open().heldLeases(5), (await open().learnedCosts()).size]).toEqual([
        [],
        [],
        0,
      ]);
      expect((await open().grantable(ID)).map((r) => r.runId)).toEqual([runId(2)]);
    });
  });
}
