/** Where the registry and the agents of a development come from, read anew after each change. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { agentVariables, type RegistryInput } from '../../registry';
import { UsageError } from '../exit';
import { addressOf, ROOT } from '../local/installation';
import type { Remembered } from '../local/remembered';

export interface Source {
  /** Folders of the agents, by id. */
  agents: ReadonlyMap<string, string>;
  /** What is watched; a change means that the registry is read again. */
  watched: string;
  /** Has to succeed before it is read again. */
  build?: string;
  /** @throws Error when it cannot be read, with the place */
  read: (env: NodeJS.ProcessEnv) => RegistryInput;
}

/** @throws UsageError when there is no such folder or file */
export function sourceOf(options: { agents?: string; registry?: string }): Source {
  const agents = agentsIn(resolve(options.agents ?? join(ROOT, 'agents')));
  if (options.registry === undefined) return { agents, ...ownRegistry() };
  const file = resolve(options.registry);
  if (!existsSync(file)) throw new UsageError(`There is no file ${options.registry}.`);
  return { agents, watched: file, read: (env) => load(file, dirname(file), env) };
}

/** That of the repository: TypeScript, which is made JavaScript beside the running program. */
function ownRegistry(): Omit<Source, 'agents'> {
  const sources = join(ROOT, 'src', 'registry');
  const built = join(ROOT, 'dist', 'registry');
  const read = (env: NodeJS.ProcessEnv) => load(join(built, 'index.js'), built, env);
  if (!existsSync(sources)) return { watched: built, read };
  return { watched: sources, build: `"${process.execPath}" scripts/transpile-now.mjs`, read };
}

/** Every folder with a Procfile; those that begin with an underscore are templates. */
function agentsIn(folder: string): ReadonlyMap<string, string> {
  if (!existsSync(folder)) throw new UsageError(`There is no folder ${folder}.`);
  const names = readdirSync(folder).filter((name) => !/^[._]/.test(name));
  const found = names.filter((name) => existsSync(join(folder, name, 'Procfile')));
  return new Map(found.map((name) => [name, join(folder, name)]));
}

/** @param own the folder whose modules may have changed since they were loaded */
function load(file: string, own: string, env: NodeJS.ProcessEnv): RegistryInput {
  if (extname(file) === '.json') return JSON.parse(readFileSync(file, 'utf8')) as RegistryInput;
  for (const path of Object.keys(require.cache)) if (path.startsWith(own)) delete require.cache[path];
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a module that is loaded again has to be
  const module = require(file) as { registry?: unknown };
  if (module.registry === undefined) throw new Error(`${file} exports no \`registry\``);
  return declared(module.registry, env);
}

type Declare = (env: NodeJS.ProcessEnv) => RegistryInput;

/** What is wrong with its shape is told by the check of the registry. */
const declared = (registry: unknown, env: NodeJS.ProcessEnv): RegistryInput =>
  typeof registry === 'function' ? (registry as Declare)(env) : (registry as RegistryInput);

/** The environment the registry is read under: every agent that is here has a capsule, an address and a secret. */
export function registryEnv(
  agents: Iterable<string>,
  remembered: Remembered,
  capsuleOf: (id: string) => string,
): NodeJS.ProcessEnv {
  const own = [...agents].flatMap((id): Array<[string, string | undefined]> => {
    const { capsuleId, baseUrl, secret } = agentVariables(id);
    return [
      [capsuleId, capsuleOf(id)],
      [baseUrl, addressOf(remembered, id)],
      [secret, remembered.secrets[id]],
    ];
  });
  return { ...process.env, ...Object.fromEntries(own) };
}
