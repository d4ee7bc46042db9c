/** `reveille release`: put releases on record, compare them, and move the pointers. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { ReleaseDiffView, ReleaseView, RolloutView } from '../../http/views/release';
import { apiOf, overApi, type ApiClient, type ApiOptions } from '../client';
import { UsageError } from '../exit';
import { print, printable, printJson } from '../output';
import { assemble } from './assemble';
import { validateCommand, validateRelease } from './validate';
import { EnvironmentList, findRelease, short, tellRollout, type Rollout } from './commands';
import { decideCommands } from './decide';
import { forecastCommand } from './forecast';
import { policyCommand } from './policy';
import { replayCommand } from './replay';
import { follow } from './watch';

const LISTED = 20;
const OVER: readonly Rollout['status'][] = ['done', 'rolled-back'];

interface CreateOptions extends ApiOptions {
  folder?: string;
  dirty?: true;
  parent?: string;
  validate?: true;
}

interface MoveOptions extends ApiOptions {
  env?: string;
  reason?: string;
  strategy?: string;
  watch?: true;
}

export function releaseCommand(): Command {
  const command = new Command('release')
    .description('put releases on record, compare them, and move the pointers')
    .addCommand(createCommand())
    .addCommand(validateCommand())
    .addCommand(listCommand())
    .addCommand(diffCommand())
    .addCommand(forecastCommand(strategyOf))
    .addCommand(replayCommand(strategyOf))
    .addCommand(promoteCommand())
    .addCommand(rollbackCommand())
    .addCommand(watchCommand())
    .addCommand(policyCommand());
  for (const decide of decideCommands()) command.addCommand(decide);
  return command;
}

const createCommand = (): Command =>
  overApi(
    new Command('create')
      .description("put the release of an agent's folder on record, and tell what is new in it")
      .argument('<agent>', 'its id')
      .option('--folder <path>', "the agent's folder (default: agents/<agent>)")
      .option('--dirty', 'take what is not committed, too')
      .option('--parent <release>', 'what it is made after (default: what is stable now)')
      .option('--validate', 'validate it as well: see "reveille release validate"'),
  ).action(async (agentId: string, { folder, dirty, parent, validate, ...options }: CreateOptions) => {
    const api = apiOf(options);
    const { id, manifest, parts } = await assemble(folder ?? `agents/${agentId}`, agentId, dirty === true);
    const before = await parentOf(api, agentId, parent);
    const body = {
      manifest,
      parts: [...parts.values()].map((content) => content.toString('base64')),
      ...(before !== undefined && before !== id && { parent: before }),
    };
    const release = await api.post('/releases', ReleaseView, { body });
    if (options.json) printJson(release);
    else await tellCreated(api, release.id, before);
    if (validate) await validateRelease(api, release, { ...options, folder: folder ?? `agents/${agentId}` });
  });

async function tellCreated(api: ApiClient, id: string, before: string | undefined): Promise<void> {
  print(id);
  if (before === undefined) print('It is the first release of its agent.');
  else await tellDiff(api, id, before);
}

async function parentOf(api: ApiClient, agentId: string, named?: string): Promise<string | undefined> {
  if (named !== undefined) return (await findRelease(api, named, agentId)).id;
  const { current, items } = await api.get('/environments', EnvironmentList);
  return items.find((e) => e.agentId === agentId && e.name === current)?.stable ?? undefined;
}

const listCommand = (): Command =>
  overApi(
    new Command('list').description('list releases, and where they stand').argument('[agent]', 'its id'),
  ).action(async (agentId: string | undefined, options: ApiOptions) => {
    const api = apiOf(options);
    const { items: environments } = await api.get('/environments', EnvironmentList);
    let count = 0;
    for await (const release of api.items('/releases', ReleaseView, { agentId }, LISTED)) {
      count += 1;
      if (options.json) printJson(release);
      else {
        const at = environments
          .filter((e) => e.agentId === release.agentId)
          .flatMap((e) => [
            ...(e.stable === release.id ? [`stable in ${e.name}`] : []),
            ...(e.previous === release.id ? [`previous in ${e.name}`] : []),
            ...(e.candidate === release.id ? [`candidate in ${e.name}, ${e.weight} %`] : []),
          ]);
        const where = at.length === 0 ? '' : `  ${at.join(', ')}`;
        print(
          printable(
            `${short(release.id)}  ${release.agentId}  ${release.createdAt}  ${release.createdBy}${where}`,
          ),
        );
      }
    }
    if (count === 0 && !options.json)
      print('There is no release. Make one: reveille release create <agent> --folder <path>');
  });

const diffCommand = (): Command =>
  overApi(
    new Command('diff')
      .description('tell what is different between two releases, part by part')
      .argument('<release>', 'its id, or the beginning of it')
      .argument('[from]', 'the other one (default: its parent)'),
  ).action(async (wanted: string, from: string | undefined, options: ApiOptions) => {
    const api = apiOf(options);
    const { id } = await findRelease(api, wanted);
    const before = from === undefined ? undefined : (await findRelease(api, from)).id;
    if (!options.json) return tellDiff(api, id, before);
    printJson(await api.get(`/releases/${id}/diff`, ReleaseDiffView, { query: { from: before } }));
  });

async function tellDiff(api: ApiClient, id: string, from: string | undefined): Promise<void> {
  const diff = await api.get(`/releases/${id}/diff`, ReleaseDiffView, { query: { from } });
  if (diff.changes.length === 0) return print(`Nothing is different from ${short(diff.from)}.`);
  print(`Different from ${diff.from === null ? 'nothing: it has no parent' : short(diff.from)}:`);
  for (const { part, name, kind, old, new: now } of diff.changes) {
    const values = [old, now]
      .filter((v) => v !== null)
      .map((v) => (/^[0-9a-f]{40,}$/.test(v) ? short(v) : v));
    print(printable(`  ${[part, name].filter(Boolean).join(' ')} ${kind}: ${values.join(' -> ')}`));
  }
}

const moving = (command: Command): Command =>
  overApi(
    command
      .option('--env <name>', 'the environment (default: the one the orchestrator works by)')
      .option('--reason <text>', 'for the ledger'),
  );

const promoteCommand = (): Command =>
  moving(
    new Command('promote')
      .description('have a release do the work of an environment, directly or by a strategy')
      .argument('<release>', 'its id, or the beginning of it')
      .option(
        '--strategy <name|file>',
        'direct, blue-green, canary, shadow, or a YAML or JSON file',
        'direct',
      )
      .option('--watch', 'follow it to its end'),
  ).action(async (wanted: string, { env, reason, strategy = 'direct', watch, ...options }: MoveOptions) => {
    const api = apiOf(options);
    const { id, agentId } = await findRelease(api, wanted);
    const body = {
      ...{ agentId, releaseId: id, deployment: await strategyOf(strategy) },
      ...(env !== undefined && { environment: env }),
      ...(reason !== undefined && { reason }),
    };
    const rollout = await api.post('/deployments', RolloutView, { body });
    if (watch) return follow(api, rollout.id, options);
    tell(rollout, options);
    if (!options.json && !OVER.includes(rollout.status)) print(`reveille release watch ${rollout.id}`);
  });

async function strategyOf(text: string): Promise<unknown> {
  if (['direct', 'blue-green', 'canary', 'shadow'].includes(text)) return { strategy: text };
  const content = await readFile(text, 'utf8').catch(() => {
    throw new UsageError(`"${text}" is neither a strategy nor a file that can be read.`);
  });
  try {
    return parse(content, { maxAliasCount: 10 });
  } catch (error) {
    throw new UsageError(`${text} is neither YAML nor JSON: ${(error as Error).message}.`);
  }
}

const RolledBack = z.object({ agentId: z.string(), environment: z.string(), releaseId: z.string() });

const rollbackCommand = (): Command =>
  moving(
    new Command('rollback')
      .description('go back to the last good release, at once')
      .argument('<agent>', 'its id'),
  ).action(async (agentId: string, { env, reason, ...options }: MoveOptions) => {
    const body = {
      ...(env !== undefined && { environment: env }),
      ...(reason !== undefined && { reason }),
    };
    const done = await apiOf(options).post(`/agents/${encodeURIComponent(agentId)}/rollback`, RolledBack, {
      body,
    });
    if (options.json) printJson(done);
    else print(printable(`${done.agentId}/${done.environment}: release ${short(done.releaseId)} works now.`));
  });

const watchCommand = (): Command =>
  overApi(
    new Command('watch')
      .description('follow a rollout until it is over or waits for a person')
      .argument('<rollout>', 'its id'),
  ).action((id: string, options: ApiOptions) => follow(apiOf(options), id, options));

function tell(rollout: Rollout, { json }: ApiOptions): void {
  if (json) printJson(rollout);
  else tellRollout(rollout);
}
