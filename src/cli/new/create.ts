/** Makes an agent in a repository of an orchestrator: its folder, its entry, its variables. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, UsageError } from '../exit';
import {
  ENVIRONMENT,
  environmentEdit,
  freePortIn,
  hasAgent,
  REGISTRY,
  registryEdit,
  type Edit,
} from './edits';
import { namesOf, type Language, type Names } from './names';
import { filesOf, TEMPLATES, type NewFile } from './template';

export interface Plan {
  readonly root: string;
  readonly names: Names;
  readonly language: Language;
  /** `agents/<id>`. */
  readonly folder: string;
  readonly port: number;
  readonly files: readonly NewFile[];
  readonly edits: readonly Edit[];
}

/** What became of the lines to add: where there was no place for them, they are left to people. */
export interface Edited {
  readonly path: string;
  readonly added: string;
  readonly outcome: 'added' | 'there already' | 'by hand';
}

/**
 * The repository that a folder belongs to.
 * @throws UsageError when there is none, or it has no template of that language
 */
export function rootOf(folder: string, language: Language): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, REGISTRY)) && existsSync(join(at, 'agents'))) {
      if (existsSync(join(at, TEMPLATES[language]))) return at;
      throw new UsageError(`${at} has no ${TEMPLATES[language]}, the template of a new agent.`, {
        lines: [`Bring it back with: git checkout -- ${TEMPLATES[language]}`],
      });
    }
    if (dirname(at) === at) break;
  }
  throw new UsageError(`A new agent is made in the repository of an orchestrator; ${folder} is in none.`, {
    lines: [
      `Go to your clone of it, the folder with ${REGISTRY} and ${TEMPLATES[language]}, and run it there.`,
    ],
  });
}

/** What would be done. Changes nothing. @throws UsageError when the name is not one, or taken */
export function planAgent(root: string, name: string, language: Language): Plan {
  const registry = readFileSync(join(root, REGISTRY), 'utf8');
  const example = join(root, ENVIRONMENT);
  const environment = existsSync(example) ? readFileSync(example, 'utf8') : '';
  const isThere = (id: string) =>
    lstatSync(join(root, 'agents', id), { throwIfNoEntry: false }) !== undefined || hasAgent(registry, id);
  const names = namesOf(name, language, isThere);
  const port = freePortIn([registry, environment]);
  return {
    root,
    names,
    language,
    folder: `agents/${names.id}`,
    port,
    files: filesOf(root, language, names),
    edits: [registryEdit(names, port), environmentEdit(names, port)],
  };
}

/** Writes the folder as a whole, or nothing of it. @throws CliError when it cannot be written */
export async function writeFolder({ root, names, folder, files }: Plan): Promise<void> {
  const unfinished = join(root, 'agents', `.${names.id}-${process.pid}`);
  try {
    await mkdir(unfinished);
    for (const { path, content } of files) {
      const file = join(unfinished, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content, { flag: 'wx' });
    }
    // Somebody else may have made one meanwhile: a folder that holds something is never replaced.
    await rename(unfinished, join(root, folder));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new CliError(`${folder} was not made: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Adds the lines that make the agent known.
 * @param write false: only says what would be done
 * @throws CliError naming what is left to do when a file cannot be written
 */
export async function edit({ root, folder, edits }: Plan, write: boolean): Promise<Edited[]> {
  const done: Edited[] = [];
  for (const { path, added, apply } of edits) {
    const file = join(root, path);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const after = apply(text);
    const outcome = after === undefined ? 'by hand' : after === text ? 'there already' : 'added';
    if (write && after !== undefined && outcome === 'added') {
      await writeFile(file, after).catch((cause: Error) => {
        const lines = ['Add to it:', ...added.split('\n')];
        throw new CliError(`${folder} is made, but not known: ${path}: ${cause.message}`, { cause, lines });
      });
    }
    done.push({ path, added, outcome });
  }
  return done;
}
