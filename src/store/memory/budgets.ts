/** The rules of `013_budgets.sql`, on maps. */
import {
  budgetId,
  isOver,
  keyOf,
  refuses,
  type Budget,
  type BudgetUse,
  type BudgetWho,
  type Learned,
} from '../../domain/budget';
import type { Booking } from '../../domain/cost/booking';
import type { LeaseChange } from '../../domain/decide-run';
import { isTerminal } from '../../domain/run';
import type { BudgetStore, Demand, MoneyChange } from '../budgets';
import type { Change } from '../store';
import { clone, commit } from './commit';
import { compare } from './order';
import { leaseKey, type LeaseRow, type Tables } from './tables';

/** Jobs of an agent that are remembered. */
const MAX_LEARNED = 32;
/** Those who wait that are looked at in one pass, of one kind and in all. */
const MAX_OF_KIND = 100;
const MAX_RETRIED = 1_000;

interface Sums {
  spent: bigint;
  reserved: bigint;
}

/** Whose a reservation is, and what a millisecond of its capsule costs. */
export type Who = BudgetWho & { price: bigint };

interface Reservation {
  who: Who;
  amount: bigint;
  /** Names of rows of use, as they were when it was made. */
  rows: string[];
}

export class BudgetTables {
  readonly budgets = new Map<string, Budget>();
  readonly raises = new Map<string, bigint>();
  readonly use = new Map<string, Sums>();
  readonly reservations = new Map<string, Reservation>();
  readonly acts = new Set<string>();
  readonly learned = new Map<string, { costs: bigint[]; ms: number[] }>();
}

/** What of a lease concerns money; the columns of the migration. */
export interface LeaseMoney {
  reserved?: boolean;
  demand?: Demand & MoneyChange;
  heldBy?: string;
}

const rowName = (id: string, key: string): string => JSON.stringify([id, key]);
const actName = (agent: string, scope: string, subject: string): string =>
  JSON.stringify([agent, scope, subject]);

function sumsOf(tables: Tables, name: string): Sums {
  const { use } = tables.money;
  const known = use.get(name) ?? { spent: 0n, reserved: 0n };
  use.set(name, known);
  return known;
}

function useOf(tables: Tables, budget: Budget, key: string): BudgetUse {
  const name = rowName(budgetId(budget), key);
  const { spent, reserved } = tables.money.use.get(name) ?? { spent: 0n, reserved: 0n };
  return { budget: { ...budget }, key, raised: tables.money.raises.get(name) ?? 0n, spent, reserved };
}

const inOrder = (tables: Tables): Budget[] =>
  [...tables.money.budgets].sort(([a], [b]) => compare(a, b)).map(([, budget]) => budget);

function usesOver(tables: Tables, who: BudgetWho): BudgetUse[] {
  const acts = (scope: string, subject: string) => tables.money.acts.has(actName(who.agent, scope, subject));
  return inOrder(tables)
    .filter((budget) => isOver(budget, who, acts))
    .map((budget) => useOf(tables, budget, keyOf(budget, who)));
}

/** `budget_who` of the migration. */
function whoOf(tables: Tables, money: MoneyChange, { agentId, price = '0' }: Partial<Demand>): Who {
  const { runId, workflowId, day, month } = money;
  let root = { id: runId, workflowId };
  for (let id = money.parentId, depth = 0; id !== undefined && depth < 50; depth += 1) {
    const run = tables.runs.get(id)?.state;
    if (!run) break;
    root = { id: run.id, workflowId: run.workflowId };
    id = run.trigger.kind === 'step' ? run.trigger.runId : undefined;
  }
  const own = { agent: agentId ?? '', workflow: workflowId, day, month, price: BigInt(price) };
  return { ...own, root: root.id, rootWorkflow: root.workflowId };
}

function against(
  tables: Tables,
  who: BudgetWho,
  amount: bigint,
  pending?: Map<string, bigint>,
): string | undefined {
  for (const use of usesOver(tables, who)) {
    const more = pending?.get(rowName(budgetId(use.budget), use.key)) ?? 0n;
    if (refuses({ ...use, reserved: use.reserved + more }, amount)) return budgetId(use.budget);
  }
  return undefined;
}

const moneyRows = (tables: Tables, who: BudgetWho): string[] =>
  usesOver(tables, who)
    .filter(({ budget }) => budget.measure === 'usd')
    .map(({ budget, key }) => rowName(budgetId(budget), key));

const demandOf = (money: MoneyChange, { stepId, attempt }: LeaseChange): Demand | undefined =>
  money.demands?.find((d) => d.stepId === stepId && d.attempt === attempt);

/** `check_money`: whether the grants of a change that nothing is set aside for are held. */
export function moneyHolds(tables: Tables, { money, leases }: Change): boolean {
  if (!money || tables.money.budgets.size === 0) return false;
  const pending = new Map<string, bigint>();
  for (const lease of leases?.changes ?? []) {
    const demand = lease.op === 'grant' ? demandOf(money, lease) : undefined;
    const row = tables.leases.get(leaseKey(money.runId, lease.stepId, lease.attempt));
    if (!demand || row?.reserved) continue;
    const who = whoOf(tables, money, demand);
    const amount = BigInt(demand.estimate);
    if (against(tables, who, amount, pending) !== undefined) return true;
    for (const name of moneyRows(tables, who)) pending.set(name, (pending.get(name) ?? 0n) + amount);
  }
  return false;
}

function reserve(tables: Tables, row: LeaseRow, who: Who, amount: bigint): void {
  const rows = moneyRows(tables, who);
  for (const name of rows) sumsOf(tables, name).reserved += amount;
  tables.money.reservations.set(leaseKey(row.runId, row.stepId, row.attempt), { who, amount, rows });
  row.reserved = true;
  delete row.heldBy;
}

/** `lease_money`: after a lease was asked for or granted. */
export function leaseMoney(tables: Tables, money: MoneyChange | undefined, lease: LeaseChange): void {
  const demand = money && demandOf(money, lease);
  const row = money && tables.leases.get(leaseKey(money.runId, lease.stepId, lease.attempt));
  if (!demand || !row) return;
  const { demands: _, spends: __, ...rest } = money;
  if (lease.op === 'request') row.demand = { ...demand, ...rest };
  if (tables.money.budgets.size === 0 || row.reserved) return;
  const who = whoOf(tables, money, demand);
  const amount = BigInt(demand.estimate);
  const budget = lease.op === 'request' ? against(tables, who, amount) : undefined;
  if (budget === undefined) reserve(tables, row, who, amount);
  else row.heldBy = budget;
}

function addSpent(tables: Tables, who: BudgetWho, amount: bigint): void {
  for (const name of moneyRows(tables, who)) sumsOf(tables, name).spent += amount;
}

function learn(tables: Tables, agentId: string, { cost, ms }: { cost?: bigint; ms?: number }): void {
  const known = tables.money.learned.get(agentId) ?? { costs: [], ms: [] };
  if (cost !== undefined) known.costs = [...known.costs, cost].slice(-MAX_LEARNED);
  if (ms !== undefined) known.ms = [...known.ms, ms].slice(-MAX_LEARNED);
  tables.money.learned.set(agentId, known);
}

/** `settle_money`: a lease is over. Answers what of its time was counted, and for whom. */
export function settleMoney(
  tables: Tables,
  lease: LeaseRow,
  now: number,
): { who: Who; counted: bigint } | undefined {
  const key = leaseKey(lease.runId, lease.stepId, lease.attempt);
  const known = tables.money.reservations.get(key);
  if (!known) return undefined;
  tables.money.reservations.delete(key);
  for (const name of known.rows) sumsOf(tables, name).reserved -= known.amount;
  if (lease.grantedAt === undefined) return undefined;
  const ms = Math.max(0, now - lease.grantedAt);
  const counted = known.who.price * BigInt(ms);
  if (counted > 0n) addSpent(tables, known.who, counted);
  learn(tables, known.who.agent, { ms });
  return { who: known.who, counted };
}

/** `spend_money`: what results report. */
export function spendMoney(tables: Tables, money: MoneyChange | undefined): void {
  for (const spend of money?.spends ?? []) {
    const who = whoOf(tables, money as MoneyChange, spend);
    const key = leaseKey((money as MoneyChange).runId, spend.stepId, spend.attempt);
    addSpent(tables, tables.money.reservations.get(key)?.who ?? who, BigInt(spend.cost));
    learn(tables, spend.agentId, { cost: BigInt(spend.cost) });
    for (const { scope, subject } of spend.actions)
      if (scope !== 'all') tables.money.acts.add(actName(spend.agentId, scope, subject));
    for (const { budget, key: period } of usesOver(tables, who)) {
      if (budget.measure !== 'actions') continue;
      const counted = spend.actions.find(({ scope, subject }) =>
        budget.scope === 'installation' || budget.scope === 'agent'
          ? scope === 'all'
          : scope === budget.scope && subject === budget.subject,
      );
      if (counted) sumsOf(tables, rowName(budgetId(budget), period)).spent += BigInt(counted.count);
    }
  }
}

/** Whether money is set aside for somebody who waits, or need not be. */
export const hasMoney = (tables: Tables, { reserved, demand }: LeaseMoney): boolean =>
  tables.money.budgets.size === 0 || reserved === true || demand === undefined;

/** `book_budgets`: what a shift cost beyond what was counted when its leases were released. */
export function bookBudgets(
  tables: Tables,
  leases: ReadonlyArray<{ runId: string; stepId: string; who?: Who; counted?: bigint }>,
  booking: Booking,
): void {
  if (tables.money.budgets.size === 0) return;
  const steps = new Map<string, { who: Who; more: bigint }>();
  for (const { runId, stepId, who, counted = 0n } of leases) {
    const key = leaseKey(runId, stepId, 0);
    if (who) steps.set(key, { who, more: (steps.get(key)?.more ?? 0n) - counted });
  }
  for (const { runId, stepId, figures } of booking.steps) {
    const step = steps.get(leaseKey(runId, stepId, 0));
    if (step) step.more += figures.capsuleCost;
  }
  for (const [key, { who, more }] of steps)
    if (booking.steps.some((s) => leaseKey(s.runId, s.stepId, 0) === key)) addSpent(tables, who, more);
  if (booking.steps.length > 0 || !booking.who) return;
  const idle = booking.totals.reduce((sum, { figures }) => sum + figures.capsuleCost, 0n);
  addSpent(tables, { workflow: '', root: '', rootWorkflow: '', ...booking.who }, idle);
}

const byTurn = (a: LeaseRow, b: LeaseRow): number =>
  b.priority - a.priority || a.requestedAt - b.requestedAt || compare(a.runId, b.runId);

const whoWait = (tables: Tables): LeaseRow[] =>
  [...tables.leases.values()]
    .filter((l) => l.grantedAt === undefined && !l.reserved && l.demand !== undefined)
    .sort(byTurn);

function retryHeld(tables: Tables, keys: { day: string; month: string }): string[] {
  const refused = new Set<string>();
  const seen = new Map<string, number>();
  const freed = new Set<string>();
  let looked = 0;
  for (const row of tables.money.budgets.size === 0 ? [] : whoWait(tables)) {
    const demand = row.demand as Demand & MoneyChange;
    const nth = (seen.get(`${demand.agentId}/${demand.workflowId}`) ?? 0) + 1;
    seen.set(`${demand.agentId}/${demand.workflowId}`, nth);
    if (nth > MAX_OF_KIND || (looked += 1) > MAX_RETRIED) continue;
    const who = whoOf(tables, { ...demand, ...keys }, demand);
    const kind = JSON.stringify([who.agent, who.workflow, who.rootWorkflow]);
    if (refused.has(kind)) continue;
    const budget = against(tables, who, BigInt(demand.estimate));
    if (budget === undefined) {
      reserve(tables, row, who, BigInt(demand.estimate));
      freed.add(row.capsuleId);
    } else {
      row.heldBy = budget;
      if (!budget.endsWith(':per-run')) refused.add(kind);
    }
  }
  return [...freed].sort(compare);
}

/** Writes one column of a budget, and tells it if it is new. */
function write(tables: Tables, column: 'declared' | 'assigned', budget: Budget, note: () => void): void {
  const id = budgetId(budget);
  const { [column]: amount, ...name } = budget;
  const known = tables.money.budgets.get(id);
  if (known?.[column] === amount) return;
  const { declared, assigned } =
    column === 'declared' ? { ...known, declared: amount } : { ...known, assigned: amount };
  const { measure, scope, subject, period } = name;
  if (declared === undefined && assigned === undefined) tables.money.budgets.delete(id);
  else
    tables.money.budgets.set(id, {
      ...{ measure, scope, subject, period },
      ...(declared !== undefined && { declared }),
      ...(assigned !== undefined && { assigned }),
    });
  note();
}

export function memoryBudgets(tables: Tables): BudgetStore {
  const runsOf = (id: string) =>
    [...tables.money.use.keys()]
      .map((name) => JSON.parse(name) as [string, string])
      .filter(([budget, key]) => budget === id && !isTerminal(tables.runs.get(key)?.state.status ?? 'failed'))
      .map(([, key]) => key)
      .sort(compare);
  const keysOf = (budget: Budget, keys: { day: string; month: string }): string[] => {
    if (budget.period !== 'per-run') return [keys[budget.period]];
    const runs = runsOf(budgetId(budget));
    return runs.length === 0 ? [''] : runs;
  };
  return {
    budgetUses: async (keys) =>
      inOrder(tables).flatMap((budget) => keysOf(budget, keys).map((key) => useOf(tables, budget, key))),
    learnedCosts: async (): Promise<ReadonlyMap<string, Learned>> =>
      new Map([...tables.money.learned].map(([id, l]) => [id, { costs: [...l.costs], ms: [...l.ms] }])),
    declareBudget: async (budget, entry) =>
      write(tables, 'declared', budget, () => commit(tables, { at: entry.at, ledger: [entry] })),
    setBudget: async (budget, entry) =>
      write(tables, 'assigned', budget, () => commit(tables, { at: entry.at, ledger: [entry] })),
    raiseBudget: async (id, key, by, entryFor) => {
      const name = rowName(id, key);
      const total = (tables.money.raises.get(name) ?? 0n) + by;
      tables.money.raises.set(name, total);
      const entry = entryFor(total);
      commit(tables, { at: entry.at, ledger: [entry] });
    },
    retryHeld: async (keys) => retryHeld(tables, keys),
    heldLeases: async (limit, runId) =>
      whoWait(tables)
        .filter((l) => l.heldBy !== undefined && (runId === undefined || l.runId === runId))
        .flatMap((l) => {
          const budget = tables.money.budgets.get(l.heldBy ?? '');
          const demand = l.demand as Demand & MoneyChange;
          if (!budget) return [];
          const key = keyOf(budget, whoOf(tables, demand, demand));
          const { runId: run, stepId } = l;
          return [
            { runId: run, stepId, estimate: BigInt(demand.estimate), use: useOf(tables, clone(budget), key) },
          ];
        })
        .slice(0, limit),
  };
}
