/** What the agents share, they share to the byte; what they read from the environment is documented. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, TYPESCRIPT_AGENTS } from './agents';

const SHARED = [
  'src/contract.ts',
  'src/deliver.ts',
  'src/index.ts',
  'src/runner.ts',
  'test/agent.test.mjs',
  'tsconfig.json',
  'Procfile',
  '.gitignore',
];

const read = (agent: string, file: string): string => readFileSync(join(ROOT, 'agents', agent, file), 'utf8');

function allSources(agent: string): string[] {
  const files = readdirSync(join(ROOT, 'agents', agent, 'src'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => `src/${file}`);
}

/** Without the LLM helper where no job uses it: the template carries it for those who will. */
function sources(agent: string): string[] {
  const files = allSources(agent);
  const used = files.some((file) => /^src\/jobs\//.test(file) && /'(?:\.\.\/)+llm'/.test(read(agent, file)));
  return used ? files : files.filter((file) => !file.startsWith('src/llm/'));
}

describe.each(TYPESCRIPT_AGENTS)('%s', (agent) => {
  test('has the scaffold word for word, and nothing else outside of its jobs', () => {
    for (const file of SHARED) expect([file, read(agent, file)]).toEqual([file, read('_template', file)]);
    const other = sources(agent).filter(
      (file) => !/^src\/(?:jobs|llm)\//.test(file) && !SHARED.includes(file),
    );
    expect(other).toEqual(['src/job.ts']);
  });

  test('has the whole LLM helper word for word, or nothing of it', () => {
    const helper = (folder: string) =>
      allSources(folder)
        .filter((file) => file.startsWith('src/llm/'))
        .map((file) => [file, read(folder, file)]);
    if (helper(agent).length > 0) expect(helper(agent)).toEqual(helper('_template'));
  });

  test('names its job in one line', () => {
    expect(read(agent, 'src/job.ts')).toMatch(/^export \{ input, output, run \} from '\.\/jobs\/[\w-]+';\n$/);
  });

  test('documents every variable it reads, and no other', () => {
    const code = sources(agent)
      .map((file) => read(agent, file))
      .join('\n');
    const names = code.matchAll(
      /\benv\.([A-Z][A-Z_]+)|\b([A-Z][A-Z_]+)(?:: \w+)?(?=[^}\n]*\} = process\.env)/g,
    );
    const used = new Set([...names].map(([, dotted, destructured]) => dotted ?? destructured));
    const documented = [...read(agent, '.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual([...used].sort());
  });

  test('answers four questions in its README', () => {
    for (const question of ['read', 'return', 'not do'])
      expect(read(agent, 'README.md')).toContain(`## What does it ${question}?`);
    expect(read(agent, 'README.md')).toContain('## How does it fail?');
  });

  test('depends only on what its own package.json declares', () => {
    const manifest = JSON.parse(read(agent, 'package.json')) as { dependencies: Record<string, string> };
    const code = sources(agent)
      .map((file) => read(agent, file))
      .join('\n');
    const imported = [...code.matchAll(/(?:from|import\() ?'((?:@[\w-]+\/)?[\w-]+)/g)].map(
      ([, name]) => name,
    );
    const declared = new Set(Object.keys(manifest.dependencies));
    expect(imported.filter((name) => name !== 'node' && !declared.has(name ?? ''))).toEqual([]);
    expect([...declared].filter((name) => !imported.includes(name))).toEqual([]);
  });
});

test('the scaffold stays small', () => {
  const code = SHARED.filter((file) => file.endsWith('.ts')).flatMap((file) =>
    read('_template', file).split('\n'),
  );
  const statements = code.filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line));
  expect(statements.length).toBeLessThanOrEqual(200);
});
