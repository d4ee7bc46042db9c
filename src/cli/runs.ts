/** `reveille runs`: list runs, look at one, start, cancel and rerun. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { RUN_STATUSES } from '../domain/run';
import { RunSummary, RunView } from '../http/views/run';
import { apiOf, overApi, type ApiOptions } from './client';
import { whole } from './options';
import { print, printJson, table, terminalWidth } from './output';
import { runIdOf } from './runs/find';
import { columns, heading, stepColumns } from './runs/text';
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
    .addCommand(startCommand())
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

function startCommand(): Command {
  return overApi(new Command('start'))
    .description('start a run of a workflow')
    .argument('<workflow>', 'its id')
    .option('--input <json>', "an object, merged over the workflow's own input", jsonObject)
    .option('--priority <number>', 'within the bounds of the workflow', whole(-1_000, 1_000))
    .action(async (workflow: string, _own: unknown, command: Command) => {
      const { input, priority, ...options } = command.optsWithGlobals<
        ApiOptions & { input?: object; priority?: number }
      >();
      const body = { ...(input && { input }), ...(priority !== undefined && { priority }) };
      const path = `/workflows/${encodeURIComponent(workflow)}/runs`;
      show(await apiOf(options).post(path, RunView, { body }), options);
    });
}

function cancelCommand(): Command {
  return overApi(new Command('cancel'))
    .description('cancel a run; once more, and its last steps are given up, too')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .option('--reason <text>', 'kept with the run')
    .action(async (run: string, _own: unknown, command: Command) => {
      const { reason, ...options } = command.optsWithGlobals<ApiOptions & { reason?: string }>();
      const api = apiOf(options);
      const body = reason === undefined ? {} : { reason };
      show(await api.post(`/runs/${await runIdOf(api, run)}/cancel`, RunView, { body }), options);
    });
}

function rerunCommand(): Command {
  return overApi(new Command('rerun'))
    .description('start a run again; what comes before the step is taken over')
    .argument('<run>', 'its id, or the beginning of it; `last` is the newest')
    .option('--from <step>', 'the first step to do again; default: the first that did not succeed')
    .option('--input <json>', 'an object, merged over the input it had', jsonObject)
    .action(async (run: string, _own: unknown, command: Command) => {
      const { from, input, ...options } = command.optsWithGlobals<
        ApiOptions & { from?: string; input?: object }
      >();
      const api = apiOf(options);
      const body = { ...(from !== undefined && { fromStep: from }), ...(input && { input }) };
      show(await api.post(`/runs/${await runIdOf(api, run)}/rerun`, RunView, { body }), options);
    });
}

function show(run: RunView, { json }: ApiOptions): void {
  if (json) return printJson(run);
  const paint = paintFor(process.stdout, process.env);
  for (const line of heading(run, paint)) print(line);
  print();
  for (const line of table(run.steps, stepColumns(paint), terminalWidth(), paint.dim)) print(line);
}

function jsonObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('it is not JSON; quote it for the shell, e.g. \'{"site":"example.com"}\'');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidArgumentError('give a JSON object, e.g. \'{"site":"example.com"}\'');
}
