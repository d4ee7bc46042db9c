/** The agents in Python: what they share, what they document, their own tests, and the local platform. */
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLocalPlatform } from '../../src/platforms/local';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { until } from '../support/until';
import { driverOf } from '../platforms/local/harness';
import { PYTHON_AGENTS, ROOT } from './agents';

const run = promisify(execFile);

/** Written out here as well as in scripts/scaffold-sync.mjs, so that no file drops out unseen. */
const SCAFFOLD = [
  'main.py',
  'scaffold/context.py',
  'scaffold/contract.py',
  'scaffold/deliver.py',
  'scaffold/replay.py',
  'scaffold/runner.py',
  'scaffold/schema.py',
  'scaffold/server.py',
];
const SHARED = [
  ...SCAFFOLD,
  'tests/__init__.py',
  'tests/context.py',
  'tests/test_agent.py',
  'tests/test_scaffold.py',
  'AGENTS.md',
  'Procfile',
  'requirements.txt',
  '.gitignore',
];
const TEMPLATE = '_template-python';
const read = (agent: string, file: string): string => readFileSync(join(ROOT, 'agents', agent, file), 'utf8');

/** The agent's Python files outside of its tests. */
function sources(agent: string): string[] {
  const files = readdirSync(join(ROOT, 'agents', agent), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.py') && !file.startsWith('tests/'));
}

test('every folder with the scaffold in Python is in the table of agents', () => {
  const folders = readdirSync(join(ROOT, 'agents')).filter((name) =>
    readdirSync(join(ROOT, 'agents', name)).includes('main.py'),
  );
  expect(PYTHON_AGENTS.slice().sort()).toEqual(folders.sort());
  expect(PYTHON_AGENTS).toContain(TEMPLATE);
});

describe.each(PYTHON_AGENTS)('%s', (agent) => {
  test('has the scaffold word for word, and nothing else outside of its jobs', () => {
    for (const file of SHARED) expect([file, read(agent, file)]).toEqual([file, read(TEMPLATE, file)]);
    const other = sources(agent).filter((file) => !file.startsWith('jobs/') && !SHARED.includes(file));
    expect(other).toEqual(['job.py']);
  });

  test('names its job in one line', () => {
    expect(read(agent, 'job.py')).toMatch(
      /^from jobs\.[a-z_]\w* import INPUT, OUTPUT, run {2}# noqa: F401\n$/,
    );
  });

  test('documents every variable it reads, and no other', () => {
    const code = sources(agent)
      .map((file) => read(agent, file))
      .join('\n');
    const names = code.matchAll(/^ {4}([A-Z][A-Z_]+)=|environ(?:\.get\(|\[)'([A-Z][A-Z_]+)'/gm);
    const used = new Set([...names].map(([, scaffold, own]) => scaffold ?? own));
    const documented = [...read(agent, '.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(used.size).toBeGreaterThanOrEqual(10);
    expect(documented.sort()).toEqual([...used].sort());
  });

  test('explains each variable in the line above it', () => {
    const lines = read(agent, '.env.example').split('\n');
    const bare = lines.filter((line, i) => /^[A-Z_]+=/.test(line) && !/^# \S/.test(lines[i - 1] ?? ''));
    expect(bare).toEqual([]);
  });

  test('starts with the variables as they are documented', async () => {
    const env: NodeJS.ProcessEnv = { PATH: process.env.PATH };
    for (const [, name = '', value] of read(agent, '.env.example').matchAll(/^([A-Z_]+)=(.*)$/gm))
      env[name] = value;
    const check = 'import main, os; main.ENVIRONMENT({n: v for n, v in os.environ.items() if v}, "")';
    await run('python3', ['-c', check], { cwd: join(ROOT, 'agents', agent), env });
  });

  test('answers four questions in its README', () => {
    for (const question of [
      'What does it read',
      'What does it return',
      'How does it fail',
      'What does it not do',
    ])
      expect(read(agent, 'README.md')).toContain(`## ${question}?`);
  });

  test('imports nothing but the standard library and itself', async () => {
    const code = sources(agent)
      .map((file) => read(agent, file))
      .join('\n');
    const imported = [...code.matchAll(/^\s*(?:from|import) ([a-z_]\w*)/gm)].map(([, name]) => name ?? '');
    expect(imported.length).toBeGreaterThan(20);
    const own = ['job', 'jobs', 'scaffold'];
    const others = [...new Set(imported)].filter((name) => !own.includes(name));
    // -S: without what else is installed on this machine.
    const check = 'import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]';
    await run('python3', ['-I', '-S', '-c', check, ...others]);
  });

  test('keeps its lines short', () => {
    const lines = sources(agent).flatMap((file) =>
      read(agent, file)
        .split('\n')
        .map((line) => `${file}: ${line}`),
    );
    expect(lines.filter((line) => line.replace(/^.*?: /, '').length > 110)).toEqual([]);
  });

  test('is written for the oldest Python it declares', async () => {
    expect(read(agent, 'pyproject.toml')).toContain('requires-python = ">=3.9"');
    const check =
      'import ast, sys; [ast.parse(open(f, encoding="utf-8").read(), f, feature_version=(3, 9)) for f in sys.argv[1:]]';
    await run('python3', ['-c', check, ...sources(agent)], { cwd: join(ROOT, 'agents', agent) });
  });

  test('passes its own tests', async () => {
    // -W error: what the next Python no longer allows is a fault today.
    const { stderr } = await run('python3', ['-W', 'error', '-m', 'unittest', '--buffer'], {
      cwd: join(ROOT, 'agents', agent),
      timeout: 120_000,
    });
    const [, count] = /Ran (\d+) tests in/.exec(stderr) ?? [];
    expect(Number(count)).toBeGreaterThanOrEqual(15);
    expect(stderr).toMatch(/\nOK\n$/);
  }, 150_000);

  test('wakes, answers and sleeps on the local platform', async () => {
    const state = await temporaryFolder();
    const port = await freePort();
    const capsule = { id: 'cap-1', folder: join(ROOT, 'agents', agent), port };
    const local = createLocalPlatform({ stateDir: state.path, capsules: [capsule] });
    try {
      await local.start();
      const driver = driverOf(local);
      await driver.scale('cap-1', 1);
      const health = await until(() => healthAt(`http://127.0.0.1:${port}`), { deadlineMs: 30_000 });
      expect(health).toMatchObject({ status: 'ok', mode: 'api' });
      await driver.scale('cap-1', 0);
      await until(async () => (await driver.observe('cap-1')).running === 0);
      expect(local.logs('cap-1').join('\n')).toContain('"listening"');
      await driver.close();
    } finally {
      await local.stop();
      await state.remove();
    }
  });
});

const healthAt = async (url: string): Promise<unknown> => {
  const answer = await fetch(`${url}/health`).catch(() => undefined); // not yet
  return answer?.json();
};

test('scaffold:sync mends an agent in Python and leaves its own variables', async () => {
  const { path, remove } = await temporaryFolder();
  const own = (file: string) => join(path, 'agents/keyword-clusterer', file);
  const sync = (...args: string[]) =>
    run(process.execPath, ['scripts/scaffold-sync.mjs', ...args], { cwd: path });
  try {
    cpSync(join(ROOT, 'scripts/scaffold-sync.mjs'), join(path, 'scripts/scaffold-sync.mjs'));
    for (const agent of [TEMPLATE, 'keyword-clusterer'])
      cpSync(join(ROOT, 'agents', agent), join(path, 'agents', agent), { recursive: true });
    writeFileSync(own('scaffold/runner.py'), '# mine\n');
    writeFileSync(own('.env.example'), 'PORT=1\n\n# Mine\n# How fast.\nSPEED=\n');
    writeFileSync(own('job.py'), '# mine too\n');

    await expect(sync('--check')).rejects.toMatchObject({ code: 1 });
    expect((await sync()).stdout).toBe(
      ['scaffold/runner.py', '.env.example']
        .map((file) => `written: agents/keyword-clusterer/${file}\n`)
        .join(''),
    );
    expect((await sync('--check')).stdout).toBe('the scaffold is the same in 2 agents\n');
    expect(readFileSync(own('job.py'), 'utf8')).toBe('# mine too\n');
    expect(readFileSync(own('.env.example'), 'utf8')).toBe(
      `${read(TEMPLATE, '.env.example')}\n# Mine\n# How fast.\nSPEED=\n`,
    );
  } finally {
    await remove();
  }
});

test('the scaffold stays small', () => {
  const code = SCAFFOLD.map((file) => read(TEMPLATE, file).replace(/^ *"""[^]*?"""$/gm, '')).join('\n');
  const statements = code.split('\n').filter((line) => !/^\s*(?:$|#)/.test(line));
  expect(statements.length).toBeGreaterThan(200);
  expect(statements.length).toBeLessThanOrEqual(540);
});
