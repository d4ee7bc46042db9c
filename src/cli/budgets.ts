/** `reveille budgets`: how budgets and caps stand, raising and setting them. */
import { Command } from 'commander';
import { z } from 'zod';
import { BudgetView } from '../http/views/budget';
import { apiOf, overApi, type ApiOptions } from './client';
import { UsageError } from './exit';
import { print, printable, printJson } from './output';

type Seen = z.infer<typeof BudgetView>;

const List = z.object({ zone: z.string(), items: z.array(BudgetView) });

interface RaiseOptions extends ApiOptions {
  run?: string;
  reason?: string;
}

export const budgetsCommand = (): Command =>
  new Command('budgets')
    .description('how much may be spent and done, and how much is left')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(raiseCommand())
    .addCommand(setCommand());

const listCommand = (): Command =>
  overApi(
    new Command('list').description('list budgets and caps with what is spent, reserved and left'),
  ).action(async (options: ApiOptions) => {
    const api = apiOf(options);
    const lists = await Promise.all([api.get('/budgets', List), api.get('/caps', List)]);
    const items = lists.flatMap((list) => list.items);
    if (options.json) return items.forEach((item) => printJson(item));
    if (items.length === 0)
      return print('Nothing is limited. Set a limit: reveille budgets set installation:day 25');
    for (const item of items) print(printable(line(item)));
    print(`Days and months begin at midnight in ${lists[0].zone}.`);
  });

const raiseCommand = (): Command =>
  overApi(
    new Command('raise')
      .description('allow more until the day or the month ends, or for one run; what was held goes on')
      .argument('<budget>', 'its id, as `reveille budgets` and `reveille why` name it')
      .argument('<amount>', 'US dollars; of a cap, actions')
      .option('--run <id>', 'of a budget by run: which one')
      .option('--reason <text>', 'for the ledger'),
  ).action(async (id: string, amount: string, { run, reason, ...options }: RaiseOptions) => {
    const body = {
      by: amountOf(amount),
      ...(run !== undefined && { run }),
      ...(reason !== undefined && { reason }),
    };
    show(
      await apiOf(options).post(`/budgets/${encodeURIComponent(id)}/raise`, BudgetView, { body }),
      options,
    );
  });

const setCommand = (): Command =>
  overApi(
    new Command('set')
      .description('set a budget or a cap from now on; `declared` leaves it to the registry again')
      .argument(
        '<budget>',
        'such as installation:day, agent:writer:month, workflow:audit:per-run, cap:platform:x.com',
      )
      .argument('<amount>', 'US dollars; of a cap, actions; or `declared`')
      .option('--reason <text>', 'for the ledger'),
  ).action(async (id: string, amount: string, { reason, ...options }: RaiseOptions) => {
    const body = {
      amount: amount === 'declared' ? null : amountOf(amount),
      ...(reason !== undefined && { reason }),
    };
    const path = `/budgets/${encodeURIComponent(id)}/set`;
    const seen = await apiOf(options).post(path, BudgetView.nullable(), { body });
    if (seen) return show(seen, options);
    if (options.json) printJson(null);
    else print('No limit is left.');
  });

function show(seen: Seen, { json }: ApiOptions): void {
  if (json) printJson(seen);
  else print(printable(line(seen)));
}

/** @throws UsageError when it is no amount */
function amountOf(text: string): number {
  const amount = Number(text);
  if (text.trim() === '' || !Number.isFinite(amount) || amount < 0)
    throw new UsageError(`"${text}" is no amount: write a number such as 5 or 0.25.`);
  return amount;
}

function line(seen: Seen): string {
  const unit = seen.id.startsWith('cap:') ? 'actions' : 'USD';
  const when = seen.key === null ? '' : ` (${seen.key})`;
  const reserved = Number(seen.reserved) > 0 ? `, ${short(seen.reserved)} reserved` : '';
  const raised = Number(seen.raised) > 0 ? `, raised by ${short(seen.raised)}` : '';
  return `${seen.id}${when}: ${short(seen.spent)} of ${short(seen.allowed)} ${unit} spent (${seen.percent} %)${reserved}${raised}, ${short(seen.left)} left`;
}

/** Without the zeros at its end, two decimals at least; counts as they are. */
const short = (amount: string): string => amount.replace(/(\.\d\d\d*?)0+$/, '$1');
