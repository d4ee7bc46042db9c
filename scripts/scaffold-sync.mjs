// Copies the scaffold to every agent: from agents/_template to those in TypeScript (which have src/runner.ts), from
// agents/_template-python to those in Python (scaffold/runner.py).
//   npm run scaffold:sync              writes what differs, and names it
//   npm run scaffold:sync -- --check   only names it; exit code 1 when something differs
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The same to the byte in every agent in TypeScript. */
const TYPESCRIPT = [
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
/** The same to the byte in every agent in Python. */
const PYTHON = [
  'main.py',
  'scaffold/context.py',
  'scaffold/contract.py',
  'scaffold/deliver.py',
  'scaffold/replay.py',
  'scaffold/runner.py',
  'scaffold/schema.py',
  'scaffold/server.py',
  'tests/__init__.py',
  'tests/context.py',
  'tests/test_agent.py',
  'tests/test_scaffold.py',
  'AGENTS.md',
  'Procfile',
  'requirements.txt',
  '.gitignore',
];
/** Optional: kept the same in the agents that have it. */
const OPTIONAL = 'src/llm';
/** What the shared files import; the rest of an agent's dependencies are its job's. */
const DEPENDENCIES = ['bullmq', 'express', 'ioredis', 'zod'];

const agents = join(dirname(fileURLToPath(import.meta.url)), '../agents');
const pathOf = (agent, file) => join(agents, agent, file);
const read = (agent, file) =>
  existsSync(pathOf(agent, file)) ? readFileSync(pathOf(agent, file), 'utf8') : '';

function optionalFiles(agent) {
  if (!existsSync(pathOf(agent, OPTIONAL))) return [];
  return readdirSync(pathOf('_template', OPTIONAL)).map((name) => `${OPTIONAL}/${name}`);
}

/** The scaffold's scripts and dependencies in the agent's manifest, which keeps its own. */
function manifest(agent) {
  const [template, own] = ['_template', agent].map((name) => JSON.parse(read(name, 'package.json')));
  const needed = DEPENDENCIES.map((name) => [name, template.dependencies[name]]);
  const merged = {
    ...own,
    engines: template.engines,
    scripts: { ...own.scripts, ...template.scripts },
    dependencies: sorted({ ...own.dependencies, ...Object.fromEntries(needed) }),
    devDependencies: sorted({ ...own.devDependencies, ...template.devDependencies }),
  };
  return `${JSON.stringify(merged, null, 2)}\n`;
}

const sorted = (entries) => Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The scaffold's variables as the template documents them, then the agent's own with their comments. */
function environment(template, agent) {
  const scaffold = read(template, '.env.example');
  const known = new Set([...scaffold.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name));
  const entries = read(agent, '.env.example').match(/(?:^(?:#.*)?\n)*^[A-Z_]+=.*\n/gm) ?? [];
  const own = entries.filter((entry) => !known.has(/^([A-Z_]+)=/m.exec(entry)?.[1]));
  return scaffold + (own.length > 0 ? `\n${own.join('').trimStart()}` : '');
}

/** By language: the template, a file by which its agents are known, and what they share. */
const FAMILIES = [
  {
    template: '_template',
    mark: 'src/runner.ts',
    shared: (agent) => [...TYPESCRIPT, ...optionalFiles(agent)],
    more: (agent) => [['package.json', manifest(agent)]],
  },
  { template: '_template-python', mark: 'scaffold/runner.py', shared: () => PYTHON, more: () => [] },
];

/** Each file of the agent that the scaffold decides on, with what it should hold. */
function expected({ template, shared, more }, agent) {
  const copied = shared(agent).map((file) => [file, read(template, file)]);
  return [...copied, ...more(agent), ['.env.example', environment(template, agent)]];
}

const targets = FAMILIES.flatMap((family) =>
  readdirSync(agents)
    .filter((name) => existsSync(pathOf(name, family.mark)))
    .map((agent) => ({ family, agent })),
);
const checkOnly = process.argv.includes('--check');
const differing = targets.flatMap(({ family, agent }) =>
  expected(family, agent)
    .filter(([file, text]) => read(agent, file) !== text)
    .map(([file, text]) => ({ agent, file, text })),
);
for (const { agent, file, text } of differing) {
  console.log(`${checkOnly ? 'differs' : 'written'}: agents/${agent}/${file}`);
  if (checkOnly) continue;
  mkdirSync(dirname(pathOf(agent, file)), { recursive: true });
  writeFileSync(pathOf(agent, file), text);
}
if (differing.length === 0) console.log(`the scaffold is the same in ${targets.length} agents`);
else if (checkOnly) {
  console.log('npm run scaffold:sync copies it from the template');
  process.exitCode = 1;
} else if (differing.some(({ file }) => file === 'package.json')) console.log('next: npm install');
