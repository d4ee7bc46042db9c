/** `reveille slots`: the blue-green deploy controller of one app, and what one asks it. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { call } from '../slots/call';
import { apiPortOf, CONFIG_NAMES, findContract } from '../slots/config';
import { SlotsError } from '../slots/errors';
import { Git } from '../slots/git';
import { init } from '../slots/init';
import type { Status } from '../slots/status';
import { CliError, UsageError } from './exit';
import { port } from './options';
import { cut, print, printable, printJson } from './output';
import { interrupted } from './signals';
import { limitsText, slotsListCommand } from './slots-list';

/** Where slots live beside the repository, unless --data names another place. */
const DATA = '.slot-machine';
/** A deployment answers at its end, which a long setup puts off. */
const CALL_MS = 30 * 60_000;

interface ClientOptions {
  port?: number;
  repo: string;
  json?: boolean;
}

/** @param name how it is called: under `reveille`, or by a name of its own */
export function slotsCommand(name = 'slots'): Command {
  const command = new Command(name)
    .description('Deploys, checks, swaps and rolls back an app on this machine, without downtime.')
    .argument('[command]')
    .helpOption('-h, --help', 'says what it takes')
    .action((given: string | undefined) => {
      const known = command.commands.map((c) => c.name()).join(', ');
      if (given !== undefined) throw new UsageError(`unknown command '${given}'; there are ${known}`);
      throw new UsageError(`usage: ${called(command)} <command>; the commands are ${known}`);
    });
  return command
    .addCommand(initCommand())
    .addCommand(startCommand())
    .addCommand(deployCommand())
    .addCommand(rollbackCommand())
    .addCommand(statusCommand())
    .addCommand(slotsListCommand());
}

const called = (command: Command): string =>
  [command.parent?.name(), command.name()].filter((name) => name !== undefined).join(' ');

function initCommand(): Command {
  return new Command('init')
    .description(`writes ${CONFIG_NAMES[0]} for the app in this folder`)
    .action(() => inWords(() => init(process.cwd()).forEach((line) => print(line))));
}

function startCommand(): Command {
  return new Command('start')
    .description('runs the controller until it is told to end')
    .option('--config <file>', `the contract (default: ${CONFIG_NAMES.join(' or ')} here)`)
    .option('--repo <folder>', "the app's repository", '.')
    .option('--data <folder>', 'slots, state and logs', DATA)
    .option('--port <port>', "the API's port (default: the contract's api_port)", port)
    .addOption(new Option('--no-proxy', 'changes nothing; older set-ups give it').hideHelp())
    .action(async (options: { config?: string; repo: string; data: string; port?: number }) => {
      await inWords(async () => {
        // Loaded here, so that what only asks stays quick.
        const { serve } = await import('../slots/serve.js');
        const config = resolve(options.config ?? findContract(process.cwd()));
        await serve(
          { ...options, config, repo: resolve(options.repo), data: resolve(options.data) },
          interrupted(),
        );
      });
    });
}

const asked = (command: Command): Command =>
  command
    .option('--port <port>', "the controller's API (default: the contract's api_port)", port)
    .option('--repo <folder>', "the app's repository", '.')
    .option('--json', 'the answer as JSON');

function deployCommand(): Command {
  return asked(new Command('deploy'))
    .description('makes a commit live')
    .argument('[commit]', 'hash, branch or tag', 'HEAD')
    .action(async (ref: string, options: ClientOptions) => {
      await inWords(async () => {
        const commit = await new Git(resolve(options.repo)).resolve(ref);
        const answer = await ask<{ slot: string; timings: Record<string, number> }>(
          options,
          'POST',
          '/deploy',
          { commit },
        );
        if (options.json) return printJson(answer);
        print(`${answer.slot} is live (${commit}, ${Math.round(answer.timings['total'] ?? 0)} ms).`);
      });
    });
}

function rollbackCommand(): Command {
  return asked(new Command('rollback'))
    .description('makes the previous slot live again')
    .action(async (options: ClientOptions) => {
      await inWords(async () => {
        const answer = await ask<{ slot: string; commit: string }>(options, 'POST', '/rollback', {});
        if (options.json) return printJson(answer);
        print(`${answer.slot} is live again (${answer.commit}).`);
      });
    });
}

function statusCommand(): Command {
  return asked(new Command('status'))
    .description('says what is live, and how it came to be')
    .action(async (options: ClientOptions) => {
      await inWords(async () => {
        const status = await ask<Status>(options, 'GET', '/status');
        if (options.json) return printJson(status);
        statusLines(status).forEach((line) => print(line));
      });
    });
}

function statusLines(status: Status): string[] {
  const role = (title: string, slot: string, commit: string) =>
    `${title.padEnd(9)} ${slot ? `${slot}  ${commit}` : 'none'}`;
  const recent = status.recent_deploys.slice(0, 5).map((deploy) => {
    const why =
      deploy.error === undefined ? '' : `  ${deploy.stage ?? ''}: ${cut(printable(deploy.error), 100)}`;
    return `  ${deploy.at}  ${deploy.kind.padEnd(8)}  ${deploy.outcome.padEnd(11)}  ${deploy.commit.slice(0, 12)}${why}`;
  });
  return [
    role('live', status.live_slot, status.live_commit) +
      (status.live_slot ? `  ${status.healthy ? 'healthy' : 'NOT HEALTHY'}` : ''),
    role('previous', status.previous_slot, status.previous_commit),
    ...limitsLine(status.limits),
    ...(status.current
      ? [`under way ${status.current.kind} of ${status.current.commit} at "${status.current.stage}"`]
      : []),
    ...(recent.length > 0 ? ['recent', ...recent] : []),
  ];
}

function limitsLine(limits: Status['limits']): string[] {
  const text = limitsText(limits);
  return text === undefined ? [] : [`limits    ${text}`];
}

async function ask<T>(options: ClientOptions, method: string, path: string, body?: unknown): Promise<T> {
  const port = options.port ?? apiPortOf(resolve(options.repo));
  const { status, body: answered } = await call({
    to: { port },
    path,
    method,
    headers: { 'content-type': 'application/json' },
    timeoutMs: CALL_MS,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw new CliError(`cannot reach the controller at http://127.0.0.1:${port}${path}`, {
      cause,
      lines: ['Is it running? "reveille-slots start" starts it; --port names another port.'],
    });
  });
  const answer = JSON.parse(answered) as T & { error?: string; stage?: string };
  if (status < 300) return answer;
  throw new CliError(printable(`${answer.stage ?? 'refused'}: ${answer.error ?? `it answered ${status}`}`));
}

/** Errors of the controller as this command says them. */
async function inWords(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SlotsError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}
