/** What the agents in TypeScript share, they share to the byte; what they read from the environment is documented. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folders';
import { PYTHON_AGENTS, ROOT, SUBJECTS } from './agents';

/** Written out here as well, so that a file cannot drop out of the command's list unseen. */
const SHARED = [
  'src/config.ts',
  'src/context.ts',
  'src/contract.ts',
  'src/deliver.ts',
  'src/index.ts',
  'src/log.ts',
  'src/queue-redis.ts',
  'src/replay.ts',
  'src/runner.ts',
  'test/agent.test.mjs',
  'AGENTS.md',
  'Procfile',
  'build.mjs',
  'tsconfig.json',
  '.gitignore',
];
/** Loaded by name by BullMQ, and read by name by a vendor's library, where no import or variable shows it. */
const UNSEEN = { dependencies: ['ioredis'] };

const AGENTS = readdirSync(join(ROOT, 'agents')).filter((name) =>
  existsSync(join(ROOT, 'agents', name, 'src/runner.ts')),
);

const read = (agent: string, file: string): string => readFileSync(join(ROOT, 'agents', agent, file), 'utf8');

/** All of the agent's TypeScript; `src/llm` only where a job imports it, as it is not bundled otherwise. */
function sources(agent: string): string[] {
  const files = readdirSync(join(ROOT, 'agents', agent, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/${file}`);
  const jobs = files.filter((file) => file.startsWith('src/jobs/')).map((file) => read(agent, file));
  const asks = jobs.some((text) => /from '(?:\.\.\/)+llm'/.test(text));
  return files.filter((file) => asks || !file.startsWith('src/llm/'));
}

const codeOf = (agent: string): string =>
  sources(agent)
    .map((file) => read(agent, file))
    .join('\n');

describe.each(AGENTS)('%s', (agent) => {
  test('has the scaffold word for word, and nothing else outside of its jobs', () => {
    for (const file of SHARED) expect([file, read(agent, file)]).toEqual([file, read('_template', file)]);
    const other = sources(agent).filter(
      (file) => !/^src\/(?:jobs|llm)\//.test(file) && !SHARED.includes(file),
    );
    expect(other).toEqual(['src/job.ts']);
  });

  test('names its job in one line', () => {
    expect(read(agent, 'src/job.ts')).toMatch(/^export \{ input, output, run \} from '\.\/jobs\/[\w-]+';\n$/);
  });

  test('documents every variable it reads, and no other', () => {
    const names = codeOf(agent).matchAll(
      /\benv\.([A-Z][A-Z_]+)|\b([A-Z][A-Z_]+)(?:: \w+)?(?=[^}\n]*\} = process\.env)/g,
    );
    const used = new Set([...names].map(([, dotted, destructured]) => dotted ?? destructured));
    const documented = [...read(agent, '.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual([...used].sort());
  });

  test('explains each variable in the lines above it', () => {
    const lines = read(agent, '.env.example').split('\n');
    const bare = lines.filter((line, i) => /^[A-Z_]+=/.test(line) && !/^# \S/.test(lines[i - 1] ?? ''));
    expect(bare).toEqual([]);
  });

  test('answers four questions in its README', () => {
    for (const question of ['read', 'return', 'not do'])
      expect(read(agent, 'README.md')).toContain(`## What does it ${question}?`);
    expect(read(agent, 'README.md')).toContain('## How does it fail?');
  });

  test('depends only on what its own package.json declares', () => {
    const manifest = JSON.parse(read(agent, 'package.json')) as { dependencies: Record<string, string> };
    const imports = codeOf(agent).matchAll(/(?:from|import\() ?'((?:@[\w-]+\/)?[\w-]+)/g);
    const imported = [...imports].map(([, name]) => name).filter((name) => name !== 'node');
    const declared = Object.keys(manifest.dependencies);
    expect(imported.filter((name) => !declared.includes(name ?? ''))).toEqual([]);
    const needed = [...imported, ...UNSEEN.dependencies];
    expect(declared.filter((name) => !needed.includes(name))).toEqual([]);
  });

  test('is held to the contract by the table of agents', () => {
    expect(SUBJECTS[agent]).toMatchObject({ language: 'typescript' });
  });
});

describe('npm run scaffold:sync', () => {
  const sync = (root: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(root, 'scripts/scaffold-sync.mjs'), ...args], { encoding: 'utf8' });

  test('finds nothing to do here', () => {
    expect(sync(ROOT, '--check')).toBe(
      `the scaffold is the same in ${AGENTS.length + PYTHON_AGENTS.length} agents\n`,
    );
  });

  test('names what differs, and mends it without touching what is the job’s own', async () => {
    const { path, remove } = await temporaryFolder();
    const own = (file: string) => join(path, 'agents/site-crawler', file);
    try {
      cpSync(join(ROOT, 'scripts/scaffold-sync.mjs'), join(path, 'scripts/scaffold-sync.mjs'), {
        recursive: true,
      });
      for (const agent of ['_template', 'site-crawler'])
        for (const part of ['src', 'test', ...SHARED, 'package.json', '.env.example'])
          cpSync(join(ROOT, 'agents', agent, part), join(path, 'agents', agent, part), { recursive: true });
      writeFileSync(own('src/deliver.ts'), '// mine');
      writeFileSync(
        own('package.json'),
        JSON.stringify({ name: 'mine', dependencies: { zod: '1', cheerio: '2' } }),
      );
      writeFileSync(own('.env.example'), 'PORT=1\n\n# Crawl\n# How fast.\nCRAWL_SPEED=\n');

      expect(() => sync(path, '--check')).toThrow(/Command failed/);
      expect(readFileSync(own('src/deliver.ts'), 'utf8')).toBe('// mine');
      expect(sync(path)).toBe(
        ['src/deliver.ts', 'package.json', '.env.example']
          .map((file) => `written: agents/site-crawler/${file}\n`)
          .join('') + 'next: npm install\n',
      );
      expect(sync(path, '--check')).toMatch(/the same in 2 agents/);
      expect(JSON.parse(readFileSync(own('package.json'), 'utf8'))).toMatchObject({
        name: 'mine',
        scripts: { build: expect.any(String) as string },
        dependencies: { cheerio: '2', zod: expect.stringMatching(/^\^4/) as string },
      });
      const environment = readFileSync(own('.env.example'), 'utf8');
      expect(environment).toBe(`${read('_template', '.env.example')}\n# Crawl\n# How fast.\nCRAWL_SPEED=\n`);
    } finally {
      await remove();
    }
  });
});

test('the scaffold stays small', () => {
  const code = SHARED.filter((file) => file.endsWith('.ts')).flatMap((file) =>
    read('_template', file).split('\n'),
  );
  const statements = code.filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line));
  expect(statements.length).toBeLessThanOrEqual(540);
});
