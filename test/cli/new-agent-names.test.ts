/** `reveille new agent`: names, changed registries, and what changes nothing. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../src/cli/exit';
import { namesOf } from '../../src/cli/new/names';
import {
  ROOT,
  folder,
  repository,
  run,
  reveille,
  read,
  isThere,
  restore,
  declared,
} from './new-agent-support';

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
