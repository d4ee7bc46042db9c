/**
 * The commands of the documentation, run: page by page, in their order, against a live orchestrator with agents that
 * are real processes. The runbooks have a test of their own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { DOCUMENTED, wordsOf } from '../cli/support/documented';
import { World } from '../e2e/support/world';
import type { CommandRequest, CommandResult } from '../runbooks/support/commands';
import { useProcesses } from '../support/processes';

/** What is not run here, by the beginning of the call, and what runs it instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  dev: 'stays until it is interrupted: test/cli/dev.test.ts',
  'new agent': 'writes into the repository: test/cli/new-agent.test.ts',
  'agent check': 'needs an agent under way: test/agent-check',
  'agent dev': 'stays until it is interrupted: test/cli/agent-dev.test.ts',
  'agent send': 'needs an agent under way: test/cli/agent-send.test.ts',
  'agent evals': 'needs a folder with cases: test/releases',
  'notify test': 'sends messages to people: test/notify',
  'platform check': 'needs a platform of its own: test/platforms',
  'protocol start':
    'takes the policies of an installation with those agents: test/e2e and test/http/protocols.test.ts',
  'protocol stop': 'names a protocol that nobody has: test/http/protocols.test.ts',
  'release create': 'needs the folder of an agent: test/cli/release.test.ts',
  'release forecast': 'needs a release with work: test/http/replay-forecast.test.ts',
  'release replay': 'needs a release with work: test/releases/replay-command.test.ts',
  'release promote': 'needs a release: test/cli/release.test.ts',
  'release rollback': 'needs a release: test/cli/release.test.ts',
  'release validate': 'needs a release and its folder: test/releases',
  lineage: 'is followed by what stands for an id: test/cli/release.test.ts',
  login: 'names an orchestrator elsewhere: test/cli/keys.test.ts',
  'whoami --profile': 'needs that login: test/cli/keys.test.ts',
};

/** Calls that show how something is refused, with the code they end with. */
const REFUSED: Readonly<Record<string, number>> = {
  // While its agent is paused, which the page has just done.
  'README.md: npx reveille rerun last --from crawl -w': 7,
};

const KEY = 'docs-canary-0123456789abcdef';
/** A command that follows a run, or everything to zero, on a busy machine. */
const COMMAND_MS = 60_000;
jest.setTimeout(180_000);

const beginsWith = (call: string, start: string): boolean =>
  wordsOf(call).join(' ').startsWith(start) && !/^[\w-]/.test(wordsOf(call).join(' ').slice(start.length));
const elsewhere = (call: string): string | undefined =>
  Object.keys(ELSEWHERE).find((start) => beginsWith(call, start));

const here = DOCUMENTED.filter(([, call]) => elsewhere(call) === undefined);
const pages = [...new Set(here.map(([page]) => page))];

const processes = useProcesses();
let world: World;
let orchestrator: Orchestrator;
let commandLine: string;

beforeAll(async () => {
  const step = (id: string, agent: string) => ({ id, agent, timeoutSeconds: 30, retry: { attempts: 1 } });
  world = await World.start({
    agents: [
      { id: 'site-crawler', pricePerReplicaHourUsd: 0.05 },
      { id: 'writer', pricePerReplicaHourUsd: 0.05, budget: { perDayUsd: 5 }, breaker: {} },
    ],
    workflows: [
      { id: 'seo-audit', name: 'SEO audit', steps: [step('write', 'writer')] },
      {
        id: 'site-audit',
        name: 'Site audit',
        steps: [step('crawl', 'site-crawler'), step('report', 'writer')],
      },
    ],
  });
  const child = processes.startScript(join(__dirname, '../runbooks/support/commands.ts'), []);
  orchestrator = await world.orchestrate({
    env: { API_KEYS: KEY, HOST: '127.0.0.1', BUDGET_MONTH_USD: '100', INBOX: 'on' },
  });
  [, commandLine = ''] = await (await child).waitFor(/^up (\S+)$/m);
  // Several pages speak of the last run.
  expect(await run(['run', 'site-audit', '--watch'])).toMatchObject({ code: 0 });
});
afterAll(() => world.close());

async function run(argv: string[]): Promise<CommandResult> {
  const env = { REVEILLE_URL: orchestrator.url, REVEILLE_API_KEY: KEY, XDG_CONFIG_HOME: '/nowhere' };
  const response = await fetch(commandLine, {
    ...{ method: 'POST', body: JSON.stringify({ argv, env } satisfies CommandRequest) },
    ...{ headers: { connection: 'close' }, signal: AbortSignal.timeout(COMMAND_MS) },
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as CommandResult;
}

/** What a page turned off is on again for the next one. */
afterEach(async () => {
  const { items } = await orchestrator.store.switches({ on: true }, 100);
  for (const { id } of items) await orchestrator.engine.guards.release(id, 'test');
});

it('runs most of them, and says of each other what runs it', () => {
  expect(here.length).toBeGreaterThan(25);
  const used = new Set(DOCUMENTED.map(([, call]) => elsewhere(call)).filter((start) => start !== undefined));
  expect([...used].sort()).toEqual(Object.keys(ELSEWHERE).sort());
  const named = Object.values(ELSEWHERE).flatMap((why) => why.match(/test\/[\w/.-]+/g) ?? ['no test']);
  expect(named.filter((path) => !existsSync(join(__dirname, '../..', path)))).toEqual([]);
});

it.each(pages)('%s', async (page) => {
  const seen = new Map<string, number>();
  for (const [, call] of here.filter(([of]) => of === page)) {
    const isAgain = (seen.get(call) ?? 0) > 0;
    seen.set(call, 1);
    const code = (isAgain ? REFUSED[`${page}: ${call}`] : undefined) ?? 0;
    const ended = await run(wordsOf(call, { quotes: false }));
    if (ended.code !== code) throw new Error(`${call} ended with ${ended.code}:\n${ended.output}`);
  }
});
