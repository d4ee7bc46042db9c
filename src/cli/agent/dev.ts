/** `reveille agent dev`: an agent from its folder, again after each change, with an inbox for its results. */
import { Command } from 'commander';
import { freePort, isFree } from '../../os/free-port';
import { EXIT, UsageError } from '../exit';
import { keysOf, printDeliveries } from '../inbox/serve';
import { startLocalInbox, type LocalInbox } from '../local-inbox';
import { port } from '../options';
import { print } from '../output';
import { aborted, interrupted } from '../signals';
import { paintFor } from '../terminal';
import { watchChanges } from './dev/changes';
import { endAtOnceOnSecond } from './dev/groups';
import { dotenvOf, environment, readProject } from './dev/project';
import { DEV_GRACE_SECONDS, Runner } from './dev/runner';

const DEFAULT_PORT = 3_101;
const DEFAULT_INBOX_PORT = 4_000;
interface Options {
  port?: number;
  inboxPort?: number;
}

export function devCommand(): Command {
  return new Command('dev')
    .description('run an agent from its folder, reload it on change, with an inbox for its results')
    .argument('<folder>', "the agent's folder, with its Procfile and .env")
    .option(
      '--port <port>',
      `the agent's port (default: PORT of its .env, else ${DEFAULT_PORT}, or a free one)`,
      port,
    )
    .option('--inbox-port <port>', `the inbox's port (default: ${DEFAULT_INBOX_PORT}, or a free one)`, port)
    .action(async (folder: string, options: Options) => {
      process.exitCode = await dev(folder, options, interrupted());
    });
}

async function dev(path: string, options: Options, interrupt: AbortSignal): Promise<number> {
  const paint = paintFor(process.stdout, process.env);
  const { folder, command } = await readProject(path);
  const known = dotenvOf(folder);
  const agentPort = await portFor(options.port, '--port', Number(known.PORT) || DEFAULT_PORT);
  const inbox = await startLocalInbox({
    port: await portFor(options.inboxPort, '--inbox-port', DEFAULT_INBOX_PORT),
    keys: keysOf(process.env['AGENT_SECRET'] ?? known.AGENT_SECRET),
  });
  const url = `http://localhost:${agentPort}`;
  printDeliveries(inbox, paint, `${paint.dim('inbox │')} `);
  let isFirst = true;
  const runner = new Runner({
    folder,
    url,
    env: (of) => environment(of, process.env, { PORT: String(agentPort) }, fallbacks(inbox)),
    print,
    paint,
    onReady: () => {
      if (isFirst) for (const line of tries(url, path)) print(`${paint.dim('try   │')} ${line}`);
      isFirst = false;
    },
  });
  print(`${paint.bold('agent')}  ${url}   ${paint.dim(command)}`);
  print(`${paint.bold('inbox')}  ${inbox.url}   ${paint.dim('takes webhooks at every path')}\n`);
  const watcher = await watchChanges({
    folder,
    startedAt: () => runner.startedAt,
    onChange: (changed) => void runner.restart(changed),
    onOwnFile: (file) =>
      print(`${paint.dim('dev   │')} the agent writes ${file} itself: its changes count no more`),
  });
  endAtOnceOnSecond(interrupt);
  try {
    await Promise.race([runner.restart(), aborted(interrupt)]);
    await aborted(interrupt);
    print(paint.dim('\nstopping…'));
  } finally {
    await watcher.close();
    await runner.close();
    await inbox.close();
  }
  return EXIT.ok;
}

/** What the author need not set. The addresses are for startup mode: a claim, or a result that nobody asked for. */
const fallbacks = (inbox: LocalInbox): Record<string, string> => ({
  AGENT_GRACE_SECONDS: String(DEV_GRACE_SECONDS),
  ORCHESTRATOR_WEBHOOK_URL: `${inbox.url}/webhook`,
  RESULT_WEBHOOK_URL: `${inbox.url}/webhook`,
});

const tries = (url: string, folder: string): string[] => [
  `npx reveille agent send ${url}`,
  `npx reveille agent check ${url} --input ${folder}`,
];

/** As agents listen: on every address of this machine. */
const EVERYWHERE = {};

/** The wished port, checked; the preferred one, or a free one, where none was wished. */
async function portFor(wished: number | undefined, option: string, preferred: number): Promise<number> {
  if (wished === undefined) return (await isFree(preferred, EVERYWHERE)) ? preferred : freePort(EVERYWHERE);
  if (await isFree(wished, EVERYWHERE)) return wished;
  throw new UsageError(`Port ${wished} is taken.`, { lines: [`Choose another with ${option}.`] });
}
