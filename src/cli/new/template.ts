/** The files of a new agent: those of the template of its language, with the names changed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { CliError } from '../exit';
import type { Language, Names } from './names';

export interface NewFile {
  /** From the agent's folder, with slashes. */
  readonly path: string;
  readonly content: Buffer | string;
}

export const TEMPLATES: Readonly<Record<Language, string>> = {
  ts: 'agents/_template',
  python: 'agents/_template-python',
};

/** What is made by builds, tests and people beside the template's own files; `.env` may hold secrets. */
const LEFT_OUT =
  /^(?:node_modules|dist|reports|coverage|__pycache__|\..*cache|\.env(?!\.example$).*)$|\.(?:tsbuildinfo|pyc|log)$/;

/** @throws CliError when the template is not what it was made to be */
export function filesOf(root: string, language: Language, names: Names): NewFile[] {
  const folder = join(root, TEMPLATES[language]);
  const rename = language === 'ts' ? typescript : python;
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep))
    .filter((parts) => !parts.some((part) => LEFT_OUT.test(part)))
    .map((parts) => parts.join('/'))
    .sort();
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const changed = rename(names, read);
  for (const path of changed.keys()) {
    if (!paths.includes(path)) throw unlike(language, `has no ${path}`);
  }
  return paths.map((path) => changed.get(path) ?? { path, content: readFileSync(join(folder, path)) });
}

/** By the template's path: what becomes of it. */
type Changes = Map<string, NewFile>;
type Read = (path: string) => string;

function typescript({ id, job, title }: Names, read: Read): Changes {
  const example = exampleJob('ts', read('src/job.ts'), /'\.\/jobs\/([\w-]+)'/);
  const intro =
    `Greets, until its job is written: that is \`src/jobs/${job}.ts\` with \`input\`, \`output\` (zod schemas) and\n` +
    '`run(input, ctx)`. The other files of `src/` are the scaffold, word for word the same in every agent; `src/llm` may\n' +
    'go if no model is asked.';
  return changes([
    ['package.json', 'package.json', manifest(read('package.json'), id, title)],
    ['README.md', 'README.md', readme(read('README.md'), id, intro)],
    ['src/job.ts', 'src/job.ts', read('src/job.ts').replace(`./jobs/${example}`, `./jobs/${job}`)],
    [`src/jobs/${example}.ts`, `src/jobs/${job}.ts`, read(`src/jobs/${example}.ts`)],
  ]);
}

function python({ id, job, title, testClass }: Names, read: Read): Changes {
  const example = exampleJob('python', read('job.py'), /from jobs\.(\w+) import/);
  const test = `tests/test_${example}.py`;
  const intro =
    `Greets, until its job is written: that is \`jobs/${job}.py\` with \`INPUT\`, \`OUTPUT\` (checks of\n` +
    '`scaffold/schema.py`) and `run(input, ctx)`. `main.py` and `scaffold/` are word for word the same in every agent in\n' +
    'Python. It needs Python 3.9 or later and nothing else.';
  const project = read('pyproject.toml')
    .replace(/^name = .*$/m, `name = "agent-${id}"`)
    .replace(/^version = .*$/m, 'version = "0.1.0"')
    .replace(/^description = .*$/m, `description = "${title}."`);
  const named = (text: string) => text.replaceAll(`jobs.${example} `, `jobs.${job} `);
  return changes([
    ['pyproject.toml', 'pyproject.toml', project],
    ['README.md', 'README.md', readme(read('README.md'), id, intro)],
    ['job.py', 'job.py', named(read('job.py'))],
    [`jobs/${example}.py`, `jobs/${job}.py`, read(`jobs/${example}.py`)],
    [test, `tests/test_${job}.py`, named(read(test)).replace(/^class \w+\(/m, `class ${testClass}(`)],
  ]);
}

const changes = (list: ReadonlyArray<readonly [from: string, path: string, content: string]>): Changes =>
  new Map(list.map(([from, path, content]) => [from, { path, content }]));

/** The name of the template's own job, which is read from where it is named. */
function exampleJob(language: Language, text: string, pattern: RegExp): string {
  const name = pattern.exec(text)?.[1];
  if (name === undefined) throw unlike(language, 'does not name its job in one line of its job file');
  return name;
}

/** The scope is the template's. */
function manifest(text: string, id: string, title: string): string {
  const template = JSON.parse(text) as Record<string, unknown>;
  const scope = /^@[^/]+\//.exec(String(template['name']))?.[0] ?? '';
  const own = { name: `${scope}agent-${id}`, version: '0.1.0', description: `${title}.` };
  return `${JSON.stringify({ ...template, ...own }, null, 2)}\n`;
}

/** The template's README from its second paragraph on, below what the agent is. */
const readme = (text: string, id: string, intro: string): string =>
  text.replace(/^# .*\n\n[\s\S]*?\n\n/, () => `# ${id}\n\n${intro}\n\n`);

const unlike = (language: Language, how: string): CliError =>
  new CliError(`The template ${TEMPLATES[language]} ${how}.`, {
    lines: [`Bring it back with: git checkout -- ${TEMPLATES[language]}`],
  });
