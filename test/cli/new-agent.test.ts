/**
 * `reveille new agent`, in a repository of its own: what it makes is built, tested, started and checked as it
 * is, and belongs to the registry.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'dotenv';
import { checkAgent, readInputs } from '../../src/agent-check';
import { UsageError } from '../../src/cli/exit';
import { namesOf } from '../../src/cli/new/names';
import { agentVariables, loadRegistry, type RegistryInput } from '../../src/registry';
import { startAgent } from '../agents/agents';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';

const ROOT = resolve(__dirname, '../..');
/** What a new agent is made from, and what shows that it is one. */
const NEEDED = [
  'agents/_template',
  'agents/_template-python',
  'src/registry',
  'src/domain',
  'src/config',
  'scripts/scaffold-sync.mjs',
  '.env.example',
];
const BUILT = /(?:^|\/)(?:node_modules|dist|__pycache__)(?:\/|$)|\.tsbuildinfo$/;
const COMMAND_TIMEOUT_MS = 120_000;
/** Of tests that build, or check an agent: the machine may be busy. */
const LONG_MS = 150_000;
const SECRET = 'new-agent-canary-20b7';

interface Outcome {
  code: number;
  output: string;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: string;
const processes = useProcesses();

/** A command in the temporary repository; its output on both streams. */
function run(command: string, args: string[], cwd = repository): Promise<Outcome> {
  const env = {
    ...process.env,
    NO_COLOR: '1',
    AGENT_MODE: undefined,
    AGENT_SECRET: undefined,
    REDIS_URL: undefined,
  };
  return new Promise((settle) => {
    execFile(command, args, { cwd, env, timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      settle({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}

const loader = require.resolve('tsx');
const reveille = (args: string[], cwd = repository): Promise<Outcome> =>
  run(process.execPath, ['--import', loader, join(ROOT, 'src/cli/index.ts'), 'new', 'agent', ...args], cwd);

const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8');
const isThere = (path: string): Promise<boolean> =>
  stat(join(repository, path)).then(
    () => true,
    () => false,
  );

async function restore(path: string): Promise<void> {
  await rm(join(repository, path), { recursive: true, force: true });
  await cp(join(ROOT, path), join(repository, path), {
    recursive: true,
    filter: (from) => !BUILT.test(from.slice(ROOT.length)),
  });
}

beforeAll(async () => {
  folder = await temporaryFolder();
  repository = join(folder.path, 'repository');
  await mkdir(repository);
  await Promise.all(NEEDED.map(restore));
  await symlink(join(ROOT, 'node_modules'), join(repository, 'node_modules'));
  await writeFile(join(repository, 'agents/_template/.env'), 'AGENT_SECRET=a-secret-of-somebody\n');
  await mkdir(join(repository, 'agents/_template/dist'));
  await writeFile(join(repository, 'agents/_template/dist/index.js'), 'throw new Error("of the template")');
});
afterAll(() => folder.remove());

/** What the repository declares: its own registry, read by a process of its own. */
async function declared(): Promise<{ input: RegistryInput; env: Record<string, string> }> {
  const env = parse(await read('.env.example'));
  for (const name of Object.keys(env)) if (name.startsWith('CC_CAPSULE_ID_')) env[name] = name.toLowerCase();
  const script = join(folder.path, 'declared.cjs');
  const module = JSON.stringify(join(repository, 'src/registry/index.ts'));
  await writeFile(
    script,
    `console.log(JSON.stringify(require(${module}).registry(${JSON.stringify(env)})));`,
  );
  const { code, output } = await run(process.execPath, ['--require', require.resolve('tsx/cjs'), script]);
  expect({ code, output }).toMatchObject({ code: 0 });
  return { input: JSON.parse(output) as RegistryInput, env };
}

interface Made {
  lang: string;
  id: string;
  files: string[];
  /** How its own tests are run, and what they print when all is well. */
  test: [command: string, ...args: string[]];
  passed: RegExp;
}

const MADE: Made[] = [
  {
    lang: 'ts',
    id: 'price-watcher',
    files: [
      'src/jobs/price-watcher.ts',
      'src/job.ts',
      'src/runner.ts',
      'package.json',
      '.gitignore',
      '.env.example',
    ],
    test: ['npm', 'test'],
    passed: /# pass 4\n# fail 0/,
  },
  {
    lang: 'python',
    id: 'topic-counter-2',
    files: [
      'jobs/topic_counter_2.py',
      'tests/test_topic_counter_2.py',
      'scaffold/runner.py',
      'pyproject.toml',
      '.gitignore',
    ],
    test: ['python3', '-W', 'error', '-m', 'unittest', '--buffer'],
    passed: /\nOK\n$/,
  },
];

describe.each(MADE)('a new agent in $lang', ({ lang, id, files, test: [command, ...args], passed }) => {
  const agent = () => join(repository, 'agents', id);

  it('is made, with what to do next', async () => {
    const { code, output } = await reveille([id, '--lang', lang]);
    expect({ code, output }).toMatchObject({ code: 0 });
    const next = output.split('Next:\n')[1]?.split('\n\n')[0]?.split('\n') ?? [];
    expect(next).toHaveLength(3);
    expect(next[1]).toMatch(new RegExp(`^  npx reveille agent dev agents/${id} --port \\d+$`));
    const there = await readdir(agent(), { recursive: true });
    expect(there).toEqual(expect.arrayContaining(files));
    expect(there.filter((path) => BUILT.test(path) || path.endsWith('.env'))).toEqual([]);
    expect(there.join('\n')).not.toContain('hello');
  });

  it('is named everywhere, and nowhere as the template', async () => {
    const readme = await read(`agents/${id}/README.md`);
    expect(readme).toMatch(new RegExp(`^# ${id}\n`));
    expect(readme).toContain('## What does it not do?');
    for (const path of await readdir(agent(), { recursive: true })) {
      if (/\.(?:md|ts|json|toml|py|mjs)$/.test(path) && !/^(?:AGENTS\.md|scaffold\/|src\/llm\/)/.test(path))
        expect([path, await read(`agents/${id}/${path}`)]).toEqual([
          path,
          expect.not.stringMatching(/agent-template|jobs[./]hello|# Agent template/),
        ]);
    }
  });

  it('has the scaffold to the byte', async () => {
    const { code, output } = await run(process.execPath, ['scripts/scaffold-sync.mjs', '--check']);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/the same in [34] agents/) as string,
    });
  });

  it('is as prettier and the repository would have it', async () => {
    const changed = [`agents/${id}`, 'src/registry/index.ts'];
    const options = ['--config', join(ROOT, '.prettierrc.json'), '--ignore-path', join(ROOT, '.gitignore')];
    const { code, output } = await run(join(ROOT, 'node_modules/.bin/prettier'), [
      '--check',
      ...options,
      ...changed,
    ]);
    expect({ code, output }).toMatchObject({ code: 0 });
  });

  it(
    'passes its own tests, unedited',
    async () => {
      const { code, output } = await run(command, args, agent());
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(passed) as string });
    },
    LONG_MS,
  );

  it(
    'holds to the contract, unedited',
    async () => {
      const started = await startAgent(processes, agent(), { AGENT_SECRET: SECRET });
      expect((await started.get('/health')).body).toMatchObject({ agentId: id, version: '0.1.0' });
      const report = await checkAgent({
        url: started.url,
        inputs: await readInputs(agent()),
        secret: SECRET,
        limits: { jobMs: 60_000, graceMs: 20_000, idleMs: 20_000, finalMs: 2_000 },
      });
      await started.process.stop();
      expect(report.checks.filter(({ outcome }) => outcome.kind !== 'pass')).toEqual([]);
      expect(report.complete).toBe(true);
    },
    LONG_MS,
  );

  it('is in the registry, with the variables that are documented', async () => {
    const { input, env } = await declared();
    const loaded = loadRegistry(input, env);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { capsuleId, baseUrl } = loaded.registry.agent(id);
    const variables = agentVariables(id);
    expect(Object.keys(env)).toEqual(expect.arrayContaining(Object.values(variables)));
    expect({ capsuleId, baseUrl }).toEqual({
      capsuleId: env[variables.capsuleId],
      baseUrl: env[variables.baseUrl],
    });
    const ports = loaded.registry.agents.map((each) => each.baseUrl);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('is not made twice', async () => {
    const before = await read('src/registry/index.ts');
    const { code, output } = await reveille([id, '--lang', lang]);
    expect(code).toBe(2);
    expect(output).toMatch(new RegExp(`There is an agent ${id} already\\.\n +Call it ${id}-2, for instance`));
    expect(await read('src/registry/index.ts')).toBe(before);
  });
});

describe('what changes nothing', () => {
  const state = async () => [
    await readdir(join(repository, 'agents')),
    await read('src/registry/index.ts'),
    await read('.env.example'),
  ];

  it.each(['ts', 'python'])('a dry run, which shows all of it: %s', async (lang) => {
    const before = await state();
    const { code, output } = await reveille(['dry-one', '--dry-run', '--lang', lang]);
    expect({ code, output }).toMatchObject({ code: 0 });
    for (const text of [
      'would make  agents/dry-one',
      '  AGENTS.md',
      "    id: 'dry-one',",
      '  CC_CAPSULE_ID_DRY_ONE=',
    ])
      expect(output).toContain(`${text}`);
    expect(await state()).toEqual(before);
  });

  it('a name that will not do', async () => {
    const before = await state();
    const { code, output } = await reveille(['../Escape']);
    expect(code).toBe(2);
    expect(output).toContain('Call it escape, for instance.');
    expect(await state()).toEqual(before);
  });

  it('a folder that is no repository of an orchestrator', async () => {
    const { code, output } = await reveille(['my-new-agent'], folder.path);
    expect(code).toBe(2);
    expect(output).toMatch(/is made in the repository of an orchestrator; .* is in none/);
    expect(output).toContain('src/registry/index.ts');
  });
});

describe('names', () => {
  const taken = (id: string) => ['site-crawler', 'site-crawler-2'].includes(id);
  const mendOf = (name: string): readonly string[] => {
    try {
      namesOf(name, 'ts', taken);
    } catch (error) {
      if (error instanceof UsageError) return error.lines;
      throw error;
    }
    throw new Error(`${name} was taken for a name`);
  };

  it.each([
    ['MyNewAgent', 'my-new-agent'],
    ['_template', 'template'],
    ['3-days', 'days'],
    ['Übersicht für alle', 'ubersicht-fur-alle'],
    ['x'.repeat(64), 'x'.repeat(60)],
    ['Site Crawler', 'site-crawler-3'],
    ['site-crawler', 'site-crawler-3'],
  ])('%s will not do, but %s', (name, better) => {
    expect(mendOf(name)).toEqual([`Call it ${better}, for instance.`]);
    expect(namesOf(better, 'ts', taken).id).toBe(better);
  });

  it('of which nothing is left get no proposal', () => expect(mendOf('---')).toEqual([]));

  it.each([
    ['class', 'class_job'],
    ['agent', 'agent_job'],
    ['for-each', 'for_each'],
  ])('%s is the module %s in Python', (name, job) => {
    expect(namesOf(name, 'python', taken)).toMatchObject({ id: name, job });
    expect(namesOf(name, 'ts', taken).job).toBe(name);
  });
});

describe('a registry that was changed', () => {
  afterEach(() => Promise.all(['src/registry', '.env.example'].map(restore)));

  const file = () => join(repository, 'src/registry/index.ts');

  it('beyond recognition is left as it is, and what to add is shown', async () => {
    const strange =
      "import agents from './agents.json';\nexport const registry = () => ({ agents, workflows: [] });\n";
    await writeFile(file(), strange);
    await writeFile(join(repository, '.env.example'), 'PORT=3000\n');
    const { code, output } = await reveille(['left-alone']);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/Add this to src\/registry\/index\.ts yourself.*\n +\{\n +id: 'left-alone',\n/);
    expect(output).toMatch(/Add this to \.env\.example yourself.*\n.*\n +CC_CAPSULE_ID_LEFT_ALONE=\n/);
    expect(await readFile(file(), 'utf8')).toBe(strange);
    expect(await isThere('agents/left-alone/package.json')).toBe(true);
  });

  it('to an empty list, with lines that end as on Windows, gets its first agent', async () => {
    const text = await readFile(file(), 'utf8');
    const empty = text.replace(/( {4}agents: \[)[\s\S]*?\n {4}\],/, '$1],').replaceAll('\n', '\r\n');
    await writeFile(file(), empty);
    expect((await reveille(['first-one'])).code).toBe(0);
    const now = await readFile(file(), 'utf8');
    expect(now).toContain("agents: [\r\n      {\r\n        id: 'first-one',\r\n");
    expect(now.replaceAll('\r\n', '')).not.toContain('\n');
    expect((await declared()).input.agents.map(({ id }) => id)).toEqual(['first-one']);
  });
});

test('from a folder within the repository, as JSON, with the longest name there can be', async () => {
  const id = `a${'-b'.repeat(31)}`;
  const { code, output } = await reveille([id, '--json'], join(repository, 'agents'));
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(JSON.parse(output)).toMatchObject({
    agent: id,
    folder: `agents/${id}`,
    edits: [
      { path: 'src/registry/index.ts', outcome: 'added' },
      { path: '.env.example', outcome: 'added' },
    ],
  });
  const prettier = ['--check', '--config', join(ROOT, '.prettierrc.json'), 'src/registry/index.ts'];
  expect(await run(join(ROOT, 'node_modules/.bin/prettier'), prettier)).toMatchObject({ code: 0 });
});
