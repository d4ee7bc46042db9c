/** docs/runbooks against a live installation: every block marked `sh run` is run, in order, and has to succeed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { World } from '../e2e/support/world';
import { copyDatabase } from '../support/database';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { blocksOf, commandsOf } from './support/blocks';
import type { CommandRequest, CommandResult } from './support/commands';

const FOLDER = join(__dirname, '../../docs/runbooks');
const API_KEY = 'vJ4mQ8zT1xW6yB3nR9kL5pD2';
const COMMAND_MS = 50_000;

const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md');
/** Has an installation of its own: one that was restored. */
const RESTORE = 'restore-from-backup.md';

const processes = useProcesses();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: World;
let orchestrator: Orchestrator;
let variables: Record<string, string>;
let commandLine: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  world = await World.start({
    agents: [{ id: 'helper' }],
    workflows: [{ id: 'help', name: 'Help', steps: [{ id: 'do', agent: 'helper', timeoutSeconds: 30 }] }],
  });
  const child = processes.startScript(join(__dirname, 'support/commands.ts'), []);
  orchestrator = await start({});
  [, commandLine = ''] = await (await child).waitFor(/^up (\S+)$/m);
  variables = { FOLDER: folder.path, AGENT: 'helper', WORKFLOW: 'help', STEP: 'do' };
  const [RUN, NEXT] = [await runOf('help'), await runOf('help')];
  const { output } = await run(['keys', 'create', 'runbook', '--scope', 'operator', '--json']);
  const { key } = JSON.parse(output) as { key: { id: string } };
  variables = { ...variables, RUN, NEXT, KEY_ID: key.id, PERSON: 'anna@example.com' };
});

afterAll(async () => {
  await world.close();
  await folder.remove();
});

const start = (env: Record<string, string>) =>
  world.orchestrate({ env: { API_KEYS: API_KEY, HOST: '127.0.0.1', ...env } });

/** The id of a run that is over. */
async function runOf(workflow: string): Promise<string> {
  const { id } = JSON.parse((await run(['runs', 'start', workflow, '--json'])).output) as { id: string };
  await over(id);
  return id;
}

/** A run that a step of a runbook started is over before the next step asks for it. */
const over = (runId: string) =>
  until(async () => (await orchestrator.store.run(runId))?.state.finishedAt !== undefined, {
    what: 'the end of a run',
  });

async function run(argv: string[]): Promise<CommandResult> {
  const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: API_KEY };
  const body = JSON.stringify({ argv, env } satisfies CommandRequest);
  const response = await fetch(commandLine, {
    ...{ method: 'POST', body, signal: AbortSignal.timeout(COMMAND_MS) },
    headers: { connection: 'close' },
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as CommandResult;
}

/** The doctor is right about the Postgres of tests, which is quick and keeps nothing through a crash. */
const isThatOfTests = ([command]: string[], output: string): boolean => {
  const failures = output.split('\n').filter((line) => line.startsWith('fail '));
  return command === 'doctor' && failures.length > 0 && failures.every((line) => / durability /.test(line));
};

async function works(blocks: readonly string[]): Promise<void> {
  for (const command of await commandsOf(blocks, variables)) {
    const { code, output } = await run(command);
    if (!isThatOfTests(command, output) && code !== 0)
      throw new Error(`reveille ${command.join(' ')} ended with ${code}:\n${output}`);
  }
  for (const { id } of await orchestrator.store.openRuns('help', 10)) await over(id);
}

describe.each(pages)('%s', (name) => {
  it('has commands, is listed, and names only files that there are', () => {
    expect(blocksOf(read(name)).length).toBeGreaterThanOrEqual(3);
    expect(read('README.md')).toContain(`(${name})`);
    const links = [...read(name).matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => join(FOLDER, String(to)));
    for (const link of links) expect([link, existsSync(link)]).toEqual([link, true]);
  });
});

describe.each(pages.filter((name) => name !== RESTORE))('%s', (name) => {
  it('works, and leaves nothing switched off', async () => {
    await works(blocksOf(read(name)));
    const { items } = await orchestrator.store.switches({ on: true }, 10);
    expect(items).toEqual([]);
  });
});

it(`${RESTORE} works on a copy of the database, first with the engine off`, async () => {
  const id = await runOf('help');
  await world.stop(orchestrator);
  // The server's own copy: what pg_dump and pg_restore make, for a machine that has neither.
  const copy = await copyDatabase(world.databaseUrl);
  try {
    const [before = '', after = ''] = read(RESTORE).split('`ENGINE_ENABLED=true`');
    orchestrator = await start({ DATABASE_URL: copy.url, ENGINE_ENABLED: 'false' });
    await works(blocksOf(before));
    await world.stop(orchestrator);
    orchestrator = await start({ DATABASE_URL: copy.url });
    expect((await orchestrator.store.run(id))?.state.status).toBe('succeeded');
    await works(blocksOf(after));
    await world.stop(orchestrator);
  } finally {
    await copy.drop();
  }
});
