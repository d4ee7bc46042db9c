/** `reveille runs`: list runs, look at one, start, cancel and rerun. */
import { Command, Option } from 'commander';
import { RUN_STATUSES } from '../domain/run';
import { RunSummary, RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { whole } from './options';
import { print, printJson, table, terminalWidth } from './output';
import { runIdOf } from './runs/find';
import { show } from './runs/show';
import { columns } from './runs/text';
import { cancelCommand } from './cancel';
import { rerunCommand } from './rerun';
import { startCommand } from './start';
import { paintFor } from './terminal';

const DEFAULT_COUNT = 20;

interface ListOptions extends ApiOptions {
  workflow?: string;
  status?: string;
  number: number;
}

export function runsCommand(): Command {
  return overApi(new Command('runs'))
    .description('list runs, newest first')
    .option('--workflow <id>', 'only runs of this workflow')
    .addOption(new Option('--status <status>', 'only these').choices(RUN_STATUSES))
    .option('-n, --number <count>', 'how many', whole(1, 1_000), DEFAULT_COUNT)
    .action((options: ListOptions) => list(options))
    .addCommand(showCommand())
    .addCommand(startCommand('start'))
    .addCommand(cancelCommand())
    .addCommand(rerunCommand());
}

async function list({ workflow, status, number, ...options }: ListOptions): Promise<void> {
  const items: RunSummary[] = [];
  const query = { workflowId: workflow, status };
  for await (const run of apiOf(options).items('/runs', RunSummary, query, number)) items.push(run);
  if (options.json) return items.forEach(printJson);
  const paint = paintFor(process.stdout, process.env);
  if (items.length === 0) return print(paint.dim('There is no such run.'));
  for (const line of table(items, columns(paint), terminalWidth(), paint.dim)) print(line);
}

function showCommand(): Command {
  return overApi(new Command('show'))
    .description('show a run with its steps, and why it does not move')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .action(async (run: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<ApiOptions>();
      const api = apiOf(options);
      show(await api.get(`/runs/${await runIdOf(api, run)}`, RunView), options);
    });
}
