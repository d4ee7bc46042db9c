/** Budgets and caps: how they stand, and a person's word on them. */
import { z } from 'zod';
import { budgetId, parseBudgetId, type BudgetName, type Measure } from '../../domain/budget';
import { ofUsd } from '../../domain/cost/money';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, name, shape, runId } from '../schema';
import { BudgetView, budgetView } from '../views/budget';
import { switchMessage } from './switches';

const tag = 'safety';
const MAX_AMOUNT = 1_000_000_000;

const listOf =
  (measure: Measure) =>
  async (_: unknown, { engine, store, clock }: AppDeps) => {
    const { zone, keys } = engine.budgets;
    const uses = (await store.budgetUses(keys)).filter(({ budget }) => budget.measure === measure);
    return json({ zone, items: uses.map((use) => budgetView(use, zone, clock.now())) });
  };

const list = z.object({
  zone: z.string().describe('The time zone in which days and months begin.'),
  items: z.array(BudgetView),
});
const params = z.object({ budgetId: idText });
const reason = switchMessage.optional().describe('For the ledger.');

export const listBudgets = route({
  method: 'get',
  path: '/budgets',
  operationId: 'listBudgets',
  tag,
  summary: 'Budgets, and how they stand in the present period',
  description: 'Amounts are US dollars. Of budgets by run: a hundred runs at most, those that used most.',
  access: 'viewer',
  responses: { 200: { description: 'All of them.', schema: name('BudgetList', list) } },
  problems: [],
  handle: listOf('usd'),
});

export const listCaps = route({
  method: 'get',
  path: '/caps',
  operationId: 'listCaps',
  tag,
  summary: 'Caps on actions, and how many were taken today',
  access: 'viewer',
  responses: { 200: { description: 'All of them.', schema: list } },
  problems: [],
  handle: listOf('actions'),
});

export const raiseBudget = route({
  method: 'post',
  path: '/budgets/:budgetId/raise',
  operationId: 'raiseBudget',
  tag,
  summary: 'Allow more in the present period',
  description:
    'Adds to a budget or a cap until its day or month ends, or for one run. What it held goes on at once.',
  access: 'operator',
  params,
  body: shape('RaiseBudget', () =>
    z.strictObject({
      by: z.number().positive().max(MAX_AMOUNT).describe('US dollars; of a cap, actions.'),
      run: runId.optional().describe('Of a budget by run: which one.'),
      reason,
    }),
  ),
  responses: { 200: { description: 'As it stands now.', schema: BudgetView } },
  problems: ['budget-not-found'],
  handle: async ({ params: { budgetId: id }, body, actor }, deps) => {
    const budget = await known(id, deps);
    const key = keyOf(budget, body.run, deps);
    const by = amountOf(budget, body.by, 'by');
    await deps.engine.budgets.raise(budget, key, by, actor, body.reason);
    return json(await viewOf(budget, key, deps));
  },
});

export const setBudget = route({
  method: 'post',
  path: '/budgets/:budgetId/set',
  operationId: 'setBudget',
  tag,
  summary: 'Set a budget or a cap',
  description:
    'Goes before what the registry declares, from now on and in every period; null takes it back. Makes it where it is none.',
  access: 'operator',
  params,
  body: shape('SetBudget', () =>
    z.strictObject({
      amount: z.number().min(0).max(MAX_AMOUNT).nullable().describe('US dollars; of a cap, actions.'),
      reason,
    }),
  ),
  responses: {
    200: { description: 'As it stands now; null where no limit is left.', schema: BudgetView.nullable() },
  },
  problems: ['budget-not-found'],
  handle: async ({ params: { budgetId: id }, body, actor }, deps) => {
    const budget = parsed(id);
    mustExist(budget, deps);
    const amount = body.amount === null ? undefined : amountOf(budget, body.amount, 'amount');
    await deps.engine.budgets.set(budget, amount, actor, body.reason);
    return json(await viewOf(budget, undefined, deps));
  },
});

function parsed(id: string): BudgetName {
  const budget = parseBudgetId(id);
  if (!budget) throw new Problem('budget-not-found', { detail: `"${id}" is no name of a budget or a cap.` });
  return budget;
}

/** A slip in a name would limit nothing, and look as if it did. */
function mustExist({ scope, subject }: BudgetName, { registry }: AppDeps): void {
  const missing =
    (scope === 'agent' && !registry.findAgent(subject)) ||
    (scope === 'workflow' && !registry.findWorkflow(subject));
  if (missing) throw new Problem('budget-not-found', { detail: `There is no ${scope} "${subject}".` });
}

async function known(id: string, { store, engine }: AppDeps): Promise<BudgetName> {
  const name = parsed(id);
  const uses = await store.budgetUses(engine.budgets.keys);
  if (uses.some(({ budget }) => budgetId(budget) === id)) return name;
  throw new Problem('budget-not-found', { detail: `"${id}" has no limit that could be raised; set one.` });
}

function keyOf({ period, scope, subject }: BudgetName, run: string | undefined, { engine }: AppDeps): string {
  if (period !== 'per-run') return engine.budgets.keys[period];
  if (scope === 'run') return subject;
  return run ?? refuse('run', 'name the run for which it is raised');
}

function amountOf({ measure }: BudgetName, amount: number, field: string): bigint {
  if (measure === 'usd') return ofUsd(amount);
  return Number.isInteger(amount) ? BigInt(amount) : refuse(field, 'a cap is a whole number of actions');
}

async function viewOf(name: BudgetName, key: string | undefined, { store, engine, clock }: AppDeps) {
  const { keys, zone } = engine.budgets;
  const uses = (await store.budgetUses(keys)).filter(({ budget }) => budgetId(budget) === budgetId(name));
  const use = uses.find((u) => u.key === key) ?? uses[0];
  return use ? budgetView(use, zone, clock.now()) : null;
}

function refuse(field: string, message: string): never {
  const at = `body.${field}`;
  throw new Problem('invalid-request', { detail: `${at}: ${message}`, errors: [{ field: at, message }] });
}
