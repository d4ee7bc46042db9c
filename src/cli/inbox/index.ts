/** `reveille inbox`: what agents delivered, at an orchestrator or on this machine. */
import { Command, Option } from 'commander';
import { z } from 'zod';
import { DELIVERY_VERDICTS } from '../../store/deliveries';
import { DeliverySummaryView, DeliveryView } from '../../http/views/delivery';
import { ApiProblem, apiOf, overApi, type ApiClient, type ApiOptions } from '../client';
import { confirmed } from '../confirm';
import { CliError, EXIT, UsageError } from '../exit';
import { port, whole } from '../options';
import { counted, print, printJson, table, terminalWidth } from '../output';
import { interrupted } from '../signals';
import { paintFor } from '../terminal';
import { follow } from './follow';
import { sendElsewhere } from './replay';
import { serve } from './serve';
import { columns, detail } from './text';

const DEFAULT_COUNT = 20;
/** A shortened id is looked for among so many. */
const MAX_LOOKED_AT = 2_000;
const DEFAULT_SERVE_PORT = 4_000;

export interface ListOptions extends ApiOptions {
  bin?: string;
  verdict?: string;
  number: number;
  follow: boolean;
}

export function inboxCommand(): Command {
  const command = overApi(new Command('inbox'))
    .description('list what agents delivered, newest first')
    .option('--bin <name>', 'only this bin; `webhook` is what came to /webhook')
    .addOption(new Option('--verdict <verdict>', 'only these').choices(DELIVERY_VERDICTS))
    .option('-n, --number <count>', 'how many', whole(1, 1_000), DEFAULT_COUNT)
    .option('-f, --follow', 'go on with what comes, until Ctrl-C', false)
    .action((options: ListOptions) => list(options));
  return command
    .addCommand(showCommand())
    .addCommand(replayCommand())
    .addCommand(clearCommand())
    .addCommand(serveCommand());
}

async function list(options: ListOptions): Promise<void> {
  const api = apiOf(options);
  const { bin, verdict, number, json } = options;
  if (options.follow) return follow(api, options, interrupted());
  const items = await collect(api.items('/inbox', DeliverySummaryView, { bin, verdict }, number));
  if (json) return items.forEach(printJson);
  const paint = paintFor(process.stdout, process.env);
  if (items.length === 0) return print(paint.dim('Nothing was delivered there in the last day.'));
  for (const line of table(items, columns(paint), terminalWidth(), paint.dim)) print(line);
}

function showCommand(): Command {
  return overApi(new Command('show'))
    .description('show a delivery with its verdicts, headers and body')
    .argument('<id>', 'its id, or the beginning of it; `last` is the newest')
    .action(async (id: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<ApiOptions>();
      const found = await deliveryOf(apiOf(options), id);
      if (options.json) return printJson(found);
      for (const line of detail(found, paintFor(process.stdout, process.env))) print(line);
    });
}

const Replayed = z.object({
  status: z.enum(['settled', 'duplicate', 'late']),
  runId: z.string(),
  stepId: z.string(),
  attempt: z.number(),
});
const MEANING = {
  settled: 'it counts now',
  duplicate: 'it was known already, nothing changed',
  late: 'the attempt was over; recorded, nothing else changed',
};

function replayCommand(): Command {
  return overApi(new Command('replay'))
    .description('apply an authentic result again, or send a delivery elsewhere')
    .argument('<id>', 'its id, or the beginning of it; `last` is the newest')
    .option('--to <url>', 'send it there, from this machine, instead')
    .action(async (id: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<ApiOptions & { to?: string }>();
      const api = apiOf(options);
      const found = await deliveryOf(api, id);
      if (options.to !== undefined) {
        process.exitCode = await sendElsewhere(found, options.to, options.json);
        return;
      }
      const done = await api.post(`/inbox/${found.id}/replay`, Replayed);
      if (options.json) return printJson(done);
      const { status, runId, stepId, attempt } = done;
      print(`${status}: ${MEANING[status]} (run ${runId}, step ${stepId}, attempt ${attempt})`);
    });
}

function clearCommand(): Command {
  return overApi(new Command('clear'))
    .description('remove the deliveries of a bin, or all')
    .option('--bin <name>', 'only this bin')
    .option('-y, --yes', 'do not ask', false)
    .action(async (_own: unknown, command: Command) => {
      const options = command.optsWithGlobals<ApiOptions & { bin?: string; yes: boolean }>();
      const which = options.bin === undefined ? 'all deliveries' : `the deliveries of ${options.bin}`;
      await confirmed(`Remove ${which}?`, options.yes);
      const query = { bin: options.bin };
      const done = await apiOf(options).delete('/inbox', z.object({ removed: z.number() }), { query });
      if (options.json) return printJson(done);
      print(`${counted(done.removed, 'delivery', 'deliveries')} removed`);
    });
}

function serveCommand(): Command {
  return new Command('serve')
    .description('an inbox on this machine, without an orchestrator')
    .option('--port <port>', 'where it listens', port, DEFAULT_SERVE_PORT)
    .option('--host <address>', 'at which address; 0.0.0.0 for every one', '127.0.0.1')
    .option('--json', 'print each delivery as a line of JSON', false)
    .addHelpText('after', '\nAGENT_SECRET, when set, is what signatures are checked with.')
    .action(async (_own: unknown, command: Command) => {
      await serve(command.optsWithGlobals<{ port: number; host: string; json: boolean }>(), interrupted());
    });
}

/** A delivery by its id, by the beginning of its id, or the newest. */
async function deliveryOf(api: ApiClient, id: string): Promise<DeliveryView> {
  return api.get(`/inbox/${await fullId(api, id)}`, DeliveryView).catch((error: unknown) => {
    throw error instanceof ApiProblem && error.problem.code === 'not-found' ? unknown(id) : error;
  });
}

async function fullId(api: ApiClient, id: string): Promise<string> {
  const wanted = id.toLowerCase();
  if (/^[0-9a-f-]{36}$/.test(wanted)) return wanted;
  if (wanted === 'last') {
    const [newest] = await collect(api.items('/inbox', DeliverySummaryView, {}, 1));
    if (!newest) throw new CliError('The inbox is empty.');
    return newest.id;
  }
  if (!/^[0-9a-f-]{4,35}$/.test(wanted)) {
    throw new UsageError(
      `"${id}" is no id: give at least 4 of its characters, as \`reveille inbox\` lists them.`,
    );
  }
  const found: string[] = [];
  for await (const item of api.items('/inbox', DeliverySummaryView, {}, MAX_LOOKED_AT)) {
    if (item.id.startsWith(wanted)) found.push(item.id);
  }
  if (found.length > 1) throw new UsageError(`Several ids begin with ${id}:`, { lines: found.slice(0, 5) });
  if (found[0] === undefined) throw unknown(id);
  return found[0];
}

const unknown = (id: string): CliError =>
  new CliError(`There is no delivery ${id}.`, {
    lines: ['`reveille inbox` lists what there is; it is kept for a day.'],
    exitCode: EXIT.notFound,
  });

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
