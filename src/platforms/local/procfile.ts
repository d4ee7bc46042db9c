import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'dotenv';

/** Variables a capsule gets from this process; all others, and so all its secrets, stay here. */
const INHERITED = ['PATH', 'HOME', 'TZ', 'LANG'];

/**
 * The `web:` command of a folder's Procfile.
 * @throws Error saying what to write, when there is none
 */
export async function webCommand(folder: string): Promise<string> {
  const path = join(folder, 'Procfile');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`Cannot read ${path}; write one with a line such as "web: node dist/index.js".`, {
      cause,
    });
  }
  const command = /^web:[ \t]*(\S.*)$/m.exec(text)?.[1]?.trim();
  if (!command) throw new Error(`${path} has no "web:" line; add one such as "web: node dist/index.js".`);
  return command;
}

/** A capsule's whole environment: a few inherited variables, then `.env`, then `given`. */
export async function capsuleEnv(
  folder: string,
  given: Record<string, string>,
): Promise<Record<string, string>> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...(await dotenvOf(folder)), ...given };
}

async function dotenvOf(folder: string): Promise<Record<string, string>> {
  try {
    return parse(await readFile(join(folder, '.env')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`Cannot read ${join(folder, '.env')}.`, { cause: error });
  }
}
