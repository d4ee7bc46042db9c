/** A copy of the repository in which agents are made. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'dotenv';
import { type RegistryInput } from '../../src/registry';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';

export const ROOT = resolve(__dirname, '../..');
/** What a new agent is made from, and what shows that it is one. */
export const NEEDED = [
  'agents/_template',
  'agents/_template-python',
  'src/registry',
  'src/domain',
  'src/config',
  'scripts/scaffold-sync.mjs',
  '.env.example',
];
export const BUILT = /(?:^|\/)(?:node_modules|dist|__pycache__)(?:\/|$)|\.tsbuildinfo$/;
export const COMMAND_TIMEOUT_MS = 120_000;
/** Of tests that build, or check an agent: the machine may be busy. */
export const LONG_MS = 150_000;
export const SECRET = 'new-agent-canary-20b7';

export interface Outcome {
  code: number;
  output: string;
}

export let folder: Awaited<ReturnType<typeof temporaryFolder>>;
export let repository: string;
export const processes = useProcesses();

/** A command in the temporary repository; its output on both streams. */
export function run(command: string, args: string[], cwd = repository): Promise<Outcome> {
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

export const loader = require.resolve('tsx');
export const reveille = (args: string[], cwd = repository): Promise<Outcome> =>
  run(process.execPath, ['--import', loader, join(ROOT, 'src/cli/index.ts'), 'new', 'agent', ...args], cwd);

export const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8');
export const isThere = (path: string): Promise<boolean> =>
  stat(join(repository, path)).then(
    () => true,
    () => false,
  );

export async function restore(path: string): Promise<void> {
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
export async function declared(): Promise<{ input: RegistryInput; env: Record<string, string> }> {
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

export interface Made {
  lang: string;
  id: string;
  files: string[];
  /** How its own tests are run, and what they print when all is well. */
  test: [command: string, ...args: string[]];
  passed: RegExp;
}

export const MADE: Made[] = [
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
